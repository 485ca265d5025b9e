"""The phones that are called, in a process of their own: they answer, press a key, and tell what they heard.

Whether a call went well is judged here and nowhere else, so that the bare loop and the product are judged alike.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop

from benchmarks.worker import obey
from otpvoice.testkit.callee import CalleeAgent, Ending, HeardSilence, IncomingCall, Scenario

SHORT_BY = 0.06
"""Seconds of audible speech that may be missing: three packets, which is where loudness crosses the threshold."""
HANGS_UP_WITHIN = 2.0
"""Seconds from the key to the end of the call; with a key that was missed it would be the collection's timeout."""


def heard(call: IncomingCall) -> dict[str, Any]:
    """Return what is to be known of a call that ended; times in seconds."""
    times, recording = call.times, call.recording
    first, sound = times.first_rtp, times.first_sound
    down = call.strokes[0].down if call.strokes else None
    return {
        "to": f"+{call.invite.number.removeprefix('+')}",
        "invited": times.invite,
        "ending": str(call.ended_by),
        "answer_to_rtp": None if first is None or times.ok_sent is None else first - times.ok_sent,
        "answer_to_sound": None if sound is None or times.ok_sent is None else sound - times.ok_sent,
        "audible": recording.audible,
        "lost": recording.lost,
        "key_to_end": None if down is None or times.ended is None else times.ended - down,
    }


def good(call: dict[str, Any], audible: float) -> bool:
    """All was heard, the key was understood, and the caller hung up."""
    return (
        call["ending"] == Ending.CALLER_HUNG_UP
        and call["audible"] >= audible - SHORT_BY
        and call["key_to_end"] is not None
        and call["key_to_end"] <= HANGS_UP_WITHIN
    )


async def main() -> None:
    async with CalleeAgent(record=False) as agent:

        async def orders(order: dict[str, Any]) -> Any:
            match order["order"]:
                case "address":
                    return agent.address
                case "scenario":
                    scenario = Scenario.answers().with_silence(order.get("silence", 0.1)).without_rtcp()
                    press_at = order["press_at"]
                    when = None if order.get("after_silence") is None else HeardSilence(order["after_silence"])
                    agent.scenario = scenario if press_at is None else scenario.presses("1", start=press_at, when=when)
                    agent.calls.clear()
                    return None
                case "answered":
                    await until(lambda: sum(call.times.ack is not None for call in agent.calls), order)
                    return len(agent.calls)
                case "ended":
                    await until(lambda: sum(call.over for call in agent.calls), order)
                    return [heard(call) for call in agent.calls]
                case "hang_up":
                    await asyncio.gather(*(call.hang_up() for call in agent.calls))
                    return None
                case _:
                    raise ValueError(order["order"])

        async def until(count: Any, order: dict[str, Any]) -> None:
            try:
                async with asyncio.timeout(order["within"]):
                    # Polled: there is no event for "so many of all calls".
                    while count() < order["count"]:  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
            except TimeoutError:
                pass

        await obey(orders)


if __name__ == "__main__":
    uvloop.run(main())
