"""``webhooks list``, ``replay`` and ``enable``, on a real Redis with the settings of the service."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from otpvoice.adapters.store import Change, Message, StoredEvent, Terms
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.webhooks.posting import shown
from otpvoice.cli import webhooks
from otpvoice.cli.letters import add_to
from otpvoice.testkit.redis import RedisInstance

URL = "https://user:hush@shop.example:8443/hooks?key=hush"
SHOWN = "https://shop.example:8443#" + hashlib.sha256(URL.encode()).hexdigest()[:8]
ACCOUNTS = """
[[account]]
id = "shop"
keys = ["{}"]

[[account]]
id = "bank"
keys = ["{}"]
""".format("a" * 64, "b" * 64)


@pytest.fixture
async def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RedisInstance]:
    """A Redis, and the settings of a service that has its calls there, for two accounts."""
    (tmp_path / "otpvoice.toml").write_text(ACCOUNTS)
    async with await RedisInstance.start(tmp_path / "redis") as instance:
        for name, value in {
            "OTPVOICE_DEV": "1",
            "OTPVOICE_TRUNK": "PJSIP/{number}@trunk",
            "OTPVOICE_REDIS_URL": instance.url,
            "OTPVOICE_CONFIG": str(tmp_path / "otpvoice.toml"),
            "COLUMNS": "200",
        }.items():
            monkeypatch.setenv(name, value)
        yield instance


@pytest.fixture
async def store(redis: RedisInstance) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis.url, ttl=3600)
    yield store
    await store.close()


async def tell(store: RedisStore, *ids: str, account: str = "shop", endpoint: str = URL) -> None:
    events = tuple(
        StoredEvent(event_id, number, "call.ended", b"{}", endpoint) for number, event_id in enumerate(ids, 1)
    )
    await store.accept(Change({"id": f"call_{ids[0]}", "account": account, "state": "queued"}, events), Terms())


async def bury(store: RedisStore, *, account: str = "shop", endpoint: str = URL, reason: str = "http_500") -> None:
    """Give up all that is due."""
    for delivery in await store.take(account, endpoint, most=10_000, lease=60):
        await store.give_up(delivery, reason)


async def run(*arguments: str) -> tuple[int, str, str]:
    """Run a command as the program does. Returns exit code, output and complaints."""
    app = typer.Typer(pretty_exceptions_enable=False)
    add_to(app)
    done = await asyncio.to_thread(CliRunner().invoke, app, ["webhooks", *arguments])
    return done.exit_code, done.stdout, done.stderr


def cells(output: str) -> list[Sequence[str]]:
    """Of each line, but how old it is."""
    rows = [[cell.strip() for cell in line.split("  ") if cell] for line in output.splitlines()]
    return [[cell for cell in row if not re.fullmatch(r"\d+ s old", cell)] for row in rows]


async def test_what_is_on_its_way_is_listed_without_what_may_be_a_key(store: RedisStore) -> None:
    await tell(store, "evt_1", "evt_2")
    await tell(store, "evt_3", account="bank", endpoint="http://10.0.0.1/")
    (first,) = await store.take("shop", URL, most=1, lease=60)
    await store.put_back(first, 5.5 * 3600, "timeout")
    code, said, _ = await run("list")
    assert code == 0
    assert cells(said) == [
        ["shop", "evt_2", "call.ended", SHOWN, "0 tries", "next in 0 s"],
        ["shop", "evt_1", "call.ended", SHOWN, "1 try", "timeout", "next in 5 h"],
        ["bank", "evt_3", "call.ended", "http://10.0.0.1#c1148ff1", "0 tries", "next in 0 s"],
    ]
    assert "hush" not in said
    assert "hooks" not in said
    assert (await run("list", "--dead"))[:2] == (0, "")
    assert cells((await run("list", "--account", "bank"))[1])[0][:2] == ["bank", "evt_3"]


async def test_and_for_programs_as_json(store: RedisStore) -> None:
    await tell(store, "evt_1")
    await bury(store)
    await store.disable("shop", URL)
    code, said, _ = await run("list", "--dead", "--json")
    assert code == 0
    (line,) = said.splitlines()
    told = json.loads(line)
    assert told["disabled"] == [{"account": "shop", "endpoint": SHOWN}]
    (letter,) = told["data"]
    assert letter.pop("created_at").endswith("Z")
    assert letter == {
        "account": "shop",
        "id": "evt_1",
        "type": "call.ended",
        "endpoint": SHOWN,
        "attempts": 1,
        "reason": "http_500",
        "due_at": None,
    }
    await store.enable("shop", URL)
    assert await store.replay("shop", "evt_1")
    due_at = json.loads((await run("list", "--json"))[1])["data"][0]["due_at"]
    assert due_at.endswith("Z")


async def test_messages_of_other_spellings_are_listed_and_made_due_as_events_are(store: RedisStore) -> None:
    """By their own ids and types; what goes along in a header is not shown."""
    messages = [
        Message(f"evt_1_2.{n}", type_, URL, b"{}", auth="c2VhbGVk")
        for n, type_ in enumerate(("VCS", "VSS", "call_completed"), 1)
    ]
    change = Change({"id": "call_1", "account": "shop", "state": "queued"}, messages=tuple(messages))
    await store.accept(change, Terms())
    await bury(store, reason="auth_unsealable")
    code, said, _ = await run("list", "--dead")
    assert code == 0
    assert sorted(map(list, cells(said))) == [
        ["shop", "evt_1_2.1", "VCS", SHOWN, "1 try", "auth_unsealable"],
        ["shop", "evt_1_2.2", "VSS", SHOWN, "1 try", "auth_unsealable"],
        ["shop", "evt_1_2.3", "call_completed", SHOWN, "1 try", "auth_unsealable"],
    ]
    as_json = (await run("list", "--dead", "--json"))[1]
    assert {(one["id"], one["type"]) for one in json.loads(as_json)["data"]} == {(one.id, one.type) for one in messages}
    assert "c2VhbGVk" not in said + as_json
    assert await run("replay", "evt_1_2.2") == (0, "1 is due now\n", "")
    (delivery,) = await store.take("shop", URL, most=10, lease=60)
    assert (delivery.id, delivery.attempts, delivery.auth) == ("evt_1_2.2", 0, "c2VhbGVk")
    assert (await run("replay", "evt_1_2"))[0] == 1, "the event before them is none of them"
    assert (await run("replay", "evt_1_2.4"))[0] == 1
    assert (await run("replay", "--all"))[:2] == (0, "2 are due now\n")


async def test_a_dead_letter_is_made_due(store: RedisStore) -> None:
    await tell(store, "evt_1", "evt_2")
    await bury(store)
    assert await run("replay", "evt_1") == (0, "1 is due now\n", "")
    (delivery,) = await store.take("shop", URL, most=10, lease=60)
    assert (delivery.id, delivery.attempts) == ("evt_1", 0)
    assert [letter.id for letter in await store.letters("shop", dead=True)] == ["evt_2"]


@pytest.mark.parametrize("arguments", [["evt_9"], ["evt_1", "--account", "bank"]])
async def test_one_that_is_not_there_is_not(store: RedisStore, arguments: list[str]) -> None:
    await tell(store, "evt_1")
    await bury(store)
    code, said, complaint = await run("replay", *arguments)
    assert (code, said) == (1, "")
    assert "no such dead letter" in complaint


async def test_all_are_made_due_but_those_of_a_disabled_endpoint(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "READ_AT_ONCE", 3)
    ids = [f"evt_{n}" for n in range(10)]
    await tell(store, *ids)
    await tell(store, "evt_bank", account="bank")
    await tell(store, "evt_gone", endpoint="https://gone.example/")
    await bury(store)
    await bury(store, account="bank")
    await store.disable("shop", "https://gone.example/")
    assert await run("replay", "--all", "--account", "shop") == (0, "10 are due now\n", "")
    assert sorted(one.id for one in await store.take("shop", URL, most=20, lease=60)) == sorted(ids)
    assert [letter.id for letter in await store.letters("shop", dead=True)] == ["evt_gone"]
    assert await run("replay", "--all") == (0, "1 is due now\n", "")


async def test_all_are_those_that_were_dead_also_when_they_die_again_meanwhile(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadly(RedisStore):
        """Beside a service whose endpoint is away for good."""

        async def replay(self, account: str, event_id: str, /) -> bool:
            done = await super().replay(account, event_id)
            await bury(self)
            return done

    monkeypatch.setattr(webhooks, "READ_AT_ONCE", 2)
    monkeypatch.setattr(webhooks, "RedisStore", Deadly)
    await tell(store, *(f"evt_{n}" for n in range(7)))
    await bury(store)
    assert await run("replay", "--all") == (0, "7 are due now\n", "")


@pytest.mark.parametrize("url", [URL, SHOWN])
async def test_an_endpoint_is_enabled_by_its_url_or_what_is_shown_of_it(store: RedisStore, url: str) -> None:
    await store.disable("shop", URL)
    await store.disable("bank", URL)
    assert cells((await run("list"))[1]) == [["shop", SHOWN, "is disabled"], ["bank", SHOWN, "is disabled"]]
    assert await run("enable", url, "--account", "bank") == (0, f"bank: {SHOWN} is enabled\n", "")
    assert (await store.disabled("shop"), await store.disabled("bank")) == ([URL], [])
    assert (await run("enable", url))[0] == 0
    assert await run("enable", url) == (1, "", "it is not disabled\n")


async def test_two_endpoints_of_one_host_are_told_apart(store: RedisStore) -> None:
    urls = ["https://shop.example/hooks/t0ken-1", "https://shop.example/hooks/t0ken-2", "http://[::1"]
    for url in urls:
        await store.disable("shop", url)
    listed = {row[1] for row in cells((await run("list"))[1])}
    assert (len(listed), "t0ken" in str(listed)) == (3, False)
    code, said, _ = await run("enable", shown(urls[1]))
    assert (code, said) == (0, f"shop: {shown(urls[1])} is enabled\n")
    assert sorted(await store.disabled("shop")) == sorted([urls[0], urls[2]])
    assert (await run("enable", shown(urls[2])))[0] == 0


async def test_a_long_list_is_cut_and_says_so(store: RedisStore) -> None:
    await tell(store, *(f"evt_{n}" for n in range(101)))
    code, said, _ = await run("list")
    assert (code, len(said.splitlines())) == (0, 101)
    assert said.splitlines()[-1] == "shop: only 100 are shown"


async def test_a_store_that_holds_strange_things_does_not_steer_the_terminal(store: RedisStore) -> None:
    await tell(store, "evt_1", endpoint="http://shop.example/\x1b[2J")
    await tell(store, "evt_2", endpoint="http://[::1")
    code, said, _ = await run("list")
    assert code == 0
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["replay"], 2, "which one"),
        (["replay", "evt_1", "--all"], 2, "which one"),
        (["list", "--account", "nobody"], 2, "no account of this name"),
        (["enable"], 2, "Missing argument"),
        (["list", "--all"], 2, "No such option"),
    ],
)
async def test_wrong_usage_is_told(redis: RedisInstance, arguments: list[str], code: int, complaint: str) -> None:
    done = await run(*arguments)
    assert done[0] == code
    assert complaint in done[2]


async def test_without_redis_that_is_told(redis: RedisInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTPVOICE_REDIS_URL")
    code, said, complaint = await run("list")
    assert (code, said) == (1, "")
    assert "OTPVOICE_REDIS_URL is not set" in complaint


async def test_a_redis_that_does_not_answer_is_told(redis: RedisInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTPVOICE_REDIS_URL", "redis://:hush@127.0.0.1:1/0")
    assert await run("replay", "--all") == (
        1,
        "",
        "0 were made due, and then no more\nRedis does not do it: unreachable\n",
    )


async def test_settings_that_are_wrong_are_told(redis: RedisInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTPVOICE_TRUNK", "nowhere")
    code, _, complaint = await run("list")
    assert code == 2
    assert "OTPVOICE_TRUNK must" in complaint


@pytest.mark.parametrize("command", [[], ["list"], ["replay"], ["enable"]])
async def test_each_command_explains_itself(command: list[str]) -> None:
    code, said, _ = await run(*command, "--help")
    assert code == 0
    assert "Usage" in said
