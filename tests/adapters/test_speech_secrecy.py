"""No code is left behind: not in memory, not on the disk, not in the log, whichever way it came in."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.speech.clips.files import ClipFiles
from otpvoice.adapters.speech.standing import ENOUGH
from otpvoice.core.actions import Gate, Replay, Say, SayCode
from otpvoice.core.compile import compile_plan, scripts_in
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, SpeechUnavailable
from otpvoice.media.g711 import encode
from tests.adapters.speech_stands import LOCALES, Stand, renderer

CODES: Final = ("918273", "KXWQZ", "9K2w7Q", "kxwqz")


def plans(code: str) -> dict[str, tuple[Say | SayCode, ...]]:
    apart = " ".join(code)
    return {
        "say_code": (SayCode(OtpCode(code), gate=Gate("1"), replay=Replay()),),
        "spelled": (SayCode(OtpCode(code), spelling=True),),
        "say": (Say(f"Your code is {code}."), Say(f"Once more: {apart}"), SayCode(OtpCode("000"))),
        "template": (SayCode(OtpCode("000"), template=f"It is {code}, again: {{code}} or {apart}"),),
        "brand": (SayCode(OtpCode("000"), brand=code), SayCode(OtpCode("000"), brand=apart)),
    }


@pytest.mark.parametrize("way", plans("000"))
@pytest.mark.parametrize("code", CODES)
async def test_no_code_stays_anywhere(way: str, code: str, tmp_path: Path) -> None:
    files, stand = ClipFiles(tmp_path / "clips", 1 << 24), Stand(languages=("en", "de"))
    voice = renderer(stand, files=files)
    plan = CallPlan(None, None, "default", "en", plans(code)[way])
    scripts = scripts_in(compile_plan(plan, LOCALES))
    whole = [text for text in plan_texts(scripts) if code in text or " ".join(code) in text]
    assert bool(whole) is (way in {"say", "template", "brand"})
    with capture_logs() as lines:
        for _ in range(2):  # the second time it is in memory, or not
            for script in scripts:
                await voice.prepare(script)
        stand.fault = SpeechUnavailable("no")
        failures = await asyncio.gather(*map(voice.prepare, scripts), return_exceptions=True)
    assert not holds(repr([str(one) for one in failures if isinstance(one, Exception)]), code)
    await files.close()

    supply = voice.supply
    kept: dict[Any, bytes] = {**supply._clips._kept, **supply._clips._recent, **supply._said._recent}
    assert kept, "what may be kept is kept"
    assert not [order for order in kept if holds(order.text, code)]
    assert not holds("".join(order.text for order in kept), code), "characters in the order of a code"
    spoken = [repr(asked).encode() * 2 for asked in stand.asked if asked[0] in whole]
    assert bool(spoken) is bool(whole)
    assert not [pcm for pcm in spoken if encode(pcm, "ulaw") in kept.values()]

    on_disk = [path for path in (tmp_path / "clips").rglob("*") if path.is_file()]
    assert on_disk
    assert not [path for path in on_disk if holds(path.name, code)]
    for path in on_disk:
        content = path.read_bytes()
        assert not [pcm for pcm in spoken if pcm in content]
        assert not [text for text in whole if text.encode() in content]

    assert not holds(repr(lines), code)
    assert not supply._under_way


AS_WORDS: Final = (
    ("en", "Your code is kxwqz"),
    ("en", "ab cd ef"),
    ("en", "forty-eight twenty-nine thirteen"),
    ("en", "alpha bravo charlie"),
    ("en", "vier acht zwei neun"),
    ("de", "zweiundvierzig achtundneunzig"),
    ("ru", "сорок восемь двадцать девять тринадцать"),
    ("ja", "よんはちに"),
    ("th", "สี่แปดสอง"),
)
"""Codes as somebody may write them; for most of them nobody can know that they are any."""


@pytest.mark.parametrize(("language", "text"), AS_WORDS)
async def test_a_text_of_one_call_is_kept_nowhere(language: str, text: str) -> None:
    """In its own call and in those that try again; what stands in call after call is no code."""
    stand = Stand(languages=("en", "de", "ru", "ja", "th"))
    voice = renderer(stand)
    plan = CallPlan(None, None, "default", language, (Say(text, times=3), SayCode(OtpCode("000")), Say(text)))
    scripts = scripts_in(compile_plan(plan, LOCALES))
    for tries in range(1, ENOUGH):
        await voice.prepare_all(scripts)
        kept: dict[Any, bytes] = {**voice.supply._clips._kept, **voice.supply._clips._recent}
        assert kept
        assert not [order for order in kept if text in order.text]
        assert stand.texts.count(text) == tries, "once for each call, however often it is in it"


@pytest.mark.parametrize("code", ["918273", "zebraknot", "9k2w7q"])
async def test_memory_forgets_in_which_order_a_code_was_read(code: str) -> None:
    """Of a code that is spoken its parts stay; which of them was used last must not tell what came last."""
    voice = renderer(Stand())
    script = tuple(CodeCharacter(one, 1, place, len(code), "en") for place, one in enumerate(code, start=1))
    for _ in range(2):
        await voice.prepare(script)
        in_memory = [order.text for order in voice.supply._clips._recent]  # type: ignore[attr-defined]
        assert in_memory == sorted(map(LOCALES.default.word, code))


def plan_texts(scripts: Any) -> list[str]:
    return [item.text for script in scripts for item in script if hasattr(item, "text")]


def holds(text: str, code: str) -> bool:
    """Is the code in it, one way or another?"""
    encoded = base64.b64encode(code.encode()).decode().rstrip("=")
    return any(one in text for one in (code, " ".join(code), code.lower(), encoded))
