"""Calls that ask by webhook what to do next: told the keys, answered, heard; and what is heard without an answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from otpvoice.adapters.speech.renderer import Renderer
from otpvoice.core.actions import Say
from otpvoice.core.reading import say_script
from otpvoice.testkit.asterisk import AsteriskInstance
from tests.adapters.sites import closed_port
from tests.faults import leaks
from tests.faults.sites import Site, gather, open_site, say_code, verdict
from tests.scenarios.endpoint import HANGS, LARGE, SECRET, Endpoint, Post, Reply, opened_endpoint
from tests.scenarios.finishing import FINISHING
from tests.scenarios.phones import Phone
from tests.scenarios.stories import side_by_side
from tests.scenarios.voice import VOICE
from tests.scenarios.world import LOCALES

KEYS: Final = "564738"
CODE: Final = "918273"
THANKS: Final = {"type": "say", "text": "Thank you.", "speed": 2}
SORRY: Final = {"type": "say", "text": "Sorry, not now.", "speed": 2}


@asynccontextmanager
async def open_house(folder: Path, asterisk: AsteriskInstance) -> AsyncIterator[tuple[Site, Endpoint]]:
    """A service, and an application that it may tell."""
    settings: dict[str, Any] = {"url_allow": "127.0.0.1", "webhook_secrets": SECRET}
    async with opened_endpoint() as endpoint, open_site(folder, asterisk, **settings) as site:
        yield site, endpoint


async def hears(phone: Phone, said: dict[str, Any]) -> bool:
    """Say whether a sentence was heard, to the byte."""
    renderer = Renderer([VOICE], LOCALES, "ulaw", finishing=FINISHING)
    (sound,) = (await renderer.prepare(say_script(Say(said["text"], speed=said["speed"]), "en-US", None))).sounds
    await renderer.close()
    return sound.strip(b"\xff\x7f") in phone.sound


def webhook(endpoint: Endpoint, path: str, reply: Reply, **fields: Any) -> dict[str, Any]:
    """Have a path answer like this. Returns the webhook of a call that asks there."""
    endpoint.replies[path] = reply
    return {"url": endpoint.url(path), "interactive": True} | fields


def answers(*by_type: tuple[str, Any]) -> Reply:
    """Return an application that says these, each once, to the first event of its type."""
    left = list(by_type)

    def reply(post: Post) -> Any:
        for waiting in left:
            if waiting[0] == post.type:
                left.remove(waiting)
                return waiting[1]
        return None

    return reply


@pytest.mark.asterisk
async def test_an_application_decides_what_comes_next(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_house(tmp_path, asterisk) as (site, endpoint):

        async def collects_keys_that_are_nobody_elses_business() -> None:
            phone = site.answers()
            # A code in an answer, behind a gate whose key we draw; and then an end without a word.
            read = say_code(CODE, gate={"key": "any", "timeout": 20})
            said = answers(("digits.collected", [THANKS, read]), ("action.completed", None))
            hook = webhook(endpoint, "/keys", said)
            call = await site.place(phone, gather(6, tag="pin"), webhook=hook)
            await site.told("call.answered", call)
            await phone.press(KEYS)
            asked = await endpoint.told("/keys", "digits.collected")
            assert asked.event["data"]["collected"] == {
                "tag": "pin",
                "digits": KEYS,
                "count": 6,
                "ended_by": "max_digits",
                "valid": True,
                "tries": 1,
                "ignored": 0,
            }
            assert asked.call["collected"][0]["digits"] is None
            await site.told("speech.finished", call, 2)  # the question of the gate
            await phone.press("5")
            summary = await site.summary(call)
            assert verdict(summary) == ("completed", None, "plan")
            assert (summary["delivered"], summary["errors"]) == (True, [])
            assert summary["collected"][0]["digits"] is None
            assert await hears(phone, THANKS)
            await endpoint.told("/keys", "call.ended")
            done = endpoint.at("/keys", "action.completed")
            # Of the answer's two actions the last one asks; the gather that asked by its keys completed, too.
            assert sorted((post.event["data"]["index"], post.event["data"]["type"]) for post in done) == [
                (0, "gather"),
                (1, "say"),
                (2, "say_code"),
            ]
            assert set(endpoint.times("/keys").values()) == {1}
            for post in endpoint.at("/keys"):
                assert post is asked or not leaks.in_text(post.body, (KEYS, CODE))

        async def has_no_plan_at_all() -> None:
            phone = site.answers()
            said = answers(("call.answered", [THANKS, {"type": "hangup"}]))
            hook = webhook(endpoint, "/plan", said)
            answer = await site.ask("POST", "/v1/calls", json={"to": phone.number, "webhook": hook})
            assert answer.status == 202, answer
            summary = await site.summary(answer.body["id"])
            assert (verdict(summary), summary["errors"]) == (("completed", None, "plan"), [])
            assert await hears(phone, THANKS)
            assert len(endpoint.at("/plan", "call.answered")) == 1

        async def draws_the_key_of_a_gate() -> None:
            phone = site.answers()
            read = say_code(CODE, gate={"key": "random", "tries": 1, "timeout": 1, "failure": "No."})
            hook = webhook(endpoint, "/drawn", answers(("action.completed", [read])))
            summary = await site.summary(await site.place(phone, THANKS, webhook=hook))
            # Whoever presses nothing has not got it: a code that came late is a code all the same.
            assert (verdict(summary), summary["delivered"]) == (("completed", None, "plan"), False)
            assert [error["code"] for error in summary["errors"]] == ["gate_not_passed"]

        await side_by_side(
            collects_keys_that_are_nobody_elses_business(), has_no_plan_at_all(), draws_the_key_of_a_gate()
        )
        secrets = (KEYS, CODE)
        assert await leaks.in_redis(site.redis.url, secrets) == []
        assert not leaks.in_text(site.service.log_path.read_bytes(), secrets)
        found = leaks.in_processes(site.service.pid, secrets)
        assert found == []


NO_ANSWERS: Final = {
    "hangs": (HANGS, "not_answered"),
    "500": (500, "not_answered"),
    "404": (404, "not_answered"),
    "moved": (302, "not_answered"),
    "garbage": (b"Hello!", "answer_invalid"),
    "no-object": (b"[1, 2]", "answer_invalid"),
    "unknown-action": ([{"type": "dance"}], "answer_invalid"),
    "one-wrong": ([THANKS, {"type": "say", "text": ""}], "answer_invalid"),
    "forbidden": ([{"type": "dial", "to": "+882160000000"}], "answer_invalid"),
    "too-large": (LARGE, "not_answered"),
    "too-many": ([THANKS] * 51, "answer_invalid"),
}


@pytest.mark.asterisk
async def test_without_an_answer_the_fallback_is_heard(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_house(tmp_path, asterisk) as (site, endpoint):

        async def falls_back(name: str, reply: Any, code: str, *fallback: dict[str, Any]) -> None:
            path, phone = f"/{name}-{len(fallback)}", site.answers()
            asked = answers(("digits.collected", reply))
            hook = webhook(endpoint, path, asked, timeout=1, events=["call.ended"], fallback=list(fallback))
            keys = gather(1, sensitive=False)
            call = await site.place(phone, keys, webhook=hook)
            await site.told("call.answered", call)
            await phone.press("7")
            summary = await site.summary(call)
            assert verdict(summary) == ("completed", None, "plan")
            assert [(error["code"], error["action"]) for error in summary["errors"]] == [(code, None)]
            assert await hears(phone, SORRY) is bool(fallback)
            assert not await hears(phone, THANKS)
            await endpoint.told(path, "call.ended")
            # Nobody is asked twice, nor what comes after the fallback; and what is not wanted is not told.
            assert [post.type for post in endpoint.at(path)] == ["digits.collected", "call.ended"]

        async def asks_where_nobody_listens() -> None:
            """Nothing of the question was sent: it is asked a second time, and then no more."""
            phone = site.answers()
            with closed_port() as port:
                hook = {"url": f"http://127.0.0.1:{port}/", "interactive": True, "timeout": 2, "fallback": [SORRY]}
                summary = await site.summary(await site.place(phone, THANKS, webhook=hook))
            assert verdict(summary) == ("completed", None, "plan")
            assert [error["code"] for error in summary["errors"]] == ["not_answered"]
            assert await hears(phone, SORRY)

        await side_by_side(
            asks_where_nobody_listens(),
            *(falls_back(name, reply, code, SORRY) for name, (reply, code) in NO_ANSWERS.items()),
            falls_back("500", 500, "not_answered"),
        )
        logged = json.dumps(site.logged("interview.not_understood"))
        assert "dance" not in logged
