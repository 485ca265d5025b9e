"""The calling agent as a real Asterisk's dialplan sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import aiohttp
import pytest
import pytest_asyncio

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, Ending, HeardAudio, Law, OutgoingCall, Scenario

pytestmark = pytest.mark.asterisk

SOON = 15.0
NOWHERE = ("127.0.0.1", 9)
# Answer, Progress, Ringing, Wait, Busy, Congestion, Hangup and Set are Asterisk's own (main/pbx_builtins.c); these need
# modules that otpvoice itself does without.
MODULES = "\n".join(f"load = app_{name}.so" for name in ("dial", "echo", "playtones", "read", "senddtmf"))
EXTENSIONS = """
[from-trunk]
exten => echo,1,Answer()
 same => n,Echo()
exten => busy,1,Busy(10)
exten => congestion,1,Congestion(10)
exten => barred,1,Hangup(21)
exten => rung,1,Ringing()
 same => n,Wait(30)
exten => short,1,Answer()
 same => n,Wait(0.2)
 same => n,Hangup(21)
exten => early,1,Progress()
 same => n,Playtones(440)
 same => n,Wait(0.5)
 same => n,Busy(10)
exten => read,1,Answer()
 same => n,Read(KEYS,,5,n,1,5)
 same => n,SendDTMF(${KEYS},100,100)
 same => n,Hangup(16)
exten => told,1,Set(REF=${PJSIP_HEADER(read,X-Ref)})
 same => n,Set(NAME=${CALLERID(name)})
 same => n,Set(NUMBER=${CALLERID(num)})
 same => n,Answer()
 same => n,Wait(30)
exten => refresh,1,Answer()
 same => n,Wait(0.2)
 same => n,Set(PJSIP_MEDIA_OFFER(audio)=!all,alaw)
 same => n,Set(PJSIP_SEND_SESSION_REFRESH()=invite)
 same => n,Wait(0.5)
 same => n,Set(PJSIP_MEDIA_OFFER(audio)=!all,ulaw)
 same => n,Set(PJSIP_SEND_SESSION_REFRESH()=update)
 same => n,Wait(0.2)
 same => n,Echo()
exten => _9!,1,Set(REF=${EXTEN})
 same => n,Answer()
 same => n,Wait(30)
exten => _1X.,1,Dial(PJSIP/${EXTEN}@trunk,10)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskInstance]:
    folder = tmp_path_factory.mktemp("caller") / "asterisk"
    async with await AsteriskInstance.start(
        folder,
        trunk=NOWHERE,
        codecs="ulaw,alaw",
        extensions=EXTENSIONS,
        extra_config={"modules.conf": MODULES},
        rtp_ports=60,
    ) as instance:
        yield instance


def place(
    agent: CalleeAgent, asterisk: AsteriskInstance, extension: str, scenario: Scenario | None = None
) -> OutgoingCall:
    return agent.call(("127.0.0.1", asterisk.sip_port), extension, scenario=scenario)


@pytest.mark.parametrize(
    ("extension", "status", "causes"),
    [
        # Busy() and Congestion() indicate first and set the cause then (main/pbx_builtins.c): the response races it.
        ("busy", 486, {0, 17}),
        ("congestion", 503, {0, 34}),
        ("barred", 403, {21}),
        ("no-such", 404, set()),
        ("a%26b", 404, set()),
    ],
)
async def test_the_dialplan_refuses(asterisk: AsteriskInstance, extension: str, status: int, causes: set[int]) -> None:
    async with CalleeAgent() as agent:
        call = place(agent, asterisk, extension)
        assert await call.decided(within=SOON) == status
        assert call.ended_by is Ending.REJECTED
        assert len(call.reasons) == min(len(causes), 1)
        assert set(call.reasons) <= {f"Q.850;cause={cause}" for cause in causes}


async def test_what_is_said_comes_back(asterisk: AsteriskInstance) -> None:
    scenario = Scenario.talks().plays_tone(440, 0.5, start=0.1).hangs_up(when=HeardAudio(0.4))
    async with CalleeAgent() as agent:
        call = place(agent, asterisk, "echo", scenario)
        await call.answered(within=SOON)
        await call.hold()
        await call.resume()
        assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP
        assert call.status == 200
        assert call.recording.lost == 0


async def test_the_dialplan_hangs_up(asterisk: AsteriskInstance) -> None:
    async with CalleeAgent() as agent:
        call = place(agent, asterisk, "short")
        assert await call.ended(within=SOON) is Ending.CALLEE_HUNG_UP
        assert call.reasons == ("Q.850;cause=21",)
        assert call.times.ack is not None


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario.talks().presses("13579", on=0.1, off=0.06, start=0.2),
        Scenario.talks().presses("24*#D", on=0.1, off=0.1, start=0.2, lose=frozenset({0, -1})),
    ],
    ids=["clean", "lost"],
)
async def test_keys_arrive_exactly(asterisk: AsteriskInstance, scenario: Scenario) -> None:
    async with CalleeAgent() as agent:
        call = place(agent, asterisk, "read", scenario)
        assert await call.ended(within=SOON) is Ending.CALLEE_HUNG_UP
        digits = "".join(stroke.digit for stroke in call.strokes)
        # Read() takes # for the end of what is keyed.
        assert call.recording.digits() == digits.partition("#")[0]
        assert len(digits) == 5


async def test_early_media_is_heard_before_the_verdict(asterisk: AsteriskInstance) -> None:
    async with CalleeAgent() as agent:
        call = place(agent, asterisk, "early")
        await call.heard(0.2, within=SOON)
        assert call.status is None
        assert await call.decided(within=SOON) == 486
        assert 183 in call.provisionals
        assert call.times.early_media is not None


@pytest.mark.parametrize("by_patience", [True, False])
async def test_a_ringing_call_is_cancelled(asterisk: AsteriskInstance, by_patience: bool) -> None:
    async with CalleeAgent() as agent:
        call = agent.call(("127.0.0.1", asterisk.sip_port), "rung", patience=0.3 if by_patience else None)
        await call.rang(within=SOON)
        assert call.provisionals == [100, 180]
        if not by_patience:
            await call.hang_up()
        assert await call.ended(within=SOON) is Ending.CANCELLED
        assert call.status == 487


@pytest.mark.parametrize("text", ["otp-81", 'a "b"; ${EXTEN} & <c>', "$[1+1]`id`%s", "x" * 1000, "é ü"])
async def test_headers_and_caller_reach_the_dialplan_as_they_are(asterisk: AsteriskInstance, text: str) -> None:
    async with CalleeAgent() as agent:
        call = agent.call(
            ("127.0.0.1", asterisk.sip_port),
            "told",
            from_user="+15550199",
            display_name="Ann & ${Bob}; [c]",
            headers={"X-Ref": text},
        )
        await call.answered(within=SOON)
        read = {name: await variable(asterisk, call, name) for name in ("REF", "NUMBER", "NAME")}
        assert read == {"REF": text, "NUMBER": "+15550199", "NAME": "Ann & ${Bob}; [c]"}
        await call.hang_up()


@pytest.mark.parametrize("text", ["$1", "&'()", "%24%7BX%7D", "%22%5C%20", ";a=b"])
async def test_a_user_part_is_decoded_once(asterisk: AsteriskInstance, text: str) -> None:
    """Text that no URI may have unescaped (RFC 3261 section 25.1) gets into EXTEN only so; pjsip drops the rest."""
    async with CalleeAgent() as agent:
        call = place(agent, asterisk, f"9{text}")
        await call.answered(within=SOON)
        assert await variable(asterisk, call, "REF") == f"9{unquote(text)}"
        await call.hang_up()


async def variable(asterisk: AsteriskInstance, call: OutgoingCall, name: str) -> str:
    """A variable of the only channel that Asterisk has."""
    authorization = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
    async with aiohttp.ClientSession(asterisk.ari_url, headers=authorization) as session:
        async with session.get("/ari/channels") as answer:
            (channel,) = [c for c in await answer.json() if c["protocol_id"] == call.dialog.call_id]
        async with session.get(f"/ari/channels/{channel['id']}/variable", params={"variable": name}) as answer:
            value = (await answer.json())["value"]
    assert isinstance(value, str)
    return value


async def test_asterisks_reinvite_and_update_are_answered(asterisk: AsteriskInstance) -> None:
    async with CalleeAgent() as agent:
        call = place(agent, asterisk, "refresh")
        await call.until(lambda: call.recording.law is Law.PCMA, within=SOON)
        await call.until(lambda: call.recording.law is Law.PCMU, within=SOON)
        # Both brought another codec: audio still goes both ways, once Echo() is reached.
        while call.recording.audible < 0.2:
            await call.play_tone(440, 0.2)
        await call.hang_up()
        assert call.ended_by is Ending.CALLER_HUNG_UP


async def test_one_agent_at_both_ends_of_a_bridge(tmp_path: Path) -> None:
    """It calls Asterisk, and Asterisk calls it: several of each at the same time."""
    called = Scenario.answers(ring=0.1).plays_tone(800, 0.5, start=0.2)
    placed = Scenario.talks().plays_tone(440, 0.5, start=0.2)
    async with (
        CalleeAgent(called) as agent,
        await AsteriskInstance.start(
            tmp_path / "asterisk",
            trunk=agent.address,
            extensions=EXTENSIONS,
            extra_config={"modules.conf": MODULES},
            rtp_ports=60,
        ) as asterisk,
    ):
        calls = [place(agent, asterisk, f"1555010{n}", placed) for n in range(5)]
        for call in calls:
            await call.rang(within=SOON)
            await call.heard(0.3, within=SOON)
        assert {call.invite.number for call in agent.calls} == {call.invite.number for call in calls}
        for came in agent.calls:
            await came.heard(0.3, within=SOON)
        await calls[0].hang_up()
        by_number = {call.invite.number: call for call in agent.calls}
        assert await by_number["15550100"].ended(within=SOON) is Ending.CALLER_HUNG_UP
        await by_number["15550101"].hang_up()
        assert await calls[1].ended(within=SOON) is Ending.CALLEE_HUNG_UP
        assert not calls[2].over


async def test_two_instances_have_dialplans_of_their_own(tmp_path: Path) -> None:
    included = tmp_path / "included here.conf"
    included.write_text("[from-trunk]\nexten => 1,1,Hangup(21)\n")
    async with (
        CalleeAgent() as agent,
        await AsteriskInstance.start(
            tmp_path / "one", trunk=NOWHERE, extensions=f'#include "{included}"\n', rtp_ports=20
        ) as one,
        await AsteriskInstance.start(
            tmp_path / "two", trunk=NOWHERE, extensions="[from-trunk]\nexten => 1,1,Busy()\n", rtp_ports=20
        ) as two,
    ):
        assert [await place(agent, at, "1").decided(within=SOON) for at in (one, two)] == [403, 486]
        await one.load_dialplan("[from-trunk]\nexten => 2,1,Busy()\n")
        assert [await place(agent, one, extension).decided(within=SOON) for extension in "12"] == [404, 486]
        assert await place(agent, two, "1").decided(within=SOON) == 486
        await one.restart()
        assert await place(agent, one, "2").decided(within=SOON) == 486
        await one.load_dialplan("")
        assert await place(agent, one, "2").decided(within=SOON) == 404


@pytest.mark.parametrize("text", ["[from-trunk\nexten => 1,1,Busy()", '#include "no-such-file.conf"', ";-- no end"])
async def test_a_dialplan_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    async with await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOWHERE, rtp_ports=20) as asterisk:
        with pytest.raises(ValueError, match="did not take"):
            await asterisk.load_dialplan(text)
        await asterisk.load_dialplan("[from-trunk]\nexten => 1,1,Busy()\n")
        async with CalleeAgent() as agent:
            assert await place(agent, asterisk, "1").decided(within=SOON) == 486
