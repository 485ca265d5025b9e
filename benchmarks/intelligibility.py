"""How well a code is understood at the other end: STOI of what a callee got, against the master that was made.

A real service, a real Asterisk and a telephone that loses packets. STOI (Taal et al., 2011) compares short-time
envelopes in third-octave bands from 150 Hz on: 1 is the same, below 0.6 much is guessed. What got lost is silence here:
a telephone conceals it, and does better. No figure says whether the words are right.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import numpy as np
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from benchmarks.report import Line
from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import SayCode
from otpvoice.core.reading import code_script
from otpvoice.core.secret import OtpCode
from otpvoice.media import g711
from otpvoice.media.clip import MASTER_RATE
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, IncomingCall, Invite, Law, Scenario
from otpvoice.testkit.programs import find
from otpvoice.testkit.serve import ServeInstance

SHARES: Final = (0.0, 0.01, 0.03, 0.05)
"""Of the packets, lost at random."""
CODE: Final = "4829137506"
"""Every digit once."""
AT_ONCE: Final = 24
SOON: Final = 90.0
PREFIX: Final = "+1555"

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Understood:
    """STOI of one language, by the share of packets that got lost."""

    language: str
    scores: dict[float, float]


async def measure(
    folder: Path,
    languages: Sequence[str] | None = None,
    shares: Sequence[float] = SHARES,
    say: Callable[[str], None] = lambda _: None,
) -> list[Understood]:
    """Call once for each language (None: all packs) and share. Raises ``RuntimeError`` for a call that did not work."""
    locales = load_locales()
    languages = list(locales.tags if languages is None else languages)
    cases = {
        f"{PREFIX}{number:07d}": (language, share)
        for number, (language, share) in enumerate((one, share) for one in languages for share in shares)
    }

    def of(invite: Invite) -> Scenario:
        number = next(number for number in cases if number.endswith(invite.number[-7:]))
        return Scenario.answers().with_loss(cases[number][1], seed=int(number[-7:]))

    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(CalleeAgent(of))
        asterisk = await stack.enter_async_context(
            await AsteriskInstance.start(folder / "asterisk", trunk=agent.address, rtp_ports=4 * AT_ONCE)
        )
        settings = {
            "ari_url": asterisk.ari_url,
            "ari_user": asterisk.ari_user,
            "ari_password": asterisk.ari_password,
            "trunk": "PJSIP/{number}@trunk",
            "caller_ids": "+15550199",
            "dev": 1,
            "media_legs": f"{AT_ONCE + 4}:{AT_ONCE + 4}",
        }
        service = await stack.enter_async_context(await ServeInstance.start(folder / "service", settings))
        http = await stack.enter_async_context(aiohttp.ClientSession(service.url, headers=service.headers))
        await service.ready(within=60)
        at_once = asyncio.Semaphore(AT_ONCE)

        async def heard(number: str) -> Samples:
            async with at_once:
                return await _call(http, agent, number, cases[number][0])

        say(f"{len(cases)} calls, {AT_ONCE} at once")
        sounds = dict(zip(cases, await asyncio.gather(*map(heard, cases)), strict=True))
    say("comparing")
    masters = {language: await master(language) for language in languages}
    scores = {cases[number]: stoi(masters[cases[number][0]], sound) for number, sound in sounds.items()}
    return [Understood(language, {share: scores[language, share] for share in shares}) for language in languages]


async def _call(http: aiohttp.ClientSession, agent: CalleeAgent, number: str, language: str) -> Samples:
    body = {"to": number, "language": language, "actions": [{"type": "say_code", **_reading()}]}
    async with http.post("/v1/calls", json=body) as answer:
        told: Any = await answer.json()
        if answer.status != 202:
            raise RuntimeError(f"{language}: {told}")
    async with asyncio.timeout(SOON):
        while (call := _call_to(agent, number)) is None:  # noqa: ASYNC110 - a telephone in this process
            await asyncio.sleep(0.02)
        await call.ended(within=SOON)
    recording = call.recording
    law: g711.Law = "ulaw" if recording.law is Law.PCMU else "alaw"
    return _samples(g711.decode(recording.payload(), law))


def _call_to(agent: CalleeAgent, number: str) -> IncomingCall | None:
    return next((call for call in agent.calls if call.invite.number.endswith(number[-7:])), None)


def _reading() -> dict[str, Any]:
    return {"code": CODE, "times": 1, "slow_down": 0}


async def master(language: str) -> Samples:
    """Return what is read in this language, as it was made: 16 kHz, before it became telephone sound."""
    locales = load_locales()
    renderer = Renderer([Espeak(str(find("espeak-ng")))], locales, "ulaw", finishing=AtHand())
    script = code_script(SayCode(OtpCode(CODE), times=1, slow_down=0), language, None, locales)
    try:
        clips = await renderer.clips(script)
    finally:
        await renderer.close()
    return np.concatenate([_samples(clip.master) for clip in clips])


def stoi(clean: Samples, heard: Samples) -> float:
    """Return STOI of telephone sound (8 kHz) against a master (16 kHz), which may begin anywhere in it."""
    from pystoi import stoi as compare  # type: ignore[import-untyped]  # noqa: PLC0415 - brings scipy, a second

    wide = soxr.resample(heard, g711.SAMPLE_RATE, MASTER_RATE, "VHQ")
    length = len(clean) + len(wide)
    product = np.fft.irfft(np.fft.rfft(wide, length) * np.conj(np.fft.rfft(clean, length)), length)
    begin = int(np.argmax(product[: len(wide)]))
    part = wide[begin : begin + len(clean)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns where there is too little speech to say anything
        return float(compare(clean[: len(part)], part, MASTER_RATE))


def _samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


def lines(understood: Sequence[Understood]) -> Iterator[Line]:
    """Tell the mean and the worst language for each share."""
    for share in understood[0].scores if understood else ():
        scores = {one.language: one.scores[share] for one in understood}
        worst = min(scores, key=scores.__getitem__)
        remark = f"{len(scores)} languages; the least: {worst}, {scores[worst]:.3f}"
        yield Line(f"STOI at {share:.0%} loss", sum(scores.values()) / len(scores), "", None, remark)


def table(understood: Sequence[Understood]) -> str:
    """Return all of it for a page of documentation."""
    shares = list(understood[0].scores)
    head = f"| language | {' | '.join(f'{share:.0%} lost' for share in shares)} |\n|---|{'---|' * len(shares)}\n"
    rows = (f"| {one.language} | {' | '.join(f'{one.scores[share]:.3f}' for share in shares)} |" for one in understood)
    return head + "\n".join(rows) + "\n"
