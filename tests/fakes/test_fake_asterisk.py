"""Calls, refusals, applications and digits: does the fake say what was measured on Asterisk 22.10.1?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes import Dialplan
from tests.fakes.causes import cause_of_sip
from tests.fakes.plain_client import APP, NUMBER, WITHIN, Rig, told

# Calls


@pytest.mark.parametrize(
    ("status", "dial", "cause"),
    [
        (302, "NOANSWER", 23),
        (401, "NOANSWER", 21),
        (403, "NOANSWER", 21),
        (404, "NOANSWER", 1),
        (408, "NOANSWER", 18),
        (410, "NOANSWER", 22),
        (480, "NOANSWER", 19),
        (484, "NOANSWER", 28),
        (486, "BUSY", 17),
        (487, "NOANSWER", 127),
        (488, "NOANSWER", 58),
        (500, "NOANSWER", 38),
        (502, "NOANSWER", 27),
        (503, "CONGESTION", 34),
        (600, "BUSY", 17),
        (603, "NOANSWER", 21),
        (604, "NOANSWER", 1),
        (607, "NOANSWER", 127),
        (608, "NOANSWER", 127),
    ],
)
async def test_a_final_sip_response_becomes_a_dial_status_and_a_cause(
    fast: Rig, status: int, dial: str, cause: int
) -> None:
    fast.asterisk.callee(NUMBER).rejects(status)
    code, channel = await fast.ari.originate()
    assert (code, channel["id"], channel["state"]) == (200, "c1", "Down")
    events = await fast.events.until("ChannelDestroyed")
    assert told(events) == [
        "Dial()",
        f"HangupRequest({cause}, {status})",
        f"Dial({dial})",
        f"Destroyed({cause}, {status})",
    ]
    assert cause_of_sip(status) == cause


@pytest.mark.parametrize(
    ("script", "ring_timeout", "expected"),
    [
        (
            lambda callee: callee.answers(after=0.2),
            30,
            ["Dial()", "Ringing", "Dial(RINGING)", "Up", "Dial(ANSWER)", "StasisStart"],
        ),
        (
            lambda callee: callee.progresses().answers(after=0.2),
            30,
            ["Dial()", "Dial(PROGRESS)", "Up", "Dial(ANSWER)", "StasisStart"],
        ),
        (
            lambda callee: callee.rings().busy(after=0.1),
            30,
            ["Dial()", "Ringing", "Dial(RINGING)", "HangupRequest(17, 486)", "Dial(BUSY)", "Destroyed(17, 486)"],
        ),
        (
            lambda callee: callee.never_answers(),
            1,
            ["Dial()", "Ringing", "Dial(RINGING)", "Destroyed(19, 480)"],
        ),
        (lambda callee: callee.unreachable(), 1, ["Dial()", "Destroyed(19, 480)"]),
        (
            lambda callee: callee.unreachable(),
            -1,
            ["Dial()", "HangupRequest(18, 408)", "Dial(NOANSWER)", "Destroyed(18, 408)"],
        ),
        (lambda callee: callee, 30, ["Dial()", "HangupRequest(1, 404)", "Dial(NOANSWER)", "Destroyed(1, 404)"]),
    ],
    ids=["answered", "early media", "busy", "ring timeout", "no reply", "timer B", "no such number"],
)
async def test_what_a_call_tells_until_it_is_answered_or_over(
    fast: Rig, script: Callable[[Any], object], ring_timeout: int, expected: list[str]
) -> None:
    script(fast.asterisk.callee(NUMBER))
    await fast.ari.originate(timeout=ring_timeout)
    last = "StasisStart" if expected[-1] == "StasisStart" else "ChannelDestroyed"
    assert told(await fast.events.until(last)) == expected


async def test_the_events_of_a_call_have_the_shape_of_aris(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).answers()
    fields: dict[str, Any] = {
        "callerId": '"My Bank" <+15550001>',
        "variables": {"REF": {"value": "81", "report_events": True}},
    }
    await fast.ari.originate(**fields)
    events = await fast.events.until("StasisStart")
    for event in events:
        assert event["application"] == APP
        assert event["asterisk_id"] == "02:00:00:00:00:07"
        assert event["timestamp"].endswith("+0000")
    start = events[-1]
    assert start["args"] == ["out", "1"]
    assert start["channel"]["caller"] == {"name": "My Bank", "number": "+15550001"}
    assert start["channel"]["channelvars"] == {"REF": "81", "HANGUPCAUSE_KEYS()": start["channel"]["name"]}
    assert start["channel"]["dialplan"]["app_data"] == "otp,out,1"
    assert events[0]["dialstring"] == f"{NUMBER}@trunk"


async def test_the_callee_hangs_up(fast: Rig) -> None:
    await fast.answered_call()
    fast.asterisk.callee(NUMBER).call.hang_up()
    events = await fast.events.until("ChannelDestroyed")
    assert told(events) == ["HangupRequest(None, None)", "StasisEnd", "Destroyed(0, None)"]


async def test_the_callee_hangs_up_in_a_bridge(fast: Rig) -> None:
    await fast.talking_leg()
    await fast.events.until("ChannelEnteredBridge", "c1")
    fast.asterisk.callee(NUMBER).call.hang_up()
    events = await fast.events.until("ChannelDestroyed")
    assert told(events) == ["HangupRequest(None, None)", "ChannelLeftBridge", "StasisEnd", "Destroyed(16, None)"]
    assert events[1]["bridge"]["channels"] == ["leg"]


@pytest.mark.parametrize(
    ("query", "cause", "tech_cause"),
    [
        ({}, 16, None),
        ({"reason": "busy"}, 17, 486),
        ({"reason": "no_answer"}, 19, 480),
        ({"reason_code": "21"}, 21, 403),
    ],
)
async def test_a_cause_that_we_set_comes_back(
    fast: Rig, query: dict[str, str], cause: int, tech_cause: int | None
) -> None:
    await fast.answered_call()
    assert await fast.ari("DELETE", "/channels/c1", **query) == (204, None)
    events = await fast.events.until("ChannelDestroyed")
    assert told(events) == ["HangupRequest(32, None, soft)", "StasisEnd", f"Destroyed({cause}, {tech_cause})"]
    assert (await fast.ari("DELETE", "/channels/c1"))[0] == 404


async def test_hanging_up_while_it_rings(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).never_answers()
    await fast.ari.originate()
    await fast.events.until("ChannelStateChange")
    await fast.ari("DELETE", "/channels/c1")
    events = await fast.events.until("ChannelDestroyed")
    assert told(events)[1:] == ["HangupRequest(32, None, soft)", "Dial(NOANSWER)", "Destroyed(16, None)"]


async def test_an_absolute_timeout_counts_from_the_originate(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).answers(after=1)
    await fast.ari.originate(variables={"TIMEOUT(absolute)": "8"})
    began = fast.asterisk.requests[-1].at
    events = await fast.events.until("ChannelDestroyed")
    assert told(events)[-3:] == ["StasisStart", "StasisEnd", "Destroyed(0, None)"]
    assert 8 <= fast.asterisk.clock.now() - began < 8 + 20 * WITHIN


async def test_a_second_script_is_for_the_second_call(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).busy().next_time().answers()
    await fast.ari.originate("c1")
    await fast.events.until("ChannelDestroyed")
    await fast.ari.originate("c2")
    await fast.events.until("StasisStart")
    assert [call.over for call in fast.asterisk.callee(NUMBER).calls] == [True, False]
    assert fast.asterisk.originates == {"c1": 1, "c2": 1}


async def test_hold_and_back(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).answers().holds(after=0.1, for_=0.3)
    await fast.answered_call()
    assert [event["type"] for event in await fast.events.until("ChannelUnhold")] == ["ChannelHold", "ChannelUnhold"]


# Refusals


@pytest.mark.parametrize("header", [{}, {"Authorization": "Basic b3RwOndyb25n"}, {"Authorization": "Bearer x"}])
async def test_without_the_right_credentials_nothing_happens(fast: Rig, header: dict[str, str]) -> None:
    async with fast.session.get(f"{fast.asterisk.url}/ari/asterisk/ping", headers=header) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert await answer.json() == {"message": "Authentication required"}


async def test_a_body_beyond_forty_kilobytes_is_too_large(fast: Rig) -> None:
    assert (await fast.ari.originate(variables={"A": "x" * 41_000}))[0] == 413


# Applications


async def test_the_system_can_be_asked(fast: Rig) -> None:
    assert (await fast.ari("GET", "/asterisk/ping"))[1]["ping"] == "pong"
    _, info = await fast.ari("GET", "/asterisk/info")
    assert info["system"]["version"] == "22.10.1"
    assert info["status"]["startup_time"] == fast.asterisk.startup_time


async def test_an_application_is_known_by_its_socket_or_its_channels(fast: Rig) -> None:
    assert (await fast.ari("GET", "/applications/otp"))[1]["channel_ids"] == []
    await fast.answered_call()
    await fast.events.socket.close()
    await fast.asterisk.until(lambda: not fast.asterisk.stasis.active(APP))
    assert (await fast.ari("GET", "/applications/otp"))[1]["channel_ids"] == ["c1"]
    await fast.ari("DELETE", "/channels/c1")
    await fast.asterisk.until(lambda: fast.asterisk.calls[0].over)
    assert (await fast.ari("GET", "/applications/otp"))[0] == 404


async def test_while_nobody_listens_calls_are_answered_and_hung_up(fast: Rig) -> None:
    await fast.events.socket.close()
    await fast.asterisk.until(lambda: not fast.asterisk.stasis.active(APP))
    fast.asterisk.callee(NUMBER).answers()
    assert (await fast.ari.originate())[0] == 200
    await fast.asterisk.until(lambda: bool(fast.asterisk.calls) and fast.asterisk.calls[0].over)
    assert fast.asterisk.events == []


async def test_a_reconnected_application_has_its_filter_and_its_channels_but_not_what_it_missed(fast: Rig) -> None:
    await fast.answered_call()
    await fast.ari("PUT", "/applications/otp/eventFilter", {"disallowed": [{"type": "ChannelHold"}]})
    await fast.events.socket.close()
    await fast.asterisk.until(lambda: not fast.asterisk.stasis.active(APP))
    call = fast.asterisk.callee(NUMBER).call
    call.press_now("5")
    again = await fast.ari.events()
    call.hold()
    call.press_now("6")
    event = await again.next()
    assert (event["type"], event["digit"]) == ("ChannelDtmfReceived", "6")


async def test_a_second_socket_replaces_the_first(fast: Rig) -> None:
    second = await fast.ari.events("other,otp")
    replaced = await fast.events.next()
    assert (replaced["type"], replaced["application"]) == ("ApplicationReplaced", APP)
    await fast.events.socket.close()  # and that does not deactivate it
    fast.asterisk.callee(NUMBER).answers()
    await fast.ari.originate()
    assert (await second.until("StasisStart"))[-1]["application"] == APP


@pytest.mark.parametrize(
    ("event_filter", "expected"),
    [
        ({}, ["Dial", "Dial", "ChannelVarset", "StasisStart"]),
        ({"disallowed": [{"type": "ChannelVarset"}]}, ["Dial", "Dial", "StasisStart"]),
        ({"allowed": [{"type": "StasisStart"}, {"type": "Dial"}]}, ["Dial", "Dial", "StasisStart"]),
        (
            {"allowed": [{"type": "StasisStart"}, {"type": "Dial"}], "disallowed": [{"type": "Dial"}]},
            ["StasisStart"],
        ),
    ],
)
async def test_the_event_filter(fast: Rig, event_filter: Any, expected: list[str]) -> None:
    assert (await fast.ari("PUT", "/applications/otp/eventFilter", event_filter))[0] == 200
    fast.asterisk.callee(NUMBER).answers(ringing=False)
    await fast.ari.originate()
    await fast.asterisk.until(lambda: any(event["type"] == "StasisStart" for event in fast.asterisk.events))
    assert [event["type"] for event in fast.asterisk.events if event["type"] != "ChannelStateChange"] == expected


async def test_a_caller_from_the_dialplan(fast: Rig) -> None:
    call = fast.asterisk.enters(APP, "gather=4", caller="15550111", state="Ring", variables={"CODE": "1"})
    start = (await fast.events.until("StasisStart"))[-1]["channel"]
    assert (start["state"], start["caller"]["number"]) == ("Ring", "15550111")
    path = f"/channels/{call.channel.id}"
    assert await fast.ari("GET", f"{path}/variable", variable="CODE") == (200, {"value": "1"})
    assert (await fast.ari("POST", f"{path}/answer"))[0] == 204
    assert (await fast.ari("POST", f"{path}/variable", {"variable": "OTPVOICE_STATUS", "value": "completed"}))[0] == 204
    assert (await fast.ari("POST", f"{path}/continue", {"context": "after", "priority": 2}))[0] == 204
    assert told(await fast.events.until("StasisEnd")) == ["Up", "StasisEnd"]
    assert call.continued_at == ("after", "s", 2)
    assert call.channel.variables["OTPVOICE_STATUS"] == "completed"
    assert (await fast.ari("POST", f"{path}/answer"))[0] == 409
    call.hang_up()  # unheard: the application is not subscribed any more
    assert "ChannelDestroyed" not in [event["type"] for event in fast.asterisk.events]


async def test_a_caller_finds_nobody_home(fast: Rig) -> None:
    call = fast.asterisk.enters("elsewhere")
    assert call.channel.variables["STASISSTATUS"] == "FAILED"


async def test_a_caller_acts_from_the_answer_on(fast: Rig) -> None:
    fast.asterisk.callee("15550111").presses("42", after=0.5).hangs_up(after=0.2)
    call = fast.asterisk.inbound(f"{APP},gather=2", caller="15550111", state="Ring")
    start = (await fast.events.until("StasisStart"))[-1]
    answered_at = fast.asterisk.clock.now()
    assert (await fast.ari("POST", f"/channels/{start['channel']['id']}/answer"))[0] == 204
    events = await fast.events.until("StasisEnd")
    assert [event.get("digit") for event in events if event["type"] == "ChannelDtmfReceived"] == ["4", "2"]
    assert fast.asterisk.clock.now() - answered_at >= 0.5
    assert call.over
    assert [seen.extension for seen in call.then] == ["h"]


async def test_a_caller_who_is_not_answered_cancels(fast: Rig) -> None:
    fast.asterisk.callee("15550111").hangs_up(after=0.5)
    call = fast.asterisk.inbound(f"{APP},a=1", caller="15550111", state="Ring")
    assert told(await fast.events.until("StasisEnd")) == ["StasisStart", "HangupRequest(127, 487)", "StasisEnd"]
    assert (call.cause, call.tech_cause) == (127, 487)


async def test_what_the_dialplan_saw_can_be_looked_at(fast: Rig) -> None:
    call = fast.asterisk.inbound(f"{APP},a=1", exten="77", dialplan=Dialplan(waits=2.0, cause=17))
    channel = (await fast.events.until("StasisStart"))[-1]["channel"]["id"]
    for value in ("hangup", "completed"):
        body = {"variable": "OTPVOICE_STATUS", "value": value}
        await fast.ari("POST", f"/channels/{channel}/variable", body)
    assert (await fast.ari("POST", f"/channels/{channel}/continue"))[0] == 204
    [seen] = call.then
    assert (seen.context, seen.extension, seen.priority, seen.state) == ("from-trunk", "77", 3, "Up")
    assert (seen.variables["OTPVOICE_STATUS"], seen.variables["STASISSTATUS"]) == ("completed", "SUCCESS")
    await fast.asterisk.until(lambda: call.over)
    assert (call.cause, call.tech_cause) == (17, 486)
    assert [line.extension for line in call.then] == ["77", "h"]


async def test_what_is_no_utf8_can_not_be_read(fast: Rig) -> None:
    call = fast.asterisk.inbound(APP, headers=[("X-Bad", "\udcff"), ("X-Good", "1"), ("x-good", "2")])
    path = f"/channels/{call.channel.id}/variable"
    assert await fast.ari("GET", path, variable="PJSIP_HEADER(read,X-Bad)") == (500, {"error": "Allocation failed"})
    assert await fast.ari("GET", path, variable="PJSIP_HEADER(read,X-Good,2)") == (200, {"value": "2"})


# Digits


@pytest.mark.parametrize(
    ("on", "off", "heard_by_ari"),
    [
        (0.1, 0.1, "1234567890"),
        (0.08, 0.06, "1234567890"),
        (0.1, 0.04, "123344556677889900"),
        (0.04, 0.04, "123344556677889900"),
        (0.1, 0.02, "123344556677889900"),
    ],
)
async def test_ari_doubles_tight_digits_and_the_media_socket_does_not(
    fast: Rig, on: float, off: float, heard_by_ari: str
) -> None:
    media = await fast.talking_leg()
    await fast.asterisk.callee(NUMBER).call.press("1234567890", on=on, off=off)
    by_ari = [event["digit"] for event in fast.asterisk.events if event["type"] == "ChannelDtmfReceived"]
    assert "".join(by_ari) == heard_by_ari
    assert [(await media.event())["digit"] for _ in range(10)] == list("1234567890")


async def test_a_script_keys_and_hangs_up(fast: Rig) -> None:
    fast.asterisk.callee(NUMBER).answers(after=0.1).presses("42#", after=0.5).hangs_up(after=0.2)
    await fast.answered_call()
    events = await fast.events.until("ChannelDestroyed")
    assert [event["digit"] for event in events if event["type"] == "ChannelDtmfReceived"] == ["4", "2", "#"]
    assert told(events)[-2:] == ["StasisEnd", "Destroyed(0, None)"]
