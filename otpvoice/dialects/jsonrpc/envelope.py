"""The envelope of a request and of an answer: ``{"jsonrpc": …, "method": …, "params": {…}, "id": …}``.

Only ``method`` is looked for. The vendor's own samples write ``json_rpc``, or neither; ``params`` that are absent, null
or empty are none; and one of his servers answers with a list of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otpvoice.dialects.jsonrpc.lenient import Given, Wrong
from otpvoice.dialects.jsonrpc.words import RequestId
from otpvoice.dialects.reader import read_value, without_mark


@dataclass(frozen=True, slots=True)
class Envelope:
    """``method`` None: there is none. ``bare``: there is nothing at all."""

    method: str | None
    params: Given = field(repr=False)
    bare: bool


def read_body(body: bytes) -> Any:
    """Return what a body holds. Raises ``ProblemFound`` for what is no JSON."""
    return read_value(without_mark(body))


def id_of(document: Any) -> RequestId | None:
    """Return the id that a request has; None: none, or one that is no id (JSON-RPC 2.0, section 4)."""
    given = document.get("id") if isinstance(document, dict) else None
    return given if isinstance(given, str | int | float) and not isinstance(given, bool) else None


def read_envelope(document: Any) -> Envelope:
    """Return what a document asks for. Raises ``Wrong``."""
    if not isinstance(document, dict):
        raise Wrong("$", "type", "must be an object")
    method = Given(document).text("method")
    params = document.get("params")
    # An empty list is what some serializers make of an empty object.
    if params is None or params in ([], ""):
        params = {}
    if not isinstance(params, dict):
        raise Wrong("$.params", "type", "must be an object")
    return Envelope(method.strip() if method is not None else None, Given(params, ("params",)), not document)
