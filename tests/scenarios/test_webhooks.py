"""What happens to a call is posted: all of it, signed, once or with the same id again, whoever dies meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.sites import Site, gather, open_site, say_code, verdict
from tests.scenarios.endpoint import HANGS, SECRET, Endpoint, Post, opened_endpoint
from tests.scenarios.stories import side_by_side

pytestmark = pytest.mark.asterisk

LATER: Final = 45.0
"""Seconds within which what failed has come again: the first pause is 5 s, and what a process had taken when it was
killed is anybody's after 30 s."""


def settings(endpoint: Endpoint) -> dict[str, Any]:
    """Return those of a service that tells the endpoint of calls that have no webhook of their own."""
    return {"url_allow": "127.0.0.1", "webhook_secrets": SECRET, "webhook_url": endpoint.url("/all")}


def about(endpoint: Endpoint, path: str, call: str) -> list[Post]:
    """Return what was told of a call and taken, in the order of what happened."""
    told = {post.id: post for post in endpoint.taken if (post.path, post.call["id"]) == (path, call)}
    return sorted(told.values(), key=lambda post: int(post.id.rpartition("_")[2]))


async def whole_story(endpoint: Endpoint, path: str, call: str, within: float = LATER) -> list[Post]:
    """Wait until all of a call was told up to its end, in whatever order."""

    def whole() -> bool:
        told = about(endpoint, path, call)
        return bool(told) and told[-1].type == "call.ended" and int(told[-1].id.rpartition("_")[2]) == len(told)

    await endpoint.until(whole, within)
    return about(endpoint, path, call)


async def test_all_that_happens_is_told(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with opened_endpoint() as endpoint, open_site(tmp_path, asterisk, **settings(endpoint)) as site:

        async def of_a_call_by_the_configured_webhook() -> None:
            phone = site.answers(ring=0.1)
            read = say_code("482", replay={"key": "1", "limit": 1})
            call = await site.place(phone, read, gather(1, sensitive=False), metadata={"order": 7})
            await site.told("speech.finished", call, 2)  # the offer
            await phone.press("1")
            await site.told("action.completed", call)
            await phone.press("7")
            told = await whole_story(endpoint, "/all", call)
            assert [post.type for post in told] == [
                "call.queued",
                "call.dialing",
                "call.ringing",
                "call.answered",
                "code.delivered",
                "code.replayed",
                "action.completed",
                "digits.collected",
                "action.completed",
                "call.ended",
            ]
            assert told[5].event["data"]["count"] == 1
            assert told[7].event["data"]["collected"]["digits"] == "7"
            # In order, with the call as it was then; at the end the summary, which is what Redis has.
            instants = [post.event["timestamp"] for post in told]
            assert instants == sorted(instants)
            states = [post.call["state"] for post in told[:4]]
            assert states == ["queued", "dialing", "ringing", "answered"]
            assert told[-1].call == await site.summary(call)
            assert told[-1].call["metadata"] == {"order": 7}
            # And the same, to the byte, is what is shown to who asks.
            shown = await site.ask("GET", f"/v1/calls/{call}/events")
            assert [event["id"] for event in shown.body["data"]] == [post.id for post in told]
            assert shown.body["data"] == [json.loads(post.body) for post in told]

        async def of_a_call_with_its_own_webhook() -> None:
            hook = {"url": endpoint.url("/own"), "events": ["call.answered", "call.ended"]}
            call = await site.place(site.answers(), say_code("482"), webhook=hook)
            await site.summary(call)
            await endpoint.until(lambda: len(about(endpoint, "/own", call)) == 2)
            assert [post.type for post in about(endpoint, "/own", call)] == ["call.answered", "call.ended"]
            assert about(endpoint, "/all", call) == []

        async def of_a_call_that_nobody_answers() -> None:
            call = await site.place(site.rejects(486), say_code("482"))
            told = await whole_story(endpoint, "/all", call)
            assert [post.type for post in told] == ["call.queued", "call.dialing", "call.ended"]
            assert told[-1].call["outcome"]["class"] == "busy"

        async def and_an_endpoint_that_hangs_holds_up_nobody() -> None:
            endpoint.replies["/hangs"] = lambda _: HANGS
            hook = {"url": endpoint.url("/hangs")}
            call = await site.place(site.answers(), say_code("482"), webhook=hook)
            assert verdict(await site.summary(call)) == ("completed", None, "plan")
            # One at a time, until something was taken.
            assert len(endpoint.at("/hangs")) == 1

        async def of_a_call_whose_endpoint_is_down_at_first() -> None:
            endpoint.replies["/down"] = lambda post: 503 if endpoint.times("/down")[post.id] == 0 else None
            call = await site.place(site.answers(), say_code("482"), webhook={"url": endpoint.url("/down")})
            told = await whole_story(endpoint, "/down", call)
            assert told[-1].call == await site.summary(call)
            # By the same id, and with the same body to the byte.
            assert set(endpoint.times("/down").values()) == {2}
            assert len({post.body for post in endpoint.at("/down")}) == len(told)

        await side_by_side(
            of_a_call_whose_endpoint_is_down_at_first(),
            of_a_call_by_the_configured_webhook(),
            of_a_call_with_its_own_webhook(),
            of_a_call_that_nobody_answers(),
            and_an_endpoint_that_hangs_holds_up_nobody(),
        )
        assert set(endpoint.times("/all").values()) == {1}
        endpoint.close()  # whoever stops waits for what is under way


@pytest.mark.timeout(120)
async def test_what_a_dead_instance_has_left_is_told_and_what_two_do_is_told_once(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    async with (
        opened_endpoint() as endpoint,
        open_site(tmp_path / "one", asterisk, **settings(endpoint)) as one,
    ):
        alive = True

        def refuses(post: Post) -> Any:
            # The second pause would be 5 min: what a late machine tries twice in this life, it is never answered.
            return None if not alive else HANGS if endpoint.times("/all")[post.id] else 500

        endpoint.replies["/all"] = refuses
        call = await one.place(one.rejects(486), say_code("482"))
        summary = await one.summary(call)
        await endpoint.told("/all", "call.queued")
        one.service.kill()
        assert about(endpoint, "/all", call) == []
        before = set(endpoint.times("/all"))
        alive = False
        await one.service.restart()
        told = await whole_story(endpoint, "/all", call)
        assert told[-1].call == summary
        assert before <= {post.id for post in told}
        seen = len(endpoint.posts)

        async def calls(site: Site) -> None:
            call = await site.place(site.answers(), say_code("482"))
            told = await whole_story(endpoint, "/all", call)
            assert told[-1].call["instance"] == site.instance

        async with open_site(tmp_path / "two", asterisk, redis=one.redis, **settings(endpoint)) as two:
            await one.full()
            await side_by_side(*(calls(site) for site in (one, two) * 3))
        again = [post.id for post in endpoint.posts[seen:]]
        assert len(again) == len(set(again))
