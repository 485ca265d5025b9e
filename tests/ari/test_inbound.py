"""Channels that a dialplan hands to us: read, guarded, answered, and given back; and never left in silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from otpvoice.ari import backoff, errors, reaping, telephone
from otpvoice.ari import socket as socket_module
from otpvoice.ari.inbound import InboundParty
from otpvoice.ari.node import AsteriskNode
from otpvoice.ari.router import AriEvent
from otpvoice.ari.telephone import PartyEvent
from otpvoice.ari.variables import at_the_start, on_arrival
from otpvoice.core.events import CallEnded, CallHeld, CallReleased, CallResumed
from otpvoice.core.outcome import Fault
from tests.ari.rig import APP, Watcher, a_while, answers_within, eventually, running
from tests.ari.rig import node_settings as settings_of
from tests.fakes import Call, FakeAsterisk
from tests.fakes.dialplan import Dialplan

CALLER = "15550111"
VARIABLES = {"OTPVOICE_DIGITS": "4711", "OTPVOICE_STATUS": "completed"}
STAYS = Dialplan(waits=None)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "END_TOLD_WITHIN", 0.2)
    monkeypatch.setattr(backoff, "FIRST", 0.03)
    monkeypatch.setattr(reaping, "OWNER_COMES_WITHIN", 0.1)


class Arrivals(Watcher):
    """A door that takes everybody in."""

    def __init__(self) -> None:
        super().__init__()
        self.parties: list[InboundParty] = []
        self.open = True

    def stranger(self, node: AsteriskNode, event: AriEvent) -> None:
        super().stranger(node, event)
        if self.open and event["type"] == "StasisStart" and event["application"] == APP:
            self.parties.append(InboundParty(node, event))

    def after_gap(self, node: AsteriskNode, alive: Any, *, restarted: bool) -> None:
        super().after_gap(node, alive, restarted=restarted)
        for party in self.parties:
            party.after_gap(alive, restarted=restarted)

    def node_lost(self, node: AsteriskNode) -> None:
        super().node_lost(node)
        for party in self.parties:
            party.node_lost()


@pytest.fixture
def arrivals() -> Arrivals:
    return Arrivals()


@pytest.fixture
async def node(asterisk: FakeAsterisk, arrivals: Arrivals) -> AsyncIterator[AsteriskNode]:
    async with running(AsteriskNode(settings_of(asterisk), arrivals)) as node:
        yield node


class Guest:
    """A caller on the line, and what was told of it."""

    def __init__(self, party: InboundParty, call: Call) -> None:
        self.party, self.call = party, call
        self.told: list[PartyEvent] = []
        party.listen(self.told.append)

    @property
    def kinds(self) -> list[type[PartyEvent]]:
        return [type(event) for event in self.told]

    async def ended(self) -> PartyEvent:
        """The one end that there is."""
        await eventually(lambda: any(isinstance(event, CallEnded | CallReleased) for event in self.told))
        await self.party.close()
        [end] = [event for event in self.told if isinstance(event, CallEnded | CallReleased)]
        return end

    @property
    def seen(self) -> dict[str, str]:
        """What the dialplan saw in the first line after ``Stasis()``."""
        return self.call.then[0].variables


async def a_guest(asterisk: FakeAsterisk, arrivals: Arrivals, data: str = APP, **changes: Any) -> Guest:
    given: dict[str, Any] = {"caller": CALLER, "dialplan": STAYS, "state": "Ring"} | changes
    before = len(arrivals.parties)
    call = asterisk.inbound(data, **given)
    await eventually(lambda: len(arrivals.parties) > before)
    return Guest(arrivals.parties[-1], call)


async def back(node: AsteriskNode, arrivals: Arrivals, gaps: int = 2) -> None:
    await eventually(lambda: len(arrivals.gaps) >= gaps and node.connected)


async def nothing_left(node: AsteriskNode, asterisk: FakeAsterisk) -> None:
    """No channel is ours any more, and nobody is listened for but the legs."""
    app = asterisk.stasis.find(APP)
    assert app is not None
    assert not +app.channels
    assert len(node.router) == 2 * len(node.pool.ids)


def seconds_left(asterisk: FakeAsterisk, call: Call) -> float:
    """Until Asterisk hangs up by itself; 0 for never."""
    at = call.channel.absolute_at
    return 0.0 if at is None else at - asterisk.clock.now()


# --- arriving ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("node")
async def test_what_is_known_of_a_caller_at_once(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, f'{APP},code_var=PIN,say="Hello, you"', exten="8000")
    party = guest.party
    assert (party.number, party.caller, party.up) == ("8000", CALLER, False)
    assert party.arguments == ("code_var=PIN", "say=Hello, you")
    assert party.sip_call_id == guest.call.channel.protocol_id
    assert party.channel_id == guest.call.channel.id
    withheld = await a_guest(asterisk, arrivals, caller="", state="Up")
    assert (withheld.party.caller, withheld.party.up, withheld.party.arguments) == (None, True, ())


@pytest.mark.usefixtures("node")
async def test_variables_are_read_and_what_is_not_there_is_none(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(
        asterisk, arrivals, variables={"PIN": "4829", "EMPTY": ""}, headers=[("X-Name", 'a,b"c\\d&|(<x>)')]
    )
    names = ("PIN", "EMPTY", "UNSET", "PJSIP_HEADER(read,X-Name)", "PJSIP_HEADER(read,X-Other)", "NO_SUCH(thing)")
    assert await guest.party.read(names) == {
        "PIN": "4829",
        "EMPTY": "",
        "UNSET": None,
        "PJSIP_HEADER(read,X-Name)": 'a,b"c\\d&|(<x>)',
        "PJSIP_HEADER(read,X-Other)": None,
        "NO_SUCH(thing)": None,
    }
    guest.call.hang_up()
    assert await guest.party.read(("PIN",)) == {"PIN": None}


@pytest.mark.parametrize("withheld", ["", "anonymous", "Restricted", "unavailable"])
@pytest.mark.usefixtures("node")
async def test_who_calls_without_a_number_has_none(asterisk: FakeAsterisk, arrivals: Arrivals, withheld: str) -> None:
    assert (await a_guest(asterisk, arrivals, caller=withheld)).party.caller is None


@pytest.mark.usefixtures("node")
async def test_what_the_other_side_chose_is_one_short_line(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, exten="1\x1b[31m0\n0", caller="12\n\x1b[31m34" + "5" * 100)
    party = guest.party
    assert party.number == "1[31m00"
    assert party.caller is not None
    assert (party.caller[:9], len(party.caller)) == ("12[31m345", 79)
    # Nothing but the fake's own is in its Call-ID.
    start = next(event for event in arrivals.strangers if event["type"] == "StasisStart")
    channel = start["channel"] | {"id": "another", "protocol_id": "a\r\nb" + "c" * 300}
    other = InboundParty(party._node, start | {"channel": channel})
    assert other.sip_call_id == "ab" + "c" * 198
    other._forget()


# --- greeted ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("node")
async def test_who_hangs_up_at_once_is_not_taken_for_what_was_before(
    asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    stale = {"OTPVOICE_STATUS": "completed", "OTPVOICE_DELIVERED": "1", "OTPVOICE_CALL": "call_0"}
    guest = await a_guest(asterisk, arrivals, variables=stale)
    await guest.party.greet()
    guest.call.hang_up()
    await guest.ended()
    assert {name: guest.seen[name] for name in stale} == {
        "OTPVOICE_STATUS": "hangup",
        "OTPVOICE_DELIVERED": "0",
        "OTPVOICE_CALL": "",
    }


@pytest.mark.parametrize(
    ("presentation", "caller"),
    [
        ("allowed_not_screened", CALLER),
        ("allowed", CALLER),
        ("unavailable", CALLER),
        ("prohib_not_screened", None),
        ("prohib_passed_screen", None),
        ("prohib", None),
        (None, CALLER),  # func_callerid.so is not loaded
    ],
)
@pytest.mark.usefixtures("node")
async def test_a_number_that_is_not_to_be_shown_is_not_known(
    asterisk: FakeAsterisk, arrivals: Arrivals, presentation: str | None, caller: str | None
) -> None:
    guest = await a_guest(asterisk, arrivals)
    if presentation is not None:
        guest.call.channel.variables["CALLERID(num-pres)"] = presentation
    await guest.party.greet()
    assert guest.party.caller == caller


@pytest.mark.usefixtures("node")
async def test_who_was_not_greeted_is_when_it_is_guarded(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals)
    await guest.party.greet()
    before = len(asterisk.requested("setVariable", "setVariables"))
    await guest.party.guard("call_1", 60.0)
    said = [request.body for request in asterisk.requested("setVariable", "setVariables")]
    names = [[body["variable"]] if "variable" in body else [*body["variables"]] for body in said]
    assert names[:before] == [[*on_arrival()]]
    assert names[before:] == [["OTPVOICE_LIMIT"], ["TIMEOUT(absolute)"], ["OTPVOICE_CALL"]]


@pytest.mark.usefixtures("node")
async def test_the_name_of_a_variable_is_not_logged(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    """A dialplan that gives the value for the name gives us the code for a name."""
    guest = await a_guest(asterisk, arrivals)
    with capture_logs() as logs:
        await guest.party.read(("ABX7Q2",))
        with asterisk.faults.not_booted("getVariable"):
            await guest.party.read(("ABX7Q2",))
        asterisk.faults.cut_before("getVariable", times=3)
        await guest.party.read(("ABX7Q2",))
        with asterisk.faults.hang("getVariable"), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await guest.party.read(("ABX7Q2",))
    assert [line for line in logs if line["event"] == "channel.not_read"]
    assert "ABX7Q2" not in str(logs)
    for status in (200, 500, 503):
        with asterisk.faults.answer("getVariable", status=status), pytest.raises(errors.AriError) as raised:
            await guest.party.channel.read("ABX7Q2")
        assert "ABX7Q2" not in str(raised.value)


# --- the guard --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "during", "after"),
    [
        (None, 90.0, "0"),  # 60 s, and the dead man's 30
        ("600", 90.0, "600"),
        ("20", 20.0, "20"),  # never later than the dialplan's
    ],
)
@pytest.mark.usefixtures("node")
async def test_a_channel_is_bounded_and_gets_its_own_bound_back(
    asterisk: FakeAsterisk, arrivals: Arrivals, own: str | None, during: float, after: str
) -> None:
    guest = await a_guest(asterisk, arrivals, variables={"TIMEOUT(absolute)": own} if own else {})
    channel = guest.call.channel
    await guest.party.guard("call_1", 60.0)
    assert seconds_left(asterisk, guest.call) == pytest.approx(during, abs=2)
    assert channel.variables["OTPVOICE_CALL"] == "call_1"
    assert channel.variables["OTPVOICE_STATUS"] == "hangup"
    await guest.party.go_on(VARIABLES)
    assert seconds_left(asterisk, guest.call) == pytest.approx(float(after), abs=2)


@pytest.mark.usefixtures("node")
async def test_who_hangs_up_in_mid_prompt_is_seen_so_by_the_dialplan(
    asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    await guest.party.guard("call_1", 60.0)
    guest.call.hang_up()
    await guest.ended()
    assert guest.seen["OTPVOICE_STATUS"] == "hangup"


@pytest.mark.usefixtures("node")
async def test_a_bound_that_can_not_be_read_is_left_alone(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    """Putting back what is not known would clear the dialplan's own."""
    guest = await a_guest(asterisk, arrivals, variables={"TIMEOUT(absolute)": "600"})
    with asterisk.faults.not_booted("getVariable"):
        await guest.party.guard("call_1", 60.0)
    await guest.party.go_on(VARIABLES)
    assert seconds_left(asterisk, guest.call) == pytest.approx(600, abs=2)


@pytest.mark.parametrize("operation", ["setVariables", "getVariable"])
@pytest.mark.usefixtures("node")
async def test_a_guard_that_can_not_be_set_is_no_reason_to_refuse_a_caller(
    asterisk: FakeAsterisk, arrivals: Arrivals, operation: str
) -> None:
    guest = await a_guest(asterisk, arrivals)
    with asterisk.faults.not_booted(operation):
        await guest.party.guard("call_1", 60.0)
    assert not guest.party.over


@pytest.mark.usefixtures("node")
async def test_what_the_dialplans_own_bound_was_is_written_down_for_as_long_as_it_is_ours(
    asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    guest = await a_guest(asterisk, arrivals, variables={"TIMEOUT(absolute)": "600"})
    await guest.party.guard("call_1", 60.0)
    left, _, at = guest.call.channel.variables["OTPVOICE_LIMIT"].partition("@")
    assert float(left) == pytest.approx(600, abs=2)
    assert float(at) == pytest.approx(time.time(), abs=60)
    await guest.party.go_on(VARIABLES)
    assert guest.seen["OTPVOICE_LIMIT"] == ""


@pytest.mark.usefixtures("node")
async def test_a_bound_whose_answer_is_lost_is_asked_for_again(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals)
    await guest.party.greet()
    asterisk.faults.answer("getVariable", status=503, times=1)
    await guest.party.guard("call_1", 60.0)
    assert seconds_left(asterisk, guest.call)


# --- what is known meanwhile ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("node")
async def test_what_is_known_later_is_what_stays(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.delay("setVariable", "setVariables", seconds=0.1, times=1)
    await asyncio.gather(*(guest.party.report({"OTPVOICE_DIGITS": digits}) for digits in ("1", "2")))
    assert guest.call.channel.variables["OTPVOICE_DIGITS"] == "2"


@pytest.mark.usefixtures("node")
async def test_who_hangs_up_after_the_code_has_heard_it(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    await guest.party.guard("call_1", 60.0)
    await guest.party.report({"OTPVOICE_DELIVERED": "1", "OTPVOICE_DIGITS": "47"})
    guest.call.hang_up()
    await guest.ended()
    assert (guest.seen["OTPVOICE_STATUS"], guest.seen["OTPVOICE_REASON"]) == ("hangup", "")
    assert (guest.seen["OTPVOICE_DELIVERED"], guest.seen["OTPVOICE_DIGITS"]) == ("1", "47")


@pytest.mark.usefixtures("node")
async def test_what_was_known_before_the_end_never_comes_after_it(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    await guest.party.guard("call_1", 60.0)
    # The first request takes its time, and so does the dialplan's turn: what overtakes it would be undone by it.
    asterisk.faults.delay("setVariable", "setVariables", seconds=0.1, times=1)
    asterisk.faults.delay("continue", seconds=0.3, times=1)
    reports = []
    for digits in ("1", "2"):
        told = {"OTPVOICE_DIGITS": digits, "OTPVOICE_DELIVERED": "0"}
        reports.append(asyncio.create_task(guest.party.report(told)))
        await asyncio.sleep(0)
    await guest.party.go_on(VARIABLES | {"OTPVOICE_DELIVERED": "1"})
    await asyncio.gather(*reports)
    await guest.party.report({"OTPVOICE_DIGITS": "3"})
    assert (guest.seen["OTPVOICE_DIGITS"], guest.seen["OTPVOICE_DELIVERED"]) == ("4711", "1")
    assert guest.call.channel.variables["OTPVOICE_DIGITS"] == "4711"


@pytest.mark.parametrize("how", ["gone", "unseen", "led_away", "not_booted", "cut_before"])
@pytest.mark.usefixtures("node")
async def test_what_can_not_be_told_any_more_is_no_error(asterisk: FakeAsterisk, arrivals: Arrivals, how: str) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    match how:
        case "gone":
            guest.call.hang_up()
            await guest.ended()
        case "unseen":
            asterisk.faults.drop_event("StasisEnd", "ChannelHangupRequest", times=2)
            guest.call.hang_up()
        case "led_away":
            asterisk.faults.drop_event("StasisEnd")
            guest.call.redirected("after")
        case _:
            getattr(asterisk.faults, how)("setVariable", "setVariables", times=1)
    with capture_logs() as logs:
        await guest.party.report({"OTPVOICE_DELIVERED": "1"})
    assert {line["log_level"] for line in logs} <= {"debug"}


@pytest.mark.parametrize(
    ("how", "led_away"),
    [
        (lambda call: call.redirected("after"), True),
        (lambda call: call.hung_up_by_console(), False),
        (lambda call: call.hang_up(), False),
    ],
)
@pytest.mark.usefixtures("node")
async def test_who_is_led_away_by_somebody_else_is_logged(
    *, asterisk: FakeAsterisk, arrivals: Arrivals, how: Callable[[Call], None], led_away: bool
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    with capture_logs() as logs:
        how(guest.call)
        await guest.ended()
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["party.led_away"] * led_away


@pytest.mark.parametrize("end", ["go_on", "hang_up"])
@pytest.mark.usefixtures("node")
async def test_whom_we_let_go_is_not_led_away(asterisk: FakeAsterisk, arrivals: Arrivals, end: str) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    with capture_logs() as logs:
        await getattr(guest.party, end)(VARIABLES)
        await guest.ended()
    assert not [line for line in logs if line["event"] == "party.led_away"]


@pytest.mark.parametrize("data", [f'"{APP}",a=1', f"\\{APP},a=1"])
async def test_an_application_s_name_may_be_written_in_quotes(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, data: str
) -> None:
    """It is ours also where nobody tells so: here, that a release whose answer was lost was not carried out."""
    guest = await a_guest(asterisk, arrivals, data, state="Up")
    asterisk.faults.cut_before("continue", times=1)
    await guest.party.go_on(VARIABLES)
    assert isinstance(await guest.ended(), CallReleased)
    assert guest.seen["OTPVOICE_STATUS"] == "completed"
    await nothing_left(node, asterisk)


# --- answering --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["none", "cut_before", "cut_after", "not_booted"])
@pytest.mark.usefixtures("node")
async def test_a_caller_is_answered_also_where_an_answer_of_rest_is_lost(
    asterisk: FakeAsterisk, arrivals: Arrivals, fault: str
) -> None:
    guest = await a_guest(asterisk, arrivals)
    if fault != "none":
        getattr(asterisk.faults, fault)("answer", times=1)
    assert await guest.party.answer()
    assert guest.call.channel.state == "Up"
    assert guest.party.up
    assert not guest.told, "that it is heard is told by the line"


@pytest.mark.usefixtures("node")
async def test_who_is_up_is_not_answered_again(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    assert await guest.party.answer()
    assert not asterisk.requested("answer")


@pytest.mark.usefixtures("node")
async def test_an_answer_that_is_refused_is_told_to_whoever_asked(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals)
    asterisk.faults.answer("answer", status=412, body={"message": "Channel in invalid state"})
    with pytest.raises(errors.Refused):
        await guest.party.answer()
    assert not guest.party.over


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.usefixtures("node")
async def test_who_hangs_up_while_we_answer_has_ended_once(
    asterisk: FakeAsterisk, arrivals: Arrivals, *, lost: bool
) -> None:
    guest = await a_guest(asterisk, arrivals)
    if lost:
        asterisk.faults.drop_event("StasisEnd")
    with asterisk.faults.delay("answer", seconds=0.1):
        answering = asyncio.create_task(guest.party.answer())
        await a_while(0.02)
        guest.call.hang_up()
        assert not await answering
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert (end.fault, end.by_callee) == (None, True), "we were told that it wants to, and saw that it is gone"


@pytest.mark.usefixtures("node")
async def test_who_has_gone_unseen_when_we_answer_has_ended(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals)
    asterisk.faults.drop_event("StasisEnd", "ChannelHangupRequest", times=2)
    guest.call.hang_up()
    assert not await guest.party.answer()
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert (end.fault, end.by_callee) == (Fault.EVENTS_LOST, False)


# --- its end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "state", "expected"),
    [
        (lambda call: call.hang_up(), "Ring", (127, 487, True)),
        (lambda call: call.hang_up(), "Up", (None, None, True)),
        (lambda call: call.hang_up(17), "Up", (17, 486, True)),
        (lambda call: call.hung_up_by_console(), "Up", (None, None, False)),
        (lambda call: call.redirected("after"), "Up", (None, None, False)),
    ],
)
async def test_how_a_caller_is_gone(
    *,
    node: AsteriskNode,
    asterisk: FakeAsterisk,
    arrivals: Arrivals,
    how: Callable[[Call], None],
    state: str,
    expected: tuple[int | None, int | None, bool],
) -> None:
    guest = await a_guest(asterisk, arrivals, state=state)
    how(guest.call)
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert (end.cause, end.sip_status, end.by_callee) == expected
    assert end.fault is None
    assert not asterisk.requested("hangup", "continue"), "it is somebody else's business now"
    await nothing_left(node, asterisk)


@pytest.mark.usefixtures("node")
async def test_who_has_gone_before_anybody_listens_is_told_then(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    call = asterisk.inbound(APP, caller=CALLER, state="Ring")
    await eventually(lambda: arrivals.parties)
    call.hang_up()
    await eventually(lambda: arrivals.parties[0].over)
    guest = Guest(arrivals.parties[0], call)
    assert guest.kinds == [CallEnded]
    await guest.party.guard("call_1", 1.0)
    assert not await guest.party.answer()
    await guest.party.go_on(VARIABLES)
    await guest.party.hang_up(VARIABLES)
    await guest.party.close()
    assert guest.kinds == [CallEnded]


@pytest.mark.usefixtures("node")
async def test_hold_is_told(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    guest.call.hold()
    guest.call.unhold()
    await eventually(lambda: guest.kinds == [CallHeld, CallResumed])


# --- going on ---------------------------------------------------------------------------------------------------------


async def test_a_caller_goes_on_in_the_dialplan_with_the_result(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    await guest.party.guard("call_1", 60.0)
    await guest.party.go_on(VARIABLES)
    assert guest.kinds == [CallReleased]
    ours = {name: value for name, value in guest.seen.items() if not name.startswith("BRIDGE")}
    known = on_arrival() | at_the_start("call_1") | VARIABLES
    assert ours == known | {"OTPVOICE_LIMIT": "", "STASISSTATUS": "SUCCESS"}
    await guest.party.close()
    assert not guest.call.over
    assert len(asterisk.requested("continue")) == 1
    await nothing_left(node, asterisk)


@pytest.mark.parametrize("operation", ["continue", "setVariables"])
@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "not_booted"])
async def test_a_release_that_rest_loses_is_looked_after(
    *, node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, fault: str, operation: str
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    await guest.party.guard("call_1", 60.0)
    getattr(asterisk.faults, fault)(operation, times=2 if fault == "not_booted" else 1)
    await guest.party.go_on(VARIABLES)
    assert isinstance(await guest.ended(), CallReleased)
    assert guest.seen["OTPVOICE_STATUS"] == "completed"
    assert not seconds_left(asterisk, guest.call)
    assert len(guest.call.then) == 1, "it went on once"
    await nothing_left(node, asterisk)


@pytest.mark.parametrize(
    ("status", "message"), [(404, "Channel not found"), (409, "Channel not in Stasis application"), (412, "No")]
)
async def test_a_release_that_is_refused_is_tried_again_while_the_channel_is_ours(
    *, node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, status: int, message: str
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.answer("continue", status=status, body={"message": message}, times=1)
    await guest.party.go_on(VARIABLES)
    assert isinstance(await guest.ended(), CallReleased)
    await nothing_left(node, asterisk)


@pytest.mark.usefixtures("node")
async def test_who_can_not_be_released_at_all_is_bounded_and_let_go_when_that_is_possible(
    asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    await guest.party.guard("call_1", 60.0)
    with asterisk.faults.not_booted("continue"):
        await guest.party.go_on(VARIABLES)
        assert not guest.told
        assert seconds_left(asterisk, guest.call), "what remains should we die"
        await guest.party.close()
    assert guest.call.channel.app == APP
    asterisk.faults.cut_events()  # the next connection finds it ownerless
    await asterisk.until(lambda: bool(guest.call.then))
    assert not guest.told


@pytest.mark.usefixtures("node")
async def test_variables_that_are_refused_keep_nobody(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.answer("setVariable", "setVariables", status=500, times=1)
    await guest.party.go_on(VARIABLES)
    assert guest.kinds == [CallReleased]
    assert guest.seen["OTPVOICE_STATUS"] == "completed"


async def test_a_release_whose_end_is_never_told_is_looked_up(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.drop_event("StasisEnd")
    await guest.party.go_on(VARIABLES)
    assert isinstance(await guest.ended(), CallReleased)
    assert len(asterisk.requested("continue")) == 1
    await nothing_left(node, asterisk)


@pytest.mark.parametrize("when", ["setVariables", "continue"])
async def test_who_hangs_up_while_it_is_released_has_ended(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, when: str
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    with asterisk.faults.delay(when, seconds=0.1, times=1):
        releasing = asyncio.create_task(guest.party.go_on(VARIABLES))
        await asterisk.until(lambda: bool(asterisk.requested(when)))
        guest.call.hang_up()
        await releasing
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert end.by_callee
    await nothing_left(node, asterisk)


async def test_a_dialplan_that_comes_back_at_once_is_a_new_caller(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    """The same channel id, a moment later: the old party hears nothing of it, and closing it does no harm."""
    guest = await a_guest(asterisk, arrivals, state="Up")
    await guest.party.go_on(VARIABLES)
    asterisk.switch.enter_stasis(guest.call.channel, APP, ["again"])
    await eventually(lambda: len(arrivals.parties) == 2)
    await guest.party.close()
    again = Guest(arrivals.parties[1], guest.call)
    assert again.party.arguments == ("again",)
    guest.call.hang_up()
    assert isinstance(await again.ended(), CallEnded)
    assert guest.kinds == [CallReleased]


async def test_a_channel_that_left_unseen_and_came_back_is_a_new_caller(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.drop_event("StasisEnd")
    asterisk.switch.leave_stasis(guest.call.channel)
    asterisk.switch.enter_stasis(guest.call.channel, APP, ["again"])
    await eventually(lambda: len(arrivals.parties) == 2)
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert end.fault is Fault.EVENTS_LOST
    assert guest.call.channel.app == APP, "closing the old one does not touch the new one"


@pytest.mark.usefixtures("node")
async def test_an_arrival_that_is_told_twice_is_one(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    asterisk.faults.repeat_event("StasisStart")
    guest = await a_guest(asterisk, arrivals)
    await a_while(0.05)
    assert len(arrivals.parties) == 1
    assert not guest.told


# --- hanging up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["none", "cut_before", "cut_after", "not_booted"])
async def test_who_is_hung_up_leaves_its_dialplan_the_result(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, fault: str
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    if fault != "none":
        getattr(asterisk.faults, fault)("hangup", times=1)
    await guest.party.hang_up(VARIABLES)
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert not end.by_callee
    assert guest.seen["OTPVOICE_DIGITS"] == "4711"
    await nothing_left(node, asterisk)


@pytest.mark.usefixtures("node")
async def test_whoever_is_still_there_when_all_is_over_goes_on(asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    await guest.party.close()
    assert guest.seen["OTPVOICE_STATUS"] == "failed"
    assert guest.seen["OTPVOICE_REASON"] == "internal_error"
    assert not guest.told


# --- gaps -------------------------------------------------------------------------------------------------------------


async def test_a_caller_outlives_a_gap(node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.cut_events()
    await back(node, arrivals)
    await a_while(0.2)
    assert not guest.told
    guest.call.hang_up()
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert end.by_callee


async def test_who_hung_up_in_a_gap_has_ended_unseen(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.cut_events()
    guest.call.hang_up()
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert end.fault is Fault.EVENTS_LOST
    assert end.unseen_since is not None
    assert node.connected


async def test_a_release_in_a_gap_is_carried_out_and_seen(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST", 9.0)
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.cut_events()
    await eventually(lambda: not node.connected)
    await guest.party.go_on(VARIABLES)
    assert isinstance(await guest.ended(), CallReleased)
    assert guest.seen["OTPVOICE_STATUS"] == "completed"


async def test_a_release_into_a_black_hole_is_seen(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has noticed yet that the events socket is dead."""
    monkeypatch.setattr(socket_module, "SILENT_AFTER", 5.0)
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.black_hole_events()
    await guest.party.go_on(VARIABLES)
    assert isinstance(await guest.ended(), CallReleased)


async def test_a_hang_up_in_a_gap_is_an_end(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "FIRST", 9.0)
    guest = await a_guest(asterisk, arrivals, state="Up")
    asterisk.faults.cut_events()
    await eventually(lambda: not node.connected)
    await guest.party.hang_up(VARIABLES)
    assert isinstance(await guest.ended(), CallEnded)
    await asterisk.until(lambda: guest.call.over)


async def test_who_was_on_an_asterisk_that_died_is_gone(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    guest = await a_guest(asterisk, arrivals, state="Up")
    await asterisk.restart(booting=0.05)
    end = await guest.ended()
    assert isinstance(end, CallEnded)
    assert end.fault is Fault.ASTERISK_LOST
    await eventually(lambda: node.connected and node.pool.free == 1)
    await nothing_left(node, asterisk)


async def test_who_arrives_while_we_connect_has_an_owner(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    with asterisk.faults.delay("listBridges", seconds=0.2):
        asterisk.faults.cut_events()
        await eventually(lambda: not node.connected)
        await asterisk.until(lambda: asterisk.stasis.active(APP))
        guest = await a_guest(asterisk, arrivals, state="Up")
        await back(node, arrivals)
    await a_while(0.3)
    assert not guest.told
    assert guest.call.channel.app == APP


async def test_callers_whom_a_former_life_left_go_on(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals
) -> None:
    """We have died, and somebody was on the line: there is a dialplan that can help."""
    arrivals.open = False
    call = asterisk.inbound(APP, caller=CALLER, state="Up", dialplan=STAYS)
    await eventually(lambda: arrivals.strangers)
    asterisk.faults.cut_events()
    await asterisk.until(lambda: bool(call.then))
    assert call.then[0].variables["OTPVOICE_STATUS"] == "failed"
    assert call.then[0].variables["OTPVOICE_REASON"] == "app_lost"
    assert not call.over


async def test_rest_that_does_not_answer_keeps_nobody_for_ever(
    node: AsteriskNode, asterisk: FakeAsterisk, arrivals: Arrivals, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers_within(monkeypatch, 0.1)
    guest = await a_guest(asterisk, arrivals, state="Up")
    with asterisk.faults.hang("continue", times=2):
        await guest.party.go_on(VARIABLES)
    assert isinstance(await guest.ended(), CallReleased)
