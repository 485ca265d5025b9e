"""Who leaves Telesign changes a URL: its pages' client and handler, and such as its public demo shows, have calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Law
from otpvoice.testkit.callee.tone import sine as tone
from tests.adapters.audio_files import sine, wav
from tests.adapters.sites import Site as Files
from tests.adapters.sites import Visit, answering
from tests.faults.sites import Site, verdict
from tests.scenarios.callers import RINGING, UP, calls_in
from tests.scenarios.phones import Phone
from tests.scenarios.stories import side_by_side
from tests.scenarios.vendors.application_telesign import LEAVES, Customer, customer, method
from tests.scenarios.vendors.servers import Listener, Running, ran, serving
from tests.scenarios.vendors.site import ABROAD, VIRTUAL, hears, key_of, left, loudest, number_of, summary_of

MESSAGE_HZ: Final = 400
SURVEY: Final = "How was our service today? Press a key from one to five."
IVR: Final = "Good day. Press one for customers, or two for accounts."


def call_of(reference: str) -> str:
    """Return the call of a reference, for a look at the log."""
    return f"call_{reference.lower()}"


@dataclass(frozen=True, slots=True)
class House:
    """A service, whom its customers run, and the phones that their applications name."""

    site: Site
    seed: Running
    """The handler of the seed: whose customer is ``seed``."""
    survey: Running
    """An application of the kind that the public demo shows, a survey: ``survey``."""
    agent: Phone
    menu: Running
    """Two more, a menu and a transfer: of ``default``, which has the dialplan."""
    service: Phone
    desks: tuple[Phone, Phone]
    customer: Customer
    """An application of our own: ``shop``, ``junk``, …"""
    files: Files


@asynccontextmanager
async def opened(folder: Path, asterisk: AsteriskInstance) -> AsyncIterator[House]:
    """Open all of it: where handlers will listen, the service that knows these URLs, the handlers that know numbers."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        at = {name: stack.enter_context(Listener()) for name in ("default", "seed", "survey")}
        own = await enter(customer())
        events = {name: listener.url for name, listener in at.items()}
        events |= {name: own.url(f"/{name}") for name in ("shop", "junk", "refuses", "leaves")}
        site = await enter(left(folder, asterisk, {name: {"event_url": url} for name, url in events.items()}))
        own.base = site.service.url
        message = wav(sine(2.0, frequency=MESSAGE_HZ).tobytes(), 8000)
        files = await enter(answering({"/file.wav": partial(Visit.answer, body=message)}))
        agent, service = site.answers(), site.answers()
        recording = {"https://url-pointing-to-audio-file.com/file.wav": files.url("/file.wav", host="127.0.0.1")}
        with_agent, with_service = ({"1111111": VIRTUAL, "3333333": number_of(phone)} for phone in (agent, service))
        ivr = with_service | {'APPLICATION = "survey"': 'APPLICATION = "menu"', "4444444": UP}
        desks = site.answers(), site.answers()
        ivr |= {name: number_of(phone) for name, phone in zip(("5555555", "6666666"), desks, strict=True)}
        yield House(
            site,
            await enter(serving("telesign_handler.py", recording, folder / "seed", at["seed"])),
            await enter(serving("telesign_demo.py", with_agent, folder / "survey", at["survey"])),
            agent,
            await enter(serving("telesign_demo.py", ivr, folder / "menu", at["default"])),
            service,
            desks,
            own,
            files,
        )


@pytest.mark.asterisk
async def test_handlers_of_telesigns_own_pages_have_their_calls(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with opened(tmp_path, asterisk) as house:
        site, own = house.site, house.customer

        async def the_seed() -> None:
            """Dial, play and collect, hang up: its client and its handler, with nothing but their syntax repaired."""
            phone = site.answers()
            fields = {
                "Your Customer ID goes here.": "seed",
                "Your API key goes here.": key_of("seed"),
                "The complete phone number you want to call, including country code, with no special characters or"
                " spaces.": number_of(phone),
                "The phone number you purchased from Telesign goes here.": VIRTUAL,
                "An external ID you generated for this transaction.": "order-4711",
                "https://rest-ww.telesign.com": site.service.url,
            }
            while (answer := await ran("telesign_client.py", fields, tmp_path))["status"] == "service_unavailable":
                pass  # the machine has no strength for it just now
            assert (answer["status"], answer["external_id"]) == ("dial_accepted", "order-4711")
            reference = answer["reference_id"]
            await site.told("speech.started", call_of(reference))
            await phone.heard(0.2)
            await phone.press("47")
            await phone.press("1#")
            told = await house.seed.told("call_completed", reference)
            dialled, played, completed = house.seed.of(reference)
            assert dialled.event == "dial_completed"
            assert (dialled.data["status"], dialled.data["to"]) == ("answered", number_of(phone))
            assert played.event == "play_completed"
            assert played.data["collected_digits"] == "471"
            assert completed == told
            assert completed.data["direction"] == "outbound"
            assert {visit.said["external_id"] for visit in (dialled, played, completed)} == {"order-4711"}
            assert loudest(phone.sound) == pytest.approx(MESSAGE_HZ, rel=0.05)
            assert verdict(await summary_of(site, "seed", call_of(reference))) == ("completed", None, "plan")

        async def a_survey() -> None:
            """Dial the customer, then an agent; when the agent is gone, ask for a digit."""
            phone = site.answers()
            reference = await own.dial("survey", key_of("survey"), to=number_of(phone), caller_id_number=VIRTUAL)
            await site.told("call.connected", call_of(reference))
            await asyncio.gather(phone.speaks(700, 0.4), house.agent.speaks(1100, 0.4))
            await house.agent.hang_up()
            await house.survey.told("call_leg_completed", reference)
            await site.told(
                "speech.started", call_of(reference), count=2
            )  # what it hears while the agent's rings is one
            await phone.press("5")
            await house.survey.told("call_completed", reference)
            assert tone(700, 0.4, Law.PCMU) in house.agent.sound
            assert tone(1100, 0.4, Law.PCMU) in phone.sound
            events = house.survey.of(reference)
            assert [one.event for one in events] == [
                "dial_completed",
                "call_leg_completed",
                "speak_completed",
                "call_completed",
            ]
            assert events[2].data["collected_digits"] == "5"
            # Their own server has no answer to the last one, and is no worse for it.
            assert [one.status for one in events] == [200, 200, 200, 500]
            await phone.over()

        async def a_caller() -> None:
            """Comes in by the dialplan, hears a menu, and is put through."""
            stasis = f"otpvoice-{site.instance},door=telesign"
            caller = calls_in(site.network, asterisk, stasis, RINGING, {})
            await caller.picked_up()
            await house.menu.until(lambda: incoming(RINGING) != [])
            (reference,) = incoming(RINGING)
            told_first = await house.menu.told("incoming_call", reference)
            assert (told_first.data["to"], told_first.data["from"]) == (RINGING, number_of(caller))
            await site.told("speech.started", call_of(reference))
            await caller.press("1")
            await site.told("call.connected", call_of(reference))
            await asyncio.gather(caller.speaks(500, 0.4), house.service.speaks(900, 0.4))
            await house.service.hang_up()
            await house.menu.told("call_completed", reference)
            assert tone(500, 0.4, Law.PCMU) in house.service.sound
            assert tone(900, 0.4, Law.PCMU) in caller.sound
            told = [one.event for one in house.menu.of(reference)]
            assert told == ["incoming_call", "speak_completed", "call_leg_completed", "call_completed"]
            assert house.menu.of(reference)[-1].data["direction"] == "inbound"
            await caller.over()

        async def a_transfer() -> None:
            """Comes in, and is put through by the first answer; and when that one is done, to another one."""
            stasis = f"otpvoice-{site.instance},door=telesign"
            caller = calls_in(site.network, asterisk, stasis, UP, {})
            await house.menu.until(lambda: incoming(UP) != [])
            (reference,) = incoming(UP)
            for nth, desk in enumerate(house.desks, 1):
                await site.told("call.connected", call_of(reference), count=nth)
                await asyncio.gather(caller.speaks(500 + 100 * nth, 0.4), desk.speaks(900 + 100 * nth, 0.4))
                await desk.hang_up()
            await house.menu.told("call_completed", reference)
            await caller.over()
            for nth, desk in enumerate(house.desks, 1):
                assert tone(500 + 100 * nth, 0.4, Law.PCMU) in desk.sound
                assert tone(900 + 100 * nth, 0.4, Law.PCMU) in caller.sound
            events = house.menu.of(reference)
            told = ["incoming_call", "call_leg_completed", "call_leg_completed", "call_completed"]
            assert [one.event for one in events] == told
            called = [UP, *(number_of(desk) for desk in house.desks), UP]
            assert [(one.said["to"], one.said["from"]) for one in events] == [(to, number_of(caller)) for to in called]
            assert [json.loads(one.answer)["method"] for one in events[:-1]] == ["dial", "dial", "hangup"]
            assert verdict(await summary_of(site, "default", call_of(reference))) == ("completed", None, "plan")

        def incoming(to: str) -> list[str]:
            """Return the references of the calls that came in to a number."""
            told = [one for one in house.menu.visits if one.event == "incoming_call" and one.data["to"] == to]
            return list(dict.fromkeys(one.said["reference_id"] for one in told))

        async def a_busy_one() -> None:
            phone = site.rejects(486)
            reference = await own.dial("shop", key_of("shop"), to=number_of(phone), external_id="e")
            assert (await own.told("dial_completed", reference))["data"]["status"] == "busy"
            completed = await own.told("call_completed", reference)
            assert completed["data"]["answered_on_utc"] is None
            assert completed["external_id"] == "e"

        async def a_message() -> None:
            """All that the seed's page has, one after the other; what is played is played twice."""
            phone = site.answers()
            said = {"dial_completed": speak("Hello."), "speak_completed": send(house)}

            def reply(event: Mapping[str, Any]) -> Any:
                if event["event"] == "play_completed":
                    came = [one for one in own.of(event["reference_id"]) if one["event"] == "play_completed"]
                    return send(house) if len(came) < 2 else method("hangup")
                return said.get(event["event"], 200)

            own.replies["/shop"] = reply
            reference = await own.dial("shop", key_of("shop"), to=number_of(phone))
            completed = await own.told("call_completed", reference)
            assert [event["event"] for event in own.of(reference)] == [
                "dial_completed",
                "speak_completed",
                "play_completed",
                "play_completed",
                "call_completed",
            ]
            # Nothing in their bodies tells them apart.
            assert own.of(reference)[2] == own.of(reference)[3]
            assert own.of(reference)[1]["data"] | {"status": "speak_successful"} == own.of(reference)[1]["data"]
            assert await hears(phone, "Hello.", female=None)
            assert completed["data"]["audio_recording_file_name"] is None

        async def whose_webhook_is_of_no_use(name: str, said: Any) -> None:
            phone = site.answers()
            own.replies[f"/{name}"] = lambda event: said if event["event"] == "dial_completed" else 200
            reference = await own.dial(name, key_of(name), to=number_of(phone))
            await own.told("call_completed", reference)
            await phone.over()
            assert [event["event"] for event in own.of(reference)] == ["dial_completed", "call_completed"]
            summary = await summary_of(site, name, call_of(reference))
            assert verdict(summary) == ("completed", None, "plan")
            assert len(summary["errors"]) == 1

        async def who_is_refused() -> None:
            status, answer = await own.post("shop", key_of("seed"), method("dial", to="15550000001"))
            assert (status, answer["status"]) == (401, "not_authorized")
            status, answer = await own.post("shop", key_of("shop"), method("dial", to=ABROAD))
            assert (status, answer["status"]) == (200, "to_number_blocked_by_country")
            status, answer = await own.post("shop", key_of("shop"), method("hangup"))
            assert (status, answer["status"]) == (400, "unsupported_call_state")

        await side_by_side(
            whose_webhook_is_of_no_use("leaves", LEAVES),
            whose_webhook_is_of_no_use("junk", b"Hello!"),
            whose_webhook_is_of_no_use("refuses", 500),
            the_seed(),
            a_survey(),
            a_caller(),
            a_transfer(),
            a_busy_one(),
            a_message(),
            who_is_refused(),
        )


def speak(message: str) -> dict[str, Any]:
    return method("speak", tts={"message": message, "language": "en-US"})


def send(house: House) -> dict[str, Any]:
    return method("play", url=house.files.url("/file.wav", host="127.0.0.1"), collect_digits=None)
