"""``python -m tests.docs.argument_table``: writes the tables of arguments into the dialplan's page, from the code.

It changes nothing outside of the markers, and refuses a page without them. Ranges and defaults are those of the models
that the HTTP API has, too; what a model can't say is in ``WORDS``, and tried out by the page's tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otpvoice.dialects import native_actions, native_speech, native_streams
from otpvoice.dialects.stasis_keys import KEYS, OTHER_DOORS, OUR_DOOR, REASONS, Key, Kind
from otpvoice.dialects.stream_rules import FORMAT_NAMES

PAGE: Final = Path(__file__).parents[2] / "docs" / "dialplan.md"
WORDS: Final = {
    "call": "`call_…`",
    "play": "1–64 of `A-Za-z0-9_-`, or `http…://…`",
    "code": "3–12 of `0-9A-Za-z`",
    "code_var": "a plain name: `A-Za-z0-9_`, no digit first",
    "language": "`en-US`, `de`, …",
    "voice": "`espeak`, `espeak:de`, …; or a hosted product's, `en-IE-EmilyNeural`",
    "dial": "E.164 with plus, or an extension of `LOCAL_NUMBERS`",
    "header": '1–10 of `X-…`: `header=X-A`, `"header=X-A,X-B"`',
    "door": ", ".join(f"`{name}`" for name in (OUR_DOOR, *OTHER_DOORS)),
    "then": "`continue`, `hangup`",
    "brand": "1–30 characters",
    "tag": "1–64 characters",
    "say": "1–3000 characters",
    "prompt": "1–3000 characters",
    "terminators": "up to 16 of `0-9*#A-D`",
    "valid": "1–16 of `0-9*#A-D`",
    "gate": "one of `0-9*#`, `any`, `random`",
    "replay": "one of `0-9*#`",
    "webhook": "`http…://…`, up to 2048 characters",
    "stream": "`ws…://…`, up to 2048 characters; in a format that asks for it `https://…`",
    "format": ", ".join(f"`{name}`" for name in FORMAT_NAMES),
    "mode": "`listen`, `talk`",
    "tracks": '`inbound` or `near`, `outbound` or `far`, `second`: `"tracks=near,far"`',
}
DEFAULTS: Final = {
    "language": "`OTPVOICE_LANGUAGE`",
    "voice": "`OTPVOICE_VOICE`",
    "times": "2; of a text or a recording 1",
    "speed": "0.9; of a text 1",
    "door": "`dialplan`",
    "then": "`continue`",
    "gate": "–",
    "replay": "–",
    "webhook": "`OTPVOICE_WEBHOOK_URL`",
    "tracks": "`inbound`; of the [tap](#stream-a-call) `near,far`",
}
_FIELDS: Final = {"gather": "max_digits", "min": "min_digits", "valid": "valid_digits"}
_GATHER: Final = native_actions.Gather.model_json_schema()["properties"]
_SAY_CODE: Final = native_speech.SayCode.model_json_schema()["properties"]
_STREAM: Final = native_streams.Stream.model_json_schema()["properties"]
_OF: Final = {"gather": _GATHER, "stream": _STREAM}
"""By the key that begins an action: its fields. Others are those of a code."""


def arguments() -> str:
    """Return the table of keys."""
    rows = [
        f"| `{name}` | {key.meaning} | {_values(name, key)} | {_default(name, key)} |" for name, key in KEYS.items()
    ]
    return "\n".join(["| key | meaning | value | default |", "|---|---|---|---|", *rows])


def reasons() -> str:
    """Return the table of what ``OTPVOICE_REASON`` says beside ``invalid``."""
    return "\n".join(
        ["| reason | meaning |", "|---|---|", *(f"| `{word}` | {said} |" for word, said in REASONS.items())]
    )


def _values(name: str, key: Key) -> str:
    if name in WORDS:
        return WORDS[name]
    if key.kind is Kind.SWITCH:
        return "`yes`, `no`"
    schema = _schema(name)
    return f"{schema['minimum']:g}–{schema['maximum']:g}"


def _default(name: str, key: Key) -> str:
    if name in DEFAULTS:
        return DEFAULTS[name]
    value = _schema(name).get("default")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value:
        return f"`{value}`"
    return f"{value:g}" if isinstance(value, int | float) else "–"


def _schema(name: str) -> Mapping[str, Any]:
    """Return what the model says of a key's field; of one that may be absent, what it says of its value."""
    field = _FIELDS.get(name, name)
    first = next(iter(KEYS[name].goes_with), name)
    schema = _OF.get(first, _SAY_CODE).get(field)
    return next((one for one in (schema or {}).get("anyOf", ()) if one["type"] != "null"), schema or {})


TABLES: Final = {"arguments": arguments, "reasons": reasons}


def with_tables(page: str) -> str:
    """Return the page with the tables as they are now. Raises ``ValueError`` where a marker is missing."""
    for name, table in TABLES.items():
        before, rest = page.split(f"<!-- {name}: begin -->\n")
        _, after = rest.split(f"<!-- {name}: end -->\n")
        page = f"{before}<!-- {name}: begin -->\n\n{table()}\n\n<!-- {name}: end -->\n{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
