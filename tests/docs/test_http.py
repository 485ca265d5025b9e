"""The page of the API is whole: every range of a field, every code of a call's errors; and its request is sent."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.core.speech import WORDS, SpeechUnavailable
from otpvoice.dialects.native import CallBody
from tests.docs.test_errors import API, calls
from tests.web.world import BODY, KEY, logged, opened

SCHEMA: dict[str, Any] = CallBody.model_json_schema()
MODELS: dict[str, dict[str, Any]] = {"CallBody": SCHEMA, **SCHEMA["$defs"]}
SHORTHAND = ("brand", "template", "times", "speed")
"""Fields of a call that are those of its ``say_code``, and are explained there."""
PLACES = {"Webhook": "| `webhook` |", "Gate": "- `gate`:", "Replay": "- `replay`:", "LanguageKey": "- `languages` "}
"""What begins the place of a model that is no action."""


# --- ranges -----------------------------------------------------------------------------------------------------------


def place(begins: str) -> str:
    """Return the row of a table, or the entry of a list, that begins so."""
    *_, found = re.findall(rf"^{re.escape(begins)}(?:.*\n)(?:  .*\n)*", API, re.MULTILINE)
    return " ".join(found.split())  # the last one: a field of the call is called as an action is


def written(number: float) -> str:
    return f"{number:,.0f}" if number >= 10_000 else f"{number:g}"


def bounds(field: dict[str, Any]) -> list[str]:
    """Return the bounds of each kind of value that a field takes, as the page writes them."""
    found = []
    for kind in (field, *field.get("anyOf", ()), *field.get("oneOf", ())):
        least, most = (
            next((kind[name] for name in names if name in kind), None)
            for names in (("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems", "maxProperties"))
        )
        assert least is None or most is not None
        if most is not None:
            found.append(f"≤ {written(most)}" if least is None else f"{written(least)}–{written(most)}")
    return found


def ranges() -> Iterator[tuple[str, str, list[str]]]:
    for model, schema in MODELS.items():
        for name, field in schema.get("properties", {}).items():
            if found := bounds(field):
                yield model, name, found


def says(model: str, name: str, found: list[str]) -> bool:
    """Does the page say these bounds of a field, where it explains it?"""
    if model == "CallBody":
        if name in SHORTHAND:
            return found == bounds(MODELS["SayCode"]["properties"][name])
        (row,) = re.findall(rf"^\| [^|]*`{name}`[^|]* \| (.*?) \|", API, re.MULTILINE)
        return re.search(rf"(?<![\d.,]){re.escape(found[0].removeprefix('≤ '))}(?![\d.,]*\d)", row) is not None
    if name in {"id", "tag"}:
        return f"Each may have an `id` and a `tag` of its own, {found[0]} characters each" in API
    kinds = MODELS[model]["properties"].get("type", {})
    text = place(PLACES["LanguageKey"] if name == "languages" else PLACES.get(model) or f"| `{kinds['const']}` |")
    if len(found) > 1:
        text_, list_ = found
        return bool(re.search(rf"`{name}`(, `\w+`)* \((each )?a text of {text_}, or a list of {list_} `", text))
    return re.search(rf"`{name}` {re.escape(found[0])}(?![\d.,]*\d)", text) is not None


def test_the_ranges_are_found() -> None:
    """A search that finds nothing would agree with every page."""
    found = {(model, name): found for model, name, found in ranges()}
    assert found["SayCode", "slow_down"] == ["0–0.5"]
    assert found["Gather", "prompt"] == ["1–3000", "≤ 20"]
    assert found["CallBody", "max_duration"] == ["10–14,400"]
    assert len(found) > 40


@pytest.mark.parametrize(("model", "name", "found"), [pytest.param(*one, id=f"{one[0]}.{one[1]}") for one in ranges()])
def test_the_page_says_the_range_of_each_field(model: str, name: str, found: list[str]) -> None:
    assert says(model, name, found), found


@pytest.mark.parametrize(
    ("model", "name", "found"),
    [
        ("SayCode", "group", ["0–11"]),
        ("SayCode", "slow_down", ["0–0.4"]),
        ("Say", "gap", ["0–1"]),
        ("Say", "text", ["1–300"]),
        ("Gather", "prompt", ["1–3000", "≤ 21"]),
        ("CallBody", "max_duration", ["10–14,401"]),
        ("CallBody", "sip_headers", ["≤ 11"]),
        ("Gate", "timeout", ["1–6"]),
        ("Say", "id", ["1–65"]),
    ],
)
def test_another_range_would_be_seen(model: str, name: str, found: list[str]) -> None:
    assert not says(model, name, found)


# --- what went wrong on the way ---------------------------------------------------------------------------------------

CODE_AT = {"ActionFault": 0, "PlanOver": 0, "ActionFailed": 1, "NoAnswer": 0, "NotInstructed": 1, "_fail": 0}
"""Who is given a code of a call's errors, and as which argument."""
PASSED_ON = {"code", "fault.code", "over.code", "missing.code", "*unavailable.complaint"}
"""What hands one on that was given elsewhere."""


def codes() -> Iterator[str]:
    for origin, call in calls():
        called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if called == "_fail" and origin != "core/flow.py":
            continue
        if called in CODE_AT and len(call.args) > CODE_AT[called]:
            match call.args[CODE_AT[called]]:
                case ast.Constant(value=str(code)):
                    yield code
                case other:
                    assert ast.unparse(other) in PASSED_ON, origin
    yield from WORDS
    yield SpeechUnavailable("for no reason that has a word").complaint[0]


def test_the_table_of_what_went_wrong_is_whole() -> None:
    table = API.split("\n### What went wrong on the way\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    heading, *listed = [code for row in rows for code in re.findall(r"`(\w+)`", row)]
    found = set(codes())
    assert {"gate_not_passed", "answer_late", "media_lost", "end_not_seen", "audio_status"} <= found
    assert (heading, sorted(listed)) == ("code", sorted(found))


def test_the_reasons_of_speech_that_are_words_have_a_meaning() -> None:
    """Else they would be told as if they were sentences."""
    given = {
        word.value
        for origin, call in calls()
        if origin.startswith("adapters/speech/") and getattr(call.func, "id", "") == "SpeechUnavailable"
        for word in ast.walk(call.args[0])
        if isinstance(word, ast.Constant) and re.fullmatch(r"[a-z]+_[a-z_]+", str(word.value))
    }
    assert {"audio_status", "prompt_missing", "prompt_unreadable"} <= given
    # Nobody asks for a tone: one that can't be made is a fault of ours.
    assert given - {"tone_frequency"} <= WORDS.keys()


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_the_languages_are_told_on_their_own_page_alone() -> None:
    text = API.split("\n#### Languages\n", 1)[1].split("\n#### ", 1)[0]
    assert "(languages.md)" in text
    locales = load_locales()
    for tag, found in (("pt-BR", "pt-BR"), ("pt", "pt"), ("zh-Hant", "zh-TW"), ("sh", "sr"), ("no", "nb")):
        assert f"`{tag}`" in text
        assert locales.lookup(tag).tag == found


async def test_the_request_with_a_key_may_be_sent_twice() -> None:
    (command,) = [
        block
        for block in re.findall(r"^```console\n(.*?)^```$", API, re.MULTILINE | re.DOTALL)
        if "Idempotency-Key" in block
    ]
    with logged():
        async with opened() as door:
            sent = command.replace("http://127.0.0.1:8080", door.base).replace("+12025550123", BODY["to"])
            sent = sent.replace("curl -s", "curl -si", 1)
            first, again = [await said(sent) for _ in range(2)]
    assert "idempotency-replayed" not in first[0]
    assert "idempotency-replayed: true" in again[0]
    assert first[1]["id"] == again[1]["id"]
    assert first[1]["state"] == "queued"


async def said(command: str) -> tuple[str, dict[str, Any]]:
    """Run a command; return what was answered: the head in small letters, and the body."""
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", command, env=os.environ | {"KEY": KEY}, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await shell.communicate()
    head, body = answer.split(b"\r\n\r\n", 1)
    return head.decode().lower(), json.loads(body)
