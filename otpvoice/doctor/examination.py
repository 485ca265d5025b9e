"""The whole examination: every check at the same time, each with its own deadline, told in order.

What several checks rest on is asked once. A check whose ground is missing is skipped, with the reason; what goes wrong
within the doctor itself is a finding like any other, and never ends the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from otpvoice.ari import errors
from otpvoice.ari.errors import place_of
from otpvoice.doctor import addresses, salvage
from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.grounds import Grounds, Missing
from otpvoice.doctor.looks import LOOKS, Examination
from otpvoice.doctor.settings import SETTINGS, WRONG
from otpvoice.doctor.speech.engines import ENGINES
from otpvoice.doctor.speech.voices import VOICE

WITHIN: Final = 20.0
"""Seconds for one check, what it rests on included: those that wait for the net have shorter deadlines of their own."""


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined. ``health_url``: where ``/readyz`` is asked for.

    ``others``: this machine's addresses that others can reach; None: as the kernel lists them. ``as_root``: is it root
    who looks, and perhaps somebody else who serves?
    """

    environ: Mapping[str, str]
    health_url: str
    others: Sequence[str] | None = None
    as_root: bool = False


async def examine(patient: Patient, only: Sequence[str] = ()) -> AsyncGenerator[Finding, None]:
    """Yield what was found, in the order of ``CHECKS``, each as soon as those before it are known.

    ``only``: words of checks, or what they begin with (``redis``); none: all.
    """
    salvaged = salvage.load(patient.environ)
    own = addresses.own_addresses() if patient.others is None else patient.others
    grounds = Grounds(salvaged, patient.health_url, own, as_root=patient.as_root)
    examination = Examination(salvaged, grounds)
    tasks: list[asyncio.Task[Sequence[Finding]]] = []
    for checks, look in LOOKS:
        if not only or any(is_meant(check.word, (*only, SETTINGS.word)) for check in checks):
            # Speech takes all cores for a moment, and times are taken before.
            before = tuple(tasks) if checks[0] in {VOICE, ENGINES} else ()
            tasks.append(asyncio.create_task(_within(checks, partial(look, examination), before), name=checks[0].word))
    try:
        for task in tasks:
            for finding in await task:
                # Wrong settings are told in any case: what is looked at may be another thing than was meant.
                wrong = (finding.check, finding.fault) == (WRONG.check, WRONG.name)
                if not only or wrong or is_meant(finding.check, only):
                    yield finding
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await grounds.close()


def is_meant(word: str, only: Sequence[str]) -> bool:
    """Is this check one of those? ``ari`` is ``ari`` and ``ari.credentials``."""
    return any(word == one or word.startswith(f"{one}.") for one in only)


async def _within(
    checks: Sequence[Check], look: Callable[[], Awaitable[Sequence[Finding]]], before: Sequence[asyncio.Task[Any]]
) -> Sequence[Finding]:
    if before:
        await asyncio.wait(before)
    try:
        async with asyncio.timeout(WITHIN):
            return await look()
    except Missing as missing:
        return [check.skipped(str(missing)) for check in checks]
    except TimeoutError:
        return [check.hangs(WITHIN) for check in checks]
    except errors.AriError as error:
        return [check.unknown(f"Asterisk does not say: {error}", "The line ari may say why.") for check in checks]
    except Exception as error:  # a fault of the doctor's own must not hide what the others found
        where = f"{type(error).__name__} at {place_of(error)}"
        return [check.unknown(f"the doctor stumbled here: {where}", "Tell us, with this line.") for check in checks]
