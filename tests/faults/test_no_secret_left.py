"""Codes, keys that are nobody's business, our own keys and secrets, and Asterisk's password: where they are not found.

All parts are at their most talkative. The same search is shown to find what is planted.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.asyncio import Redis

from otpvoice.adapters.sealing import Sealer
from otpvoice.adapters.store import keys
from otpvoice.core.plan_text import plan_from_text, plan_to_text
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance
from tests.fakes import FakeAsterisk
from tests.faults import leaks
from tests.faults.sites import Site, call_of, gather, open_site, say_code, verdict
from tests.metrics.samples import Samples, parsed, samples_of
from tests.scenarios.endpoint import SECRET, Post, opened_endpoint
from tests.scenarios.phones import SOON, AgentNetwork, NeverAnswers
from tests.scenarios.world import NOBODY

CODE = "918273"
KEYS = "564738"
ANSWERED = "405162"
"""The code of an application's answer."""
PIN = "730195"
"""Keys that we press."""
REPEATED = "840627"
"""Of an idempotency key."""
TOKEN = "4fJq0vTzKd"
"""Of a webhook's URL: the outbox has to know it, and nobody else."""
_KEY = bytes(range(64, 96))
SECRET_KEY = base64.b64encode(_KEY).decode()
CONFIGURATION = frozenset({"otpvoice.toml", "ari.conf"})


@asynccontextmanager
async def watched(site: Site, *more: str) -> AsyncIterator[list[str]]:
    """Look at the processes of a site all the time: children that speak live for milliseconds."""
    seen: list[str] = []
    commands: set[str] = set()

    async def watch() -> None:
        while True:
            seen.extend(leaks.in_processes(site.service.pid, (CODE, KEYS, site.service.key, *more)))
            for child in psutil.Process(site.service.pid).children(recursive=True):
                try:
                    commands.add(" ".join(child.cmdline()))
                except psutil.NoSuchProcess:
                    continue
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    try:
        yield seen
        assert any("espeak-ng" in command for command in commands), "nobody was seen to speak"
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


WRONG: list[dict[str, Any]] = [
    {"code": CODE, "times": "two"},
    {"kode": CODE},
    {"code": f"{CODE} "},
    {"code": f"{CODE}{CODE}{CODE}"},
    {"code": int(CODE)},
    {"code": [CODE], CODE: CODE},
    {"code": CODE, "brand": CODE * 6},
    {"code": CODE, "template": "Your {" + CODE + "}"},
    {"code": CODE, "language": CODE},
    {"actions": [{"type": CODE, "code": CODE}]},
    {"actions": [{"type": "say_code", "code": CODE, "gap": CODE}]},
    {"code": CODE, "metadata": CODE},
    {"code": CODE, "sip_headers": {CODE: CODE}},
    {"code": CODE, "from": CODE},
    {"code": CODE, "valid_until": CODE},
]
"""Requests that are refused, with the code in all the wrong places."""


def counted_once(said: Samples) -> None:
    """The call, and nothing but the call, is in the metrics of a service that has had one."""
    whose = 'account="default",direction="outbound",door="http"'
    calls = {name: number for name, number in said.items() if name.startswith("otpvoice_calls_total") and number}
    assert calls == {f'otpvoice_calls_total{{{whose},outcome="completed",reason="none"}}': 1}
    once = [
        'dials_total{trunk="default"}',
        'answers_total{trunk="default"}',
        'codes_total{delivered="true"}',
        'digits_collected_total{ended_by="max_digits"}',
        "answer_seconds_count",
        "first_audio_seconds_count",
        "talk_seconds_count",
        "store_up",
    ]
    assert {name: said[f"otpvoice_{name}"] for name in once} == dict.fromkeys(once, 1)
    assert said["otpvoice_keys_total"] == len(KEYS)
    refused = {name for name, number in said.items() if "_refused_" in name and number}
    wrong = ("invalid_json", "invalid_request")
    assert refused == {f'otpvoice_calls_refused_total{{door="http",reason="{reason}"}}' for reason in wrong}
    of_asterisk = ("otpvoice_ari_connected", "otpvoice_ari_ready")
    assert [number for name, number in said.items() if name.startswith(of_asterisk)] == [1, 1]


@pytest.mark.asterisk
async def test_secrets_are_nowhere(tmp_path: Path) -> None:
    async with (
        await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOBODY, rtp_ports=50, verbose=5, debug=3) as asterisk,
        open_site(tmp_path, asterisk, serve=ServeInstance, tail=0.3) as site,
    ):
        secrets = (CODE, KEYS, site.service.key, asterisk.ari_password)
        phone = site.answers()
        asked = {"to": phone.number, "code": CODE, "times": 1, "brand": "Example"}
        async with watched(site) as seen:
            answer = await site.ask("POST", "/v1/calls", json=asked | {"gather": gather(6, prompt="Your keys, please")})
            assert answer.status == 202, answer
            call = answer.body["id"]
            answers = [answer]
            bodies = [json.dumps({"to": phone.number} | wrong) for wrong in WRONG]
            bodies += [f'{{"code": {CODE}', f'"{CODE}"', f"{CODE}", f'{{"code": "{CODE}", "code": "{CODE}"}}']
            answers += [await site.ask("POST", "/v1/calls", data=body) for body in bodies]
            assert {refused.status for refused in answers[1:]} == {400, 422}
            headers = {"X-Code": CODE, "Cookie": f"code={CODE}"}
            paths = (f"/v1/calls/{CODE}", f"/{CODE}", f"/v1/calls/{call}?code={CODE}")
            answers += [await site.ask("GET", path, headers=headers) for path in paths]
            answers.append(await site.ask("GET", "/readyz", headers={"Authorization": f"Bearer {site.service.key}x"}))
            answers.append(await site.ask("GET", "/v1/calls/x", headers={"Authorization": site.service.key}))
            await site.told("action.completed", call)  # from now on it listens
            await phone.press(KEYS)
            await site.told("digits.collected", call)
            answers.append(await site.show(call))
            summary = await site.summary(call)
        assert verdict(summary) == ("completed", None, "plan")
        assert summary["delivered"] is True
        assert summary["collected"][0]["count"] == len(KEYS)
        assert summary["collected"][0]["digits"] is None
        assert call_of(phone).recording.audible > 1
        assert not leaks.in_text(json.dumps([answer.body for answer in answers]).encode(), secrets)
        scraped = await site.metrics()
        assert not leaks.in_text(scraped, (*secrets, call, phone.number.removeprefix("+"), asterisk.ari_url))
        counted_once(samples_of(parsed(scraped, "text/plain")))
        assert seen == []
        assert await leaks.in_redis(site.redis.url, secrets) == []
        there_is_a_log(asterisk, site, call)
        no_key_by_itself(asterisk, site)
        site.service.terminate()
        assert await site.service.ended() == 0
    # All is on disk by now, Redis' own file among it.
    assert list(leaks.in_files(tmp_path, (CODE, KEYS))) == []
    assert list(leaks.in_files(tmp_path, secrets[2:], allowed=CONFIGURATION)) == []
    for file in tmp_path.rglob("*"):
        assert file.name not in CONFIGURATION or file.stat().st_mode & 0o077 == 0
    assert {path.name for path in tmp_path.rglob("*") if call.encode() in _content(path)} >= {
        "messages.log",
        "output.log",
        "appendonly.aof.1.incr.aof",
    }


@pytest.mark.asterisk
async def test_a_code_that_a_dialplan_came_for_is_nowhere(tmp_path: Path) -> None:
    """``call=ID``: what is prepared over HTTP is spoken on a channel of the dialplan, and Asterisk never sees it."""
    comes_for_it = (
        "[from-trunk]\nexten => _call.,1,Stasis(otpvoice,call=${EXTEN},header=X-Reference)\n same => n,Hangup()\n"
    )
    async with (
        await AsteriskInstance.start(
            tmp_path / "asterisk", trunk=NOBODY, rtp_ports=50, verbose=5, debug=3, extensions=comes_for_it
        ) as asterisk,
        open_site(tmp_path, asterisk, serve=ServeInstance, ari_app="otpvoice", tail=0.3) as site,
    ):
        assert isinstance(site.network, AgentNetwork)
        secrets = (CODE, KEYS, site.service.key, asterisk.ari_password)
        # Long, so that whoever speaks it can be seen at it; a key cuts it.
        prompt = "Your keys, please. " * 100
        asked = {"dial": False, "code": CODE, "times": 1, "gather": gather(6, prompt=prompt)}
        async with watched(site) as seen:
            answer = await site.ask("POST", "/v1/calls", json=asked)
            assert (answer.status, answer.body["state"]) == (202, "waiting")
            call = answer.body["id"]
            caller = site.network.agent.call(
                ("127.0.0.1", asterisk.sip_port), call, from_user="+15550142", headers={"X-Reference": "order 7"}
            )
            await caller.answered(within=SOON)
            await site.told("action.completed", call)  # from now on it listens
            await caller.press(KEYS)
            await caller.ended(within=SOON)
            summary = await site.summary(call)
        assert (summary["direction"], summary["delivered"]) == ("inbound", True)
        assert (summary["from"], summary["to"]) == ("+15550142", None), "an id is nobody's number"
        assert summary["metadata"] == {"X-Reference": "order 7"}
        assert (summary["collected"][0]["count"], summary["collected"][0]["digits"]) == (len(KEYS), None)
        assert caller.recording is not None
        assert caller.recording.audible > 1
        assert seen == []
        assert await leaks.in_redis(site.redis.url, secrets) == []
        there_is_a_log(asterisk, site, call)
        # The keys are the dialplan's own business, in OTPVOICE_DIGITS: set over ARI, which logs no values.
        no_key_by_itself(asterisk, site)
        site.service.terminate()
        assert await site.service.ended() == 0
    assert list(leaks.in_files(tmp_path, (CODE, KEYS))) == []
    assert list(leaks.in_files(tmp_path, secrets[2:], allowed=CONFIGURATION)) == []


@pytest.mark.asterisk
async def test_what_an_application_answers_and_a_callee_keys_is_nowhere(tmp_path: Path) -> None:
    """A gate, a reading more, an answer with a code and with keys for us to press, all behind an idempotency key."""

    def says(post: Post) -> Any:
        if post.type != "digits.collected":
            return None
        return [say_code(ANSWERED), {"type": "send_digits", "digits": PIN}]

    async with (
        await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOBODY, rtp_ports=50, verbose=5, debug=3) as asterisk,
        opened_endpoint() as endpoint,
        open_site(
            tmp_path,
            asterisk,
            serve=ServeInstance,
            tail=0.3,
            secret_key=SECRET_KEY,
            webhook_secrets=SECRET,
            url_allow="127.0.0.1",
        ) as site,
    ):
        endpoint.replies["/hook"] = says
        spoken = (CODE, KEYS, ANSWERED, PIN)
        ours = (SECRET_KEY, SECRET.removeprefix("whsec_"), site.service.key, asterisk.ari_password, REPEATED)
        phone = site.answers()
        asked = {
            "to": phone.number,
            "actions": [
                say_code(CODE, gate={"key": "any", "timeout": 60}, replay={"key": "1", "limit": 1}),
                gather(6),
            ],
            "webhook": {"url": endpoint.url(f"/hook?token={TOKEN}"), "interactive": True},
        }
        repeats = {"Idempotency-Key": f'"order {REPEATED}"'}
        other = asked | {"actions": [say_code(ANSWERED)]}
        async with watched(site, *spoken, *ours, TOKEN) as seen:
            answers = [
                await site.ask("POST", "/v1/calls", json=body, headers=repeats) for body in (asked, asked, other)
            ]
            assert [answer.status for answer in answers] == [202, 202, 422]
            call = answers[0].body["id"]
            await site.told("call.answered", call)
            await site.told("speech.started", call)
            await phone.press("5")
            await site.told("code.character_played", call)
            await phone.press("1")
            await site.told("code.replayed", call)
            await site.told("action.completed", call)  # from now on it listens
            await phone.press(KEYS)
            question = await endpoint.told("/hook", "digits.collected")
            assert question.event["data"]["collected"]["digits"] == KEYS
            summary = await site.summary(call)
            await endpoint.told("/hook", "call.ended")
            answers.append(await site.show(call))
            answers.append(await site.ask("GET", f"/v1/calls/{call}/events"))
        assert verdict(summary) == ("completed", None, "plan")
        assert (summary["delivered"], summary["played"]["readings"], summary["errors"]) == (True, 3, [])
        assert phone.told_keys == PIN
        told = [post.body for post in endpoint.posts if post is not question]
        assert len(told) > 8
        for text in (
            question.body.replace(KEYS.encode(), b""),
            *told,
            json.dumps([it.body for it in answers]).encode(),
        ):
            assert not leaks.in_text(text, (*spoken, *ours, TOKEN))
        assert seen == []
        assert await leaks.in_redis(site.redis.url, (*spoken, *ours)) == []
        there_is_a_log(asterisk, site, call)
        site.service.terminate()
        assert await site.service.ended() == 0
    assert list(leaks.in_files(tmp_path, spoken)) == []
    assert list(leaks.in_files(tmp_path, ours, allowed=CONFIGURATION)) == []
    written = [path for path in tmp_path.rglob("*.log") if path.is_file()]
    assert len(written) >= 2
    assert not any(leaks.in_text(path.read_bytes(), (TOKEN,)) for path in written)


WAITS, QUEUED, DIALED = "620418", "394057", "751926"
"""Codes of calls that are at these stages when we die."""


class OneAtATime(ServeInstance):
    """A service whose trunk carries one call, and lets others wait for their turn."""

    def _prepare(self) -> None:
        super()._prepare()
        with (self.folder / "otpvoice.toml").open("a") as file:  # its last table is the trunk's
            file.write("max_calls = 1\nqueue_seconds = 60\n")


@pytest.mark.asterisk
async def test_plans_that_outlive_us_are_sealed(tmp_path: Path) -> None:
    """Redis has what a next life has to speak, as long as nobody was dialled for it; nobody can read it there."""
    codes = (WAITS, QUEUED, DIALED)
    async with (
        FakeAsterisk() as asterisk,
        open_site(tmp_path, asterisk, serve=OneAtATime, secret_key=SECRET_KEY, log="json") as site,
        Redis.from_url(site.redis.url) as redis,
    ):

        async def is_clean() -> None:
            """Look into Redis, and into the files that it keeps of itself, the whole of it and the log of changes."""
            await redis.save()
            assert await leaks.in_redis(site.redis.url, (*codes, SECRET_KEY)) == []
            assert list(leaks.in_files(site.redis.folder, (*codes, SECRET_KEY))) == []
            whole = site.redis.folder / "dump.rdb"
            assert all(call.encode() in _content(whole) for call in calls)

        async def sealed() -> list[str]:
            """Return the codes of the plans that lie there, by their calls; opened as a next life does."""
            found = {call: await redis.get(keys.plan("default", call)) for call in calls}
            texts = [Sealer(_KEY).open(call, plan) for call, plan in found.items() if isinstance(plan, bytes)]
            assert len(texts) == len(await redis.keys("*:plan:*"))
            return [
                code for text in texts for code in codes if leaks.in_text(plan_to_text(plan_from_text(text)), (code,))
            ]

        nobody, waits = site.network.phone(NeverAnswers(provisional=None)), site.answers()
        dialed = await site.place(nobody, say_code(DIALED), ring_timeout=100)
        await nobody.rings()
        queued = await site.place(waits, say_code(QUEUED))
        waiting = await site.place(site.answers(), say_code(WAITS), dial=False)
        calls = (dialed, queued, waiting)
        states = {call: (await site.show(call)).body["state"] for call in calls}
        assert states == {dialed: "dialing", queued: "queued", waiting: "waiting"}
        assert sorted(await sealed()) == sorted((QUEUED, WAITS))
        await is_clean()

        site.service.kill()
        await site.service.restart()
        assert (await site.summary(queued))["delivered"] is True, "it was opened, and spoken"
        assert (waits.rung, nobody.rung) == (1, 1)
        assert await sealed() == [WAITS]
        await is_clean()
        assert (await site.ask("POST", f"/v1/calls/{waiting}/hangup")).status == 202
        for call in calls:
            await site.summary(call)
        assert await sealed() == []
        await is_clean()
        site.service.terminate()
        assert await site.service.ended() == 0
        assert len([line for line in site.logged("call.recovered") if line["call"] in calls]) == len(calls)
    assert list(leaks.in_files(tmp_path, codes)) == []
    assert list(leaks.in_files(tmp_path, (SECRET_KEY,), allowed=CONFIGURATION)) == []


def there_is_a_log(asterisk: AsteriskInstance, site: Site, call: str) -> None:
    """What was searched in is what was meant to be: talkative, and about this call."""
    told = asterisk.log_path.read_text(errors="replace")
    assert call in told
    assert "DEBUG" in told
    assert "VERBOSE" in told
    assert site.logged("code.character_played")


def no_key_by_itself(asterisk: AsteriskInstance, site: Site) -> None:
    """Keys are not there one by one either, a line each: neither in our log nor, but for debug lines, in Asterisk's."""
    pressed = site.logged("key.pressed")
    assert len(pressed) == len(KEYS)
    for line in pressed:
        assert line.keys() == {"timestamp", "level", "event", "call", "account", "second"}
    lines = asterisk.log_path.read_text(errors="replace").splitlines()
    about_keys = [line for line in lines if "DTMF Frame" in line or "DTMF_END" in line]
    # Asterisk's own (res_rtp_asterisk.c, chan_websocket.c): whoever turns them on reads each key.
    assert about_keys
    assert all(" DEBUG[" in line for line in about_keys)


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


PLANTED = [
    f"code={CODE}",
    f'"{CODE}"',
    f"x{CODE}y",
    f"{CODE}{CODE}",
    "9 1 8 2 7 3",
    "9, 1, 8, 2, 7, 3",
    "nine one eight two seven three",
    "Nine. One. Eight. Two. Seven. Three.",
]


@pytest.mark.parametrize("text", PLANTED)
def test_the_search_finds_what_is_in_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "core.bin").write_bytes(b"\x00\xff" + text.encode() + b"\x00")
    (tmp_path / "harmless").write_bytes(b"11:20:33.918273 19182734 918 273")
    assert list(leaks.in_files(tmp_path, (CODE,))) == ["deep/core.bin"]


def test_the_search_finds_it_in_a_name_and_in_arguments(tmp_path: Path) -> None:
    (tmp_path / f"{CODE}.wav").touch()
    assert list(leaks.in_files(tmp_path, (CODE,))) == ["the name of ./…"]
    assert _found_in([f"--text={CODE}"], {}) == [f"cmdline of {sys.executable}"]
    assert _found_in([], {"CODE": CODE}) == [f"environ of CODE={CODE}"]
    assert _found_in([], {}) == []


def _found_in(arguments: list[str], environ: dict[str, str]) -> list[str]:
    """Start a process, look at it once it is there, and end it."""
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = leaks.in_processes(child.pid, (CODE,))
        assert child.stdin is not None
        child.stdin.close()
    return found


@pytest.mark.asterisk
async def test_the_search_finds_it_in_redis(tmp_path: Path) -> None:
    async with await RedisInstance.start(tmp_path / "redis", appendonly=True) as redis:
        assert await leaks.in_redis(redis.url, (CODE,)) == []
        async with Redis.from_url(redis.url) as client:
            await client.set("a", json.dumps({"code": CODE}))
            await client.xadd("b", {"summary": f"the code is {CODE}"})
            await client.hset("c", "code", CODE)
            await client.set(f"d:{CODE}", "")
            await client.rpush("e", CODE)
            await client.sadd("f", CODE)
            await client.zadd("g", {CODE: 1.0})
            await client.set("harmless", "x")
        assert sorted(await leaks.in_redis(redis.url, (CODE,))) == ["a", "b", "c", f"d:{CODE}", "e", "f", "g"]
    assert list(leaks.in_files(tmp_path, (CODE,))) == ["redis/appendonlydir/appendonly.aof.1.incr.aof"]
