"""Who leaves 8x8 changes a URL: an application written from its pages alone has whole sessions on a real Asterisk."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Law
from otpvoice.testkit.callee.tone import sine as tone
from tests.adapters.audio_files import mp3, sine, wav
from tests.adapters.sites import Site as Files
from tests.adapters.sites import Visit, answering
from tests.faults import leaks
from tests.faults.sites import Site, verdict
from tests.scenarios.callers import RINGING, calls_in
from tests.scenarios.phones import Phone
from tests.scenarios.stories import side_by_side
from tests.scenarios.vendors.application_8x8 import LEAVES, Application, action, application
from tests.scenarios.vendors.documents_8x8 import ERRORS
from tests.scenarios.vendors.site import ABROAD, VIRTUAL, hears, key_of, left, loudest, number_of, summary_of

PROFILE: Final = "en-US-ZiraRUS"
"""Of the seed's own sample; a woman's."""
WELCOME: Final = "Welcome to the bank."
PROMPT: Final = "Press one for sales, or two for support."
SCENARIO: Final = {
    "subAccounts": ["shop"],
    "callflow": [
        action("makeCall", source="{{from}}", destination="{{to}}"),
        action("say", text="Dear {{name}}, this is a test.", voiceProfile=PROFILE, speed=2),
        action("hangup"),
    ],
}
WAV_HZ, MP3_HZ = 400, 16000 / 1152 * 20
MESSAGING: Final = """{
"validUntil": <utc_timestamp>
"callflow": [
{
"action": "makeCall",
"params": {
"source": "6512341234",
"destination": "6512345678"
}
},
{
"action": "playFile",
"params": {
"fileUrl": "https://sample-videos.com/audio/mp3/wave.mp3",
"repetition": 2,
}
},
{
"action": "hangup"
}
]
}"""
"""8x8, "Voice messaging guide", a sample as it stood: no JSON."""


def make_call(phone: Phone | str, source: str = VIRTUAL) -> dict[str, Any]:
    return action("makeCall", source=source, destination=phone if isinstance(phone, str) else number_of(phone))


def say(text: str, **params: Any) -> dict[str, Any]:
    return action("say", **({"text": text, "voiceProfile": PROFILE, "speed": 2} | params))


def capture(prompt: str = PROMPT, **params: Any) -> dict[str, Any]:
    """One key, for which there is all the time."""
    rules = {"minDigits": 1, "maxDigits": 1, "digitTimeout": 20000, "overallTimeout": 30000, "completeOnHash": False}
    return action("sayAndCapture", **({"promptMessage": prompt, "voiceProfile": PROFILE, "speed": 2} | rules | params))


def at(seconds: float) -> str:
    """Return an instant so many seconds ahead, as their samples have it."""
    moment = datetime.fromtimestamp(time.time() + seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def call_of(session: str) -> str:
    """Return the call of a session, for a look at the log."""
    return "call_" + session.replace("-", "")


def ended(summary: Mapping[str, Any]) -> tuple[str, str, int]:
    """Return how a session ended, what it did last, and how many legs it had."""
    return summary["sessionStatus"], summary["lastAction"], summary["callCount"]


async def page(visit: Visit, body: bytes) -> None:
    await visit.answer(body=body)


@asynccontextmanager
async def opened(folder: Path, asterisk: AsteriskInstance) -> AsyncIterator[tuple[Site, Application, Application]]:
    """A service, and the applications of two sub-accounts; the second has a trunk that carries one call."""
    scenarios = folder / "scenarios"
    scenarios.mkdir()
    (scenarios / "greeting.json").write_text(json.dumps(SCENARIO))
    async with AsyncExitStack() as stack:
        accounts: dict[str, dict[str, Any]] = {
            "shop": {"trunks": ["default"]},
            "branch": {"trunks": ["narrow"]},
            "default": {},  # the dialplan is of the first one
        }
        narrow = {"max_calls": 1, "queue_seconds": 4.5}
        site = await stack.enter_async_context(
            left(folder, asterisk, accounts, narrow=narrow, scenarios_dir=str(scenarios))
        )
        base = site.service.url
        shop = await stack.enter_async_context(application(base, "shop", key_of("shop")))
        branch = await stack.enter_async_context(application(base, "branch", key_of("branch")))
        await shop.register()
        await branch.register(["VCA", "VSS"])
        yield site, shop, branch


@pytest.mark.asterisk
async def test_what_is_answered_depends_on_what_is_keyed_and_parties_hear_each_other(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    async with opened(tmp_path, asterisk) as (site, shop, _):

        def menu(payload: Mapping[str, Any]) -> Any:
            """A menu of two levels: the cookie says at which the callee is."""
            match payload.get("clientActionId"), payload["eventData"]["dtmf"]:
                case None, "1":
                    return {"callflow": [say("You chose sales."), action("hangup")]}
                case None, "2":
                    again = capture("Which department? One, two, or three.", successMessage="Thank you.")
                    return {"clientActionId": "ivr1_level2", "callflow": [say("Support."), again]}
                case "ivr1_level2", "3":
                    return {"clientActionId": "ivr1_bye", "callflow": [say("Department three."), action("hangup")]}
                case unexpected:
                    raise AssertionError(unexpected)

        async def chooses(*digits: str) -> tuple[Phone, str]:
            phone = site.answers()
            shop.menus[number_of(phone)] = menu
            session = await shop.send(make_call(phone), say(WELCOME), capture(), clientRequestId=f"order {digits}")
            for level, digit in enumerate(digits, 1):
                # A sentence, and then the prompt.
                await site.told("speech.started", call_of(session), count=2 * level)
                await phone.press(digit)
            summary = await shop.summary(session)
            assert ended(summary) == ("COMPLETED", "HANGUP", 1)
            assert (summary["subAccountId"], summary["clientRequestId"]) == ("shop", f"order {digits}")
            assert "errorDetails" not in summary
            leg = summary["details"]["callA"]
            assert (leg["callStatus"], leg["callDirection"]) == ("COMPLETED", "OUTBOUND")
            assert (leg["source"], leg["destination"]) == (f"+{VIRTUAL}", phone.number)
            assert (leg["sourceCountryCode"], leg["destinationCountryCode"]) == ("US", "US")
            assert leg["initiatedTimestamp"] <= leg["connectedTimestamp"] <= leg["disconnectedTimestamp"]
            assert summary["startTime"] <= summary["endTime"]
            asked = shop.events("VCA", session)
            assert [event["eventData"]["dtmf"] for event in asked] == [*digits]
            assert {event["callStatus"] for event in asked} == {"ACTION_COMPLETED"}
            assert {event["callId"] for event in asked} == {leg["callId"]}
            await shop.until(lambda: (phone.number, "CALL_DISCONNECTED") in shop.statuses(session))
            told = [status for _, status in shop.statuses(session) if status != "DTMF_RECEIVED"]
            assert told == ["CALL_INITIATED", "CALL_CONNECTED", "CALL_DISCONNECTED"]
            assert await hears(phone, WELCOME, female=True, speed=2)
            assert verdict(await summary_of(site, "shop", call_of(session))) == ("completed", None, "plan")
            return phone, session

        async def sells() -> None:
            phone, session = await chooses("1")
            assert await hears(phone, "You chose sales.", female=True, speed=2)
            assert not await hears(phone, "Support.", female=True, speed=2)
            assert "clientActionId" not in shop.events("VCA", session)[0]

        async def supports() -> None:
            phone, session = await chooses("2", "3")
            assert await hears(phone, "Support.", female=True, speed=2)
            assert await hears(phone, "Thank you.", female=True, speed=2)
            assert await hears(phone, "Department three.", female=True, speed=2)
            assert shop.events("VCA", session)[1]["clientActionId"] == "ivr1_level2"

        async def two_talk() -> None:
            first, second = site.answers(), site.answers()
            session = await shop.send(make_call(first), make_call(second))
            await site.told("call.connected", call_of(session))
            await asyncio.gather(first.speaks(700, 0.6), second.speaks(1100, 0.6))
            await second.hang_up()
            await first.over()
            summary = await shop.summary(session)
            # Nobody else hears a tone to the byte: the two are joined, and nothing is mixed into it.
            assert tone(700, 0.6, Law.PCMU) in second.sound
            assert tone(1100, 0.6, Law.PCMU) in first.sound
            assert ended(summary) == ("COMPLETED", "MAKE_CALL", 2)
            legs = summary["details"]
            assert [leg["destination"] for leg in legs.values()] == [first.number, second.number]
            assert {leg["callStatus"] for leg in legs.values()} == {"COMPLETED"}
            assert legs["callA"]["callId"] != legs["callB"]["callId"]
            assert shop.events("VCA", session) == []
            await shop.until(lambda: len(shop.statuses(session)) >= 6)
            for phone in (first, second):
                told = [status for number, status in shop.statuses(session) if number == phone.number]
                assert told == ["CALL_INITIATED", "CALL_CONNECTED", "CALL_DISCONNECTED"]

        async def the_second_is_busy() -> None:
            first, second = site.answers(), site.rejects(486)
            session = await shop.send(make_call(first), make_call(second))
            summary = await shop.summary(session)
            assert ended(summary) == ("BUSY", "MAKE_CALL", 2)
            assert [leg["callStatus"] for leg in summary["details"].values()] == ["COMPLETED", "BUSY"]
            assert "connectedTimestamp" not in summary["details"]["callB"]

        async def nobody_answers() -> None:
            session = await shop.send(make_call(site.rejects(486)), say(WELCOME), action("hangup"))
            summary = await shop.summary(session)
            assert ended(summary) == ("BUSY", "MAKE_CALL", 1)
            assert summary["details"]["callA"]["callDuration"] == 0

        async def a_caller() -> None:
            """Comes in by the dialplan, and is put through by the answer."""
            agent = site.answers()
            shop.menus[RINGING] = lambda _: {"callflow": [say("One moment."), make_call(agent)]}
            caller = calls_in(site.network, asterisk, f"otpvoice-{site.instance},door=8x8", RINGING, {})
            await shop.until(lambda: any(event["destination"] == RINGING for event in shop.all("VCA")))
            (asked,) = [event for event in shop.all("VCA") if event["destination"] == RINGING]
            await site.told("call.connected", call_of(asked["sessionId"]))
            await asyncio.gather(caller.speaks(500, 0.4), agent.speaks(900, 0.4))
            await agent.hang_up()
            await caller.over()
            assert (asked["callStatus"], asked["callDirection"]) == ("CALL_RECEIVED", "INBOUND")
            summary = await shop.summary(asked["sessionId"])
            assert ended(summary) == ("COMPLETED", "MAKE_CALL", 2)
            assert summary["details"]["callA"]["callDirection"] == "INBOUND"
            assert summary["details"]["callB"]["source"] == f"+{VIRTUAL}"

        await side_by_side(sells(), supports(), two_talk(), the_second_is_busy(), nobody_answers(), a_caller())
        # What goes along in a header is anybody's who reads it.
        assert await leaks.in_redis(site.redis.url, [shop.header]) == []
        assert not leaks.in_text(site.service.log_path.read_bytes(), [shop.header])


@pytest.mark.asterisk
async def test_files_are_heard_samples_run_and_what_fails_later_is_told_by_the_summary(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    pages = {
        "/wave.wav": partial(page, body=wav(sine(0.5, frequency=WAV_HZ).tobytes(), 8000)),
        "/wave.mp3": partial(page, body=mp3(14)),
    }
    async with answering(pages) as files, opened(tmp_path, asterisk) as (site, shop, branch):

        async def is_played(file: str, hz: float) -> None:
            phone = site.answers()
            session = await shop.send(make_call(phone), play(files, file), action("hangup"))
            assert ended(await shop.summary(session)) == ("COMPLETED", "HANGUP", 1)
            assert loudest(phone.sound) == pytest.approx(hz, rel=0.05)

        async def the_sample_runs_repaired() -> None:
            refused = await shop.post(MESSAGING)
            assert (refused.status, refused.body["statusCode"]) == (400, -1001)
            phone = site.answers()
            repaired = (
                MESSAGING.replace("<utc_timestamp>", json.dumps(at(600)) + ",")
                .replace('"repetition": 2,', '"repetition": 2')
                .replace("6512341234", VIRTUAL)
                .replace("6512345678", number_of(phone))
                .replace("https://sample-videos.com/audio/mp3/wave.mp3", files.url("/wave.mp3", host="127.0.0.1"))
            )
            answer = await shop.post(repaired)
            assert (answer.status, answer.body["statusCode"], answer.body["statusMessage"]) == (200, 1, "Created")
            assert ended(await shop.summary(answer.body["sessionId"])) == ("COMPLETED", "HANGUP", 1)
            await phone.over()
            assert len(phone.sound.strip(b"\xff\x7f")) > 14 * 576 / 2 * 1.5  # twice

        async def a_scenario_runs() -> None:
            phone = site.answers()
            values = {"from": VIRTUAL, "to": number_of(phone), "name": "Dave"}
            session = await shop.send(action("scenario", scenarioName="greeting", **values))
            assert ended(await shop.summary(session)) == ("COMPLETED", "HANGUP", 1)
            assert await hears(phone, "Dear Dave, this is a test.", female=True, speed=2)
            foreign = await branch.post({"callflow": [action("scenario", scenarioName="greeting", **values)]})
            assert (foreign.status, foreign.body["statusCode"]) == (422, -1020)

        async def fails(
            code: int, *callflow: dict[str, Any], app: Application = shop, **fields: Any
        ) -> Mapping[str, Any]:
            session = await app.send(*callflow, **fields)
            summary = await app.summary(session)
            assert summary["sessionStatus"] == "ERROR"
            assert summary["errorDetails"] == {"errorCode": code, "errorMsg": ERRORS[code]}
            return summary

        async def is_foreign() -> None:
            """A key is good for its own sub-account, and no other is there."""
            other = Application(shop.base, "shop", branch.key, "", shop.http)
            unknown = Application(shop.base, "shop", "nobody-s-key-0123456789abcdef", "", shop.http)
            for method, path in (("POST", "callflows"), ("GET", "webhooks"), ("GET", "speech-profiles")):
                assert (await other.ask(method, path, data="{}")).status == 404
                assert (await unknown.ask(method, path, data="{}")).status == 401
            refused = await other.post({"callflow": [make_call(site.answers())]})
            assert (refused.status, refused.body["statusCode"]) == (404, 404)
            assert other.wrong == []

        async def rings_nobody(code: int, *callflow: dict[str, Any], **fields: Any) -> None:
            phone = site.answers()
            await fails(code, make_call(phone), *callflow, action("hangup"), **fields)
            assert phone.rung == 0

        async def the_answer_is_of_no_use(code: int, said: Any) -> None:
            phone = site.answers()
            shop.menus[number_of(phone)] = lambda _: said
            summary = await fails(code, make_call(phone), say(WELCOME))
            assert summary["details"]["callA"]["callStatus"] == "COMPLETED"
            await phone.over()

        async def the_trunk_is_full() -> None:
            waits = site.answers()
            holds = await branch.send(make_call(waits), capture())
            await site.told("call.answered", call_of(holds))
            await side_by_side(
                rings_nobody(-2007, say(WELCOME), app=branch, validUntil=at(3)),
                rings_nobody(-2010, say(WELCOME), app=branch),
            )
            await waits.hang_up()
            assert ended(await branch.summary(holds)) == ("COMPLETED", "SAY_AND_CAPTURE", 1)

        async def whom_to_call_is_missing() -> None:
            summary = await fails(-2009, action("scenario", **{"scenarioName": "greeting", "from": VIRTUAL}))
            leg = summary["details"]["callA"]
            assert (leg["destination"], leg["destinationCountryCode"], leg["callStatus"]) == (None, None, "ERROR")

        foreign = make_call(site.answers(), source="442079460000")
        await side_by_side(
            the_trunk_is_full(),
            is_foreign(),
            is_played("/wave.wav", WAV_HZ),
            is_played("/wave.mp3", MP3_HZ),
            the_sample_runs_repaired(),
            a_scenario_runs(),
            fails(-2004, make_call(ABROAD), say(WELCOME)),
            fails(-2009, action("scenario", **{"scenarioName": "greeting", "from": VIRTUAL, "to": ABROAD})),
            whom_to_call_is_missing(),
            rings_nobody(-2006, play(files, "/missing.wav")),
            the_answer_is_of_no_use(-2003, b"Hello!"),
            the_answer_is_of_no_use(-2002, 500),
            the_answer_is_of_no_use(-2002, LEAVES),
            the_answer_is_of_no_use(-2008, {"callflow": [foreign]}),
            the_answer_is_of_no_use(-2004, {"callflow": [make_call(ABROAD)]}),
        )


def play(files: Files, path: str) -> dict[str, Any]:
    return action("playFile", fileUrl=files.url(path, host="127.0.0.1"))
