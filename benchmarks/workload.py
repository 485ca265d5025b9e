"""The one call that everything here is measured with: a code of six digits, read once, and one key to confirm.

It is kept short (about three seconds of speech), so that a rate of calls does not need too many of them at once.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import Gather, SayCode
from otpvoice.core.digits import DigitRules
from otpvoice.core.flow import CallFlow
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import Silence
from otpvoice.media.playout import Piece, Playout
from otpvoice.session import LEAD_OUT
from otpvoice.testkit.programs import find

NUMBER: Final = "+12025550100"
CALLER: Final = "+12025550199"
KEY: Final = "1"
PRESS_AFTER: Final = 0.6
"""Seconds between the end of the speech and the key: the collection has begun by then, or the call has failed."""
SECRET: Final = OtpCode("493817")
SAY_CODE: Final = {"template": "{code}", "group": 0, "gap": 0.1, "speed": 1.3, "times": 1}
WAIT_FOR_KEY: Final = 8.0


def plan(wait_for_key: float = WAIT_FOR_KEY) -> CallPlan:
    """Return it as the core knows it; no silence before the first digit and none after the last."""
    rules = DigitRules(max_digits=1, first_digit_timeout=wait_for_key)
    actions = (SayCode(SECRET, **SAY_CODE), Gather(rules))  # type: ignore[arg-type]
    return CallPlan(NUMBER, CALLER, "default", "en-US", actions, lead_in=0.0, tail=0.0)


def body(wait_for_key: float = WAIT_FOR_KEY, *, sensitive: bool = True) -> dict[str, Any]:
    """Return it as the HTTP hook takes it. ``sensitive`` False: the key is told."""
    say_code = {"type": "say_code", "code": SECRET.reveal(), **SAY_CODE}
    gather = {"type": "gather", "max_digits": 1, "first_digit_timeout": wait_for_key, "sensitive": sensitive}
    return {"to": NUMBER, "actions": [say_code, gather]}


@dataclass(frozen=True, slots=True)
class Speech:
    """What the product writes into the media socket for this call, in order: base64 of audio, or a mark's command."""

    messages: tuple[tuple[str, str], ...]
    seconds: float


async def speech() -> Speech:
    """Make the speech with the product's own parts: the bare loop pushes the same bytes in the same messages."""
    locales = load_locales()
    finishing = AtHand()
    renderer = Renderer([Espeak(str(find("espeak-ng")))], locales, "ulaw", finishing=finishing)
    (script,) = CallFlow(plan(), locales).scripts
    sounds = (await renderer.prepare(script)).sounds
    await renderer.close()
    await finishing.close()
    playout = Playout(b"\xff")
    pieces = [
        Piece(sound, None if isinstance(item, Silence) else index)
        for index, (item, sound) in enumerate(zip(script, sounds, strict=True))
    ]
    playout.begin("1", [*pieces, Piece(renderer.silence(LEAD_OUT))])
    outgoing = playout.outgoing(0.0)
    messages = tuple(
        ("audio", base64.b64encode(message).decode()) if isinstance(message, bytes) else ("mark", message)
        for message in outgoing
    )
    return Speech(messages, sum(len(message) for message in outgoing if isinstance(message, bytes)) / 8000)
