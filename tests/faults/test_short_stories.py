"""Descriptors run out, clients leave, webhooks do not arrive: a service on a fake Asterisk, with a Redis of its own.

The stories have nothing to do with each other and are told at the same time.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tests.fakes import FakeAsterisk
from tests.faults.entries import entered_by
from tests.faults.sites import Answer, Site, delivers, gather, open_site, say_code, verdict
from tests.scenarios.endpoint import SECRET, Post, opened_endpoint
from tests.scenarios.stories import side_by_side

TOO_MANY: Final = 120
"""Connections: more than ``scarce.py`` may have open."""
KEY: Final = base64.b64encode(bytes(range(32))).decode()
MOMENTS: Final = (0.0, 0.001, 0.003, 0.01, 0.03, 0.5)
"""Seconds after the request: the answer comes after some of them, and is not read."""
AGAIN: Final = (409, 503)
"""What is no answer yet."""


async def test_what_may_run_out_or_go_away(tmp_path: Path) -> None:
    async with FakeAsterisk() as asterisk:
        stories = (there_is_no_descriptor_left, a_client_leaves_at_any_moment, what_was_not_posted_is_posted_later)
        await side_by_side(*(story(asterisk, tmp_path / story.__name__) for story in stories))


@asynccontextmanager
async def all_taken(site: Site) -> AsyncIterator[None]:
    """Somebody connects, and connects, and says nothing."""
    address = urlsplit(site.service.url)
    connections = [await asyncio.open_connection(address.hostname, address.port) for _ in range(TOO_MANY)]
    try:
        await full_up(site)
        yield
    finally:
        for _, writer in connections:
            writer.close()


async def full_up(site: Site, within: float = 10.0) -> None:
    """Wait until the service has as many descriptors as it may."""
    limits = Path(f"/proc/{site.service.pid}/limits").read_text().splitlines()
    (most,) = [int(line.split()[3]) for line in limits if line.startswith("Max open files")]
    async with asyncio.timeout(within):
        while len(list(Path(f"/proc/{site.service.pid}/fd").iterdir())) < most:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def there_is_no_descriptor_left(asterisk: FakeAsterisk, folder: Path) -> None:
    """Calls in progress end as they would, and nobody is rung for nothing."""
    async with open_site(folder, asterisk, serve=entered_by("scarce.py")) as site:
        phone = site.answers()
        call = await site.place(phone, gather(4), say_code("705"))
        await site.told("call.answered", call)
        # Until they can be closed, whoever is connected goes on, and whoever is not waits or is turned away.
        async with all_taken(site):
            new = [site.answers() for _ in range(6)]
            asked = [await site.post(to, {"type": "say", "text": f"News number {n}."}) for n, to in enumerate(new)]
            ends = [await site.told("call.ended", answer.body["id"]) for answer in asked if answer.status == 202]
            await phone.press("4829")
            await phone.over()
            assert (await site.told("call.ended", call))["delivered"] is True
        # A program that speaks can't be started without one: that shows before anybody is rung.
        assert {end["reason"] for end in ends} <= {"speech_unavailable", "media_unavailable"}
        assert {answer.code for answer in asked if answer.status != 202} <= {"no_media_leg", "store_unavailable"}
        assert {answer.status for answer in asked} <= {202, 503}
        assert [to.rung for to in new] == [0] * len(new)
        for one in site.calls:
            await site.summary(one)
        assert verdict(await site.summary(call)) == ("completed", None, "plan")
        await site.full()
        await delivers(site)
        assert site.logged("service.broken") == site.logged("session.broken") == []


async def sends_and_leaves(site: Site, body: dict[str, Any], key: str, *, seconds: float) -> None:
    """Send a whole request, and reset the connection so many seconds after that."""
    address = urlsplit(site.service.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    content = json.dumps(body).encode()
    headers = {"Host": address.netloc, "Content-Type": "application/json", "Content-Length": str(len(content))}
    headers |= site.service.headers | {"Idempotency-Key": key}
    lines = ["POST /v1/calls HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode() + content)
    await writer.drain()
    await asyncio.sleep(seconds)
    writer.transport.abort()


async def a_client_leaves_at_any_moment(asterisk: FakeAsterisk, folder: Path) -> None:
    """Whoever asked is gone before or after the answer came: there is one call, and it can be found."""
    async with open_site(folder, asterisk, secret_key=KEY) as site:

        async def asks(body: dict[str, Any], key: str) -> Answer:
            return await site.ask("POST", "/v1/calls", json=body, headers={"Idempotency-Key": key})

        async def one_call(moment: float) -> None:
            phone, key = site.answers(), f"order-{moment}"
            body = {"to": phone.number, "actions": [say_code("482")]}
            await sends_and_leaves(site, body, key, seconds=moment)
            # It asks again, as clients do: the first answer, where there was one, and never a second call.
            async with asyncio.timeout(10):
                while (again := await asks(body, key)).status in AGAIN:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            assert again.status == 202
            summary = await site.summary(again.body["id"])
            assert verdict(summary) == ("completed", None, "plan")
            assert phone.rung == 1
            assert (await site.show(again.body["id"])).body == summary

        await side_by_side(*(one_call(moment) for moment in MOMENTS))
        listed = (await site.ask("GET", "/v1/calls")).body["data"]
        assert len(listed) == len(await site.all_summaries()) == len(MOMENTS)


async def what_was_not_posted_is_posted_later(asterisk: FakeAsterisk, folder: Path) -> None:
    """SIGTERM while webhooks are on their way: what was not taken is posted by the next life, under the same ids."""
    async with opened_endpoint() as endpoint:
        settings: dict[str, Any] = {
            "url_allow": "127.0.0.1",
            "webhook_secrets": SECRET,
            "webhook_url": endpoint.url("/all"),
        }
        async with open_site(folder, asterisk, **settings) as site:
            first_life = True

            def refuses_the_end(post: Post) -> Any:
                return 500 if first_life and post.type == "call.ended" else None

            endpoint.replies["/all"] = refuses_the_end
            phone = site.answers()
            call = await site.place(phone, gather(4), say_code("482"))
            await endpoint.told("/all", "call.answered")
            site.service.terminate()
            await site.not_ready("draining")
            await phone.press("4829")
            assert await site.service.ended() == 0
            summary = await site.summary(call)
            assert verdict(summary) == ("completed", None, "plan")
            assert "call.ended" not in [post.type for post in endpoint.taken]
            first_life = False
            await site.service.restart()
            await endpoint.until(lambda: "call.ended" in [post.type for post in endpoint.taken])
            told = {post.id: post for post in endpoint.taken}
            numbers = sorted(int(name.rpartition("_")[2]) for name in told)
            assert numbers == list(range(1, len(numbers) + 1)), "none is missing, and none has another's id"
            assert told[max(told, key=lambda name: int(name.rpartition("_")[2]))].call == summary
            assert len({post.body for post in endpoint.posts}) == len(told)
            endpoint.close()
