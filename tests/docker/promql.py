"""What an expression in PromQL asks for: names, labels and values, held against the catalogue of metrics.

It is no parser: that an expression is one is for promtool to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from otpvoice.metrics.catalogue import CATALOGUE, Kind, Measured
from otpvoice.metrics.instruments import new_registry
from otpvoice.metrics.refusals import REFUSALS

TARGET: Final = frozenset({"job", "instance"})
"""Labels that Prometheus adds."""
_OF_PROMETHEUS: Final = {"up": TARGET, "ALERTS": TARGET | {"alertname", "alertstate", "severity"}}
_OF_PYTHON: Final = {sample.name: TARGET for family in new_registry().collect() for sample in family.samples}
_MEASURED: Final = {
    one.name + suffix: one
    for one in CATALOGUE
    for suffix in (("_bucket", "_sum", "_count") if one.kind is Kind.HISTOGRAM else ("",))
}
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME: Final = re.compile(r"(?<![\w:$])[A-Za-z_:][\w:]*")
_SERIES: Final = re.compile(r"(otpvoice_\w+)\{([^}]*)\}")
_MATCHER: Final = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")


def names_in(expression: str) -> set[str]:
    """Return the series that an expression asks for, recorded ones (with a colon) among them."""
    bare = re.sub(r"\{[^}]*\}", "", _QUOTED.sub('""', expression))
    found = set(_NAME.findall(_GROUPING.sub("", bare)))
    return {name for name in found if ":" in name or name.startswith(("otpvoice_", "process_", "python_"))} | (
        found & _OF_PROMETHEUS.keys()
    )


def labels_of(name: str) -> frozenset[str]:
    """Return the labels of a series. Raises ``KeyError``: there is none of this name."""
    if name in _OF_PROMETHEUS:
        return _OF_PROMETHEUS[name]
    if name in _OF_PYTHON:
        return _OF_PYTHON[name]
    own = {label.name for label in _MEASURED[name].labels}
    return frozenset(own | TARGET | ({"le"} if name.endswith("_bucket") else set()))


def wrong_with(expression: str, recorded: Iterable[str] = ()) -> list[str]:
    """Return what an expression asks for that there is not. ``recorded``: names that rules give."""
    names = names_in(expression)
    known = {name for name in names if name in {*_MEASURED, *_OF_PROMETHEUS, *_OF_PYTHON}}
    wrong = [f"no series {name}" for name in sorted(names - known - set(recorded))]
    if not names:
        wrong.append("it asks for nothing")
    if not any(":" in name for name in names):
        labels = frozenset[str]().union(*map(labels_of, known))
        grouped = {label.strip() for some in _GROUPING.findall(expression) for label in some.split(",")} - {""}
        wrong += [f"no label {label}" for label in sorted(grouped - labels)]
    for name, matchers in _SERIES.findall(expression):
        for label, how, value in _MATCHER.findall(matchers):
            if name in _MEASURED and label not in labels_of(name):
                wrong.append(f"no label {label} of {name}")
            elif name in _MEASURED:
                values = _values(_MEASURED[name], label)
                asked = value.split("|") if "~" in how else [value]
                wrong += [
                    f"{label} is never {one}"
                    for one in asked
                    if values and not one.startswith("$") and one not in values
                ]
    # The last two: what a series began with, where it was not there before.
    bare = re.sub(
        r"\b(?:(?:rate|increase|min_over_time)\(\s*otpvoice_\w+_(?:total|bucket|count|sum)\b"
        r"|unless\s+otpvoice_\w+_total(?:\{[^}]*\})?\s+offset\b)",
        "",
        expression,
    )
    wrong += [
        f"{name} is asked for itself" for name in re.findall(r"\botpvoice_\w+_(?:total|bucket|count|sum)\b", bare)
    ]
    return wrong


def _values(measured: Measured, label: str) -> set[str]:
    """Return all that a label may have; nothing where that is configured."""
    if (measured.name, label) == ("otpvoice_calls_refused_total", "reason"):
        return {reason for reasons in REFUSALS.values() for reason in reasons}
    return {value for one in measured.labels if one.name == label for value in one.values}
