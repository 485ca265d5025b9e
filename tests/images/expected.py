"""What a callee hears of the demo's call: run inside the image, ``python - CODE``, it prints the audio as G.711 µ-law.

It uses the product's own words and voice, and nothing of the stack that spoke them: no Asterisk, no network.
"""

from __future__ import annotations

import asyncio
import sys

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.finishing.at_hand import AtHand
from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import SayCode
from otpvoice.core.compile import SpokenStep, compile_plan
from otpvoice.core.plan import CallPlan
from otpvoice.core.secret import OtpCode


async def audio_of(code: str) -> bytes:
    """Return it: the shorthand ``{"to", "code"}`` of the API, in the language that is the default one."""
    locales = load_locales()
    finishing = AtHand()
    renderer = Renderer([Espeak()], locales, "ulaw", finishing=finishing)
    plan = CallPlan("+12025550123", None, "default", "en-US", (SayCode(OtpCode(code)),))
    (step,) = compile_plan(plan, locales)
    if not isinstance(step, SpokenStep):
        raise TypeError(f"a {type(step).__name__} is not spoken")
    sounds = (await renderer.prepare(step.script)).sounds
    await finishing.close()
    return b"".join([renderer.silence(plan.lead_in), *sounds])


if __name__ == "__main__":
    sys.stdout.buffer.write(asyncio.run(audio_of(sys.argv[1])))
