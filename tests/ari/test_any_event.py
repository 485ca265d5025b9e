"""Whatever Asterisk tells, in whatever order and however often: a call has one end, and the next one is carried out."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final, cast

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from otpvoice.ari import errors, telephone
from otpvoice.ari.channel import Originate
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.party import OutboundParty
from otpvoice.ari.router import Router
from otpvoice.core.events import CallAnswered, CallDialed, CallEnded
from otpvoice.core.flow import END_OF_CHANNEL
from tests.ari.rig import NUMBER, OWN_APP, PREFIX, a_house, outcome
from tests.fakes import FakeAsterisk

# --- what nobody would expect -----------------------------------------------------------------------------------------

OTHER: Final = "15550101"
TYPES: Final = (
    "StasisStart",
    "StasisEnd",
    "Dial",
    "ChannelStateChange",
    "ChannelHangupRequest",
    "ChannelDestroyed",
    "ChannelDtmfReceived",
    "ChannelHold",
    "ChannelUnhold",
    "ChannelLeftBridge",
    "BridgeMerged",
    "BridgeAttendedTransfer",
    "RecordingFinished",
    "SomethingNew",
)
TIMES: Final = ("2026-11-20T10:00:00.000+0000", "9999-12-31T23:59:59.999+0000", "yesterday", "", None, 0)
IDS: Final = ("CALL", f"{PREFIX}101", f"{PREFIX}101-bridge", "somebody-else", "", None, 7)
_anything = st.sampled_from(
    (None, True, -1, 2**63, 1.5, "", "x", "\x00", "é", [], ["x"], {}, {"id": "CALL"})
) | st.text(max_size=5)
_object = _anything | st.fixed_dictionaries(
    {"id": st.sampled_from(IDS)},
    optional={"state": st.sampled_from(("Up", "Ringing", "Down", "", None)) | _anything, "name": _anything},
)
EVENTS: Final = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        "timestamp": st.sampled_from(TIMES),
        "application": st.sampled_from((OWN_APP, "", None)),
        "channel": _object,
        "peer": _object,
        "bridge": _object,
        "digit": _anything,
        "cause": _anything,
        "tech_cause": _anything,
        "soft": _anything,
        "dialstatus": st.sampled_from(("RINGING", "PROGRESS", "ANSWER", "")) | _anything,
        "args": _anything,
    },
)


@settings(max_examples=8, deadline=None, phases=(Phase.reuse, Phase.generate))  # to shrink one takes minutes
@given(st.lists(EVENTS, min_size=10, max_size=30))
def test_whatever_is_told_the_connection_is_kept_and_the_next_call_is_carried_out(told: list[dict[str, Any]]) -> None:
    async def story() -> None:
        async with FakeAsterisk() as asterisk, a_house(asterisk) as house:
            asterisk.callee(NUMBER).never_answers()
            asterisk.callee(OTHER).answers()
            call_id = await house.place()
            await asterisk.until(lambda: bool(asterisk.calls))
            for event in told:
                for outbox in asterisk.stasis.sockets:
                    # Of an id that stands for the call it is the channel's.
                    outbox.send(json.dumps(event).replace('"CALL"', f'"{call_id}-1"'))
            assert outcome(await house.summary(await house.place(number=OTHER))) == ("completed", None, "plan")
            house.stasis.hang_up(call_id)
            # Whom an odd event has declared gone is waited for in vain, and for no longer than this.
            await house.summary(call_id, within=2 * END_OF_CHANNEL)
            assert len(house.ledger.finished) == 2
            assert len(asterisk.requested("events")) == 1

    asyncio.run(story())


# --- what everybody expects, in another order -------------------------------------------------------------------------

CHANNEL: Final = "call-1"
ORDER: Final = Originate(f"PJSIP/{NUMBER}@trunk", OWN_APP, None, 30.0, 60.0, "call")


def told_by_asterisk(type_: str, state: str = "Up", **fields: Any) -> dict[str, Any]:
    channel = {"id": CHANNEL, "state": state}
    return {"type": type_, "timestamp": "2026-11-20T10:00:00.000+0000", "channel": channel} | fields


HAPPENINGS: Final = {
    "rings": told_by_asterisk("ChannelStateChange", "Ringing"),
    "up": told_by_asterisk("ChannelStateChange"),
    "start": told_by_asterisk("StasisStart", args=[]),
    "hold": told_by_asterisk("ChannelHold"),
    "resume": told_by_asterisk("ChannelUnhold"),
    "wish": told_by_asterisk("ChannelHangupRequest", cause=16),
    "left": told_by_asterisk("StasisEnd"),
    "end": told_by_asterisk("ChannelDestroyed", cause=16),
}
ANSWER: Final = "answer"
"""Of REST, to the order."""
ALL: Final = (*HAPPENINGS, ANSWER)


class Rest:
    """Answers the order when it is told to, and nothing else."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.orders = 0

    async def post(self, *_: Any, **__: Any) -> dict[str, Any]:
        self.orders += 1
        await self.answered.wait()
        return {"id": CHANNEL, "protocol_id": "a-call-id"}

    async def get(self, *_: Any) -> Any:
        raise errors.Unreachable("nobody")

    async def delete(self, *_: Any) -> bool:
        return True


class Node:
    """As much of one as a party asks for."""

    connected, replaced, seen_until, booted = True, False, None, "now"

    def __init__(self) -> None:
        self.rest = Rest()
        self.router = Router(lambda event: None)


async def party_told(order: list[str]) -> tuple[list[object], int]:
    """Let a telephone be called and all this happen. Returns what was told of it, and how often it was ordered."""
    node = Node()
    party = OutboundParty(cast("AsteriskNode", node), CHANNEL, ORDER)
    told: list[object] = []
    party.listen(told.append)
    dialling = asyncio.create_task(party.dial())
    while not node.rest.orders:  # noqa: ASYNC110 - the first step of it, and no event to wait for
        await asyncio.sleep(0)
    for happening in (*order, ANSWER, "end"):
        if happening == ANSWER:
            node.rest.answered.set()
        else:
            node.router.route(HAPPENINGS[happening])
        for _ in range(3):
            await asyncio.sleep(0)
    await dialling
    await party.close()
    return told, node.rest.orders


@given(st.permutations(ALL) | st.lists(st.sampled_from(ALL), max_size=20))
@example(["end", "end"])
@example(["end", "start", ANSWER])  # the end is told before the beginning
@example(["start", "up", ANSWER])  # the beginning before the answer
@example(["start", ANSWER, "wish", "left", "start", "end"])
def test_in_whatever_order_it_is_told_a_call_has_one_end_and_nothing_after_it(order: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telephone, "END_TOLD_WITHIN", 0.0)
        told, orders = asyncio.run(party_told(order))
    assert orders == 1
    assert [type(event) for event in told].count(CallEnded) == 1
    assert isinstance(told[0], CallDialed)
    assert isinstance(told[-1], CallEnded)
    before = order[: order.index("end")] if "end" in order else order
    answered = any(isinstance(event, CallAnswered) for event in told)
    assert answered == bool({"up", "start"} & set(before)), "whoever picked up has answered"
