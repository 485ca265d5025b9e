"""Good documents with one thing changed, for hypothesis."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st


def places(document: Any) -> list[tuple[Any, Any]]:
    """All values of a document, as (container, key)."""
    keys = document.keys() if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    return [place for key in keys for place in ((document, key), *places(document[key]))]


@st.composite
def one_value_changed(draw: st.DrawFn, documents: Sequence[Any], values: st.SearchStrategy[Any]) -> Any:
    """One of the documents, in which one value is another."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    container, key = draw(st.sampled_from(places(document)))
    container[key] = draw(values)
    return document


@st.composite
def one_field_more(
    draw: st.DrawFn, documents: Sequence[Any], names: st.SearchStrategy[str], values: st.SearchStrategy[Any]
) -> Any:
    """One of the documents, in which an object has a field more, or another one in its place."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    objects = [document, *(inner for outer, key in places(document) if isinstance(inner := outer[key], dict))]
    draw(st.sampled_from(objects))[draw(names)] = draw(values)
    return document
