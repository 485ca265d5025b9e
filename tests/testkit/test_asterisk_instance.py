"""The Asterisk that tests, demo and benchmarks run against: its configuration is sound, and nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest
import pytest_asyncio

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.configuration import Unfit, source_folder
from otpvoice.testkit.instance import StartFailed
from otpvoice.testkit.ports import PortBlock

pytestmark = pytest.mark.asterisk

# Nobody listens there; a test that wants a callee binds a port of its own.
NOWHERE = ("127.0.0.1", 9)

SOON = 10.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskInstance]:
    """One for all the tests that only look."""
    async with await AsteriskInstance.start(tmp_path_factory.mktemp("shared") / "asterisk", trunk=NOWHERE) as instance:
        yield instance


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[AsteriskInstance]:
    """One that a test may ill-treat."""
    async with await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOWHERE) as instance:
        yield instance


async def status(instance: AsteriskInstance, path: str, password: str | None = None, source: str = "127.0.0.1") -> int:
    """What a GET answers; ``source`` is the address that it comes from."""
    headers = {"Authorization": aiohttp.encode_basic_auth(instance.ari_user, password or instance.ari_password)}
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    timeout = aiohttp.ClientTimeout(total=SOON)
    async with (
        aiohttp.ClientSession(headers=headers, connector=connector, timeout=timeout) as session,
        session.get(instance.ari_url + path) as answer,
    ):
        return answer.status


async def originate(instance: AsteriskInstance, endpoint: str) -> None:
    """Place a call for an application that nobody is."""
    headers = {"Authorization": aiohttp.encode_basic_auth(instance.ari_user, instance.ari_password)}
    async with (
        aiohttp.ClientSession(instance.ari_url, headers=headers) as session,
        session.post("/ari/channels", json={"endpoint": endpoint, "app": "nobody"}) as answer,
    ):
        assert answer.status == 200, await answer.text()


def complaints(instance: AsteriskInstance) -> list[str]:
    """Lines of the log that an admin would have to look into."""
    lines = instance.log_path.read_text().splitlines()
    return [line for line in lines if re.search(r"\b(WARNING|ERROR)\b", line)]


def processes_of(folder: Path) -> list[str]:
    """Whatever runs with this folder in its arguments or as its working directory."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        arguments = " ".join(process.info["cmdline"] or [])
        if str(folder) in arguments or str(folder) in (process.info["cwd"] or ""):
            found.append(f"{process.pid} {process.info['status']} {arguments}")
    return found


async def test_the_configuration_loads_without_a_complaint(own: AsteriskInstance) -> None:
    assert complaints(own) == []
    output = (own.folder / "output.log").read_text()
    # 22.10.1 says this of its own built-in documentation, with any configuration.
    output = output.replace("Could not find option 'minimum_size' with type 'threadpool' in module 'stasis'\n", "")
    assert not re.search(r"unable|could not|declined|fail|error|no such", output, re.IGNORECASE), output


async def test_every_module_that_is_named_runs(asterisk: AsteriskInstance) -> None:
    named = set(re.findall(r"^(?:load|require) = (\S+)", (source_folder() / "modules.conf").read_text(), re.MULTILINE))
    assert len(named) > 50
    shown = (await asterisk.cli("module show")).splitlines()
    running = {line.split()[0] for line in shown if " Running " in line}
    assert named - running == set()


async def test_two_run_side_by_side(tmp_path: Path) -> None:
    one, two = await asyncio.gather(
        AsteriskInstance.start(tmp_path / "one", trunk=NOWHERE), AsteriskInstance.start(tmp_path / "two", trunk=NOWHERE)
    )
    async with one, two:
        assert len({one.ari_url, two.ari_url}) == len({one.sip_port, two.sip_port}) == len({one.pid, two.pid}) == 2
        assert one.rtp_range[1] < two.rtp_range[0] or two.rtp_range[1] < one.rtp_range[0]
        assert one.ari_password != two.ari_password
        for instance in (one, two):
            assert await status(instance, "/ari/asterisk/ping") == 200
            assert complaints(instance) == []
            assert str(instance.sip_port) in await instance.cli("pjsip show transports")
        assert await status(one, "/ari/asterisk/ping", password=two.ari_password) == 401


async def test_it_has_an_identity_of_its_own(tmp_path: Path) -> None:
    identities = []
    for name in ("one", "two"):
        async with await AsteriskInstance.start(tmp_path / name, trunk=NOWHERE) as instance:
            settings = await instance.cli("core show settings")
            identities.append(re.findall(r"Entity ID: +(\S+)", settings)[0])
    assert identities[0] != identities[1]


async def test_a_wrong_password_is_refused(asterisk: AsteriskInstance) -> None:
    assert await status(asterisk, "/ari/asterisk/ping") == 200
    assert await status(asterisk, "/ari/asterisk/ping", password="wrong") == 401


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("/ari/asterisk/ping", "127.0.0.1", 200),
        ("/ari/asterisk/ping", "127.0.0.2", 403),
        ("/media/none", "127.0.0.1", 404),
        ("/media/none", "127.0.0.2", 403),
        ("/httpstatus", "127.0.0.1", 404),
        ("/static/index.html", "127.0.0.1", 404),
    ],
)
async def test_who_reaches_what_over_http(asterisk: AsteriskInstance, path: str, source: str, expected: int) -> None:
    """127.0.0.2 is not in ARI_PERMIT: it stands for a stranger."""
    assert await status(asterisk, path, source=source) == expected


async def test_a_media_leg_speaks_json(own: AsteriskInstance) -> None:
    """Without ``f(json)`` at the channel: chan_websocket.conf says so."""
    headers = {"Authorization": aiohttp.encode_basic_auth(own.ari_user, own.ari_password)}
    leg = {"app": "test", "transport": "websocket", "encapsulation": "none", "connection_type": "server"}
    async with (
        asyncio.timeout(SOON),
        aiohttp.ClientSession(own.ari_url, headers=headers) as session,
        session.ws_connect("/ari/events?app=test") as events,
    ):
        async with session.post("/ari/channels/externalMedia", json={**leg, "format": "ulaw"}) as answer:
            assert answer.status == 200, await answer.text()
            connection = (await answer.json())["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"]
        async with session.ws_connect(f"/media/{connection}") as media:
            assert (await media.receive_json())["event"] == "MEDIA_START"
        while (await events.receive_json())["type"] != "ChannelDestroyed":
            pass
    assert complaints(own) == []


async def test_a_call_is_offered_to_the_trunk(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.setblocking(False)
        trunk.bind(("127.0.0.1", 0))
        async with await AsteriskInstance.start(
            tmp_path / "asterisk", trunk=trunk.getsockname(), codecs="alaw", verbose=5
        ) as asterisk:
            await originate(asterisk, "PJSIP/15550100@trunk")
            async with asyncio.timeout(SOON):
                invite, sender = await loop.sock_recvfrom(trunk, 65_535)
                await loop.sock_sendto(trunk, refusal(invite.decode()), sender)
                assert (await loop.sock_recvfrom(trunk, 65_535))[0].startswith(b"ACK ")
            assert complaints(asterisk) == []
            first, last = asterisk.rtp_range
    assert invite.startswith(f"INVITE sip:15550100@127.0.0.1:{trunk_port(invite)} ".encode())
    assert b"\r\nc=IN IP4 127.0.0.1\r\n" in invite
    offer = re.findall(r"^m=audio (\d+) RTP/AVP (.+?)\r?$", invite.decode(), re.MULTILINE)[0]
    assert first <= int(offer[0]) <= last
    # PCMA, and telephone-event as dynamic type: nothing that would have to be transcoded.
    assert offer[1] == "8 101"


def trunk_port(invite: bytes) -> str:
    return invite.split(b" ")[1].rpartition(b":")[2].decode()


def refusal(invite: str) -> bytes:
    """486 Busy Here to an INVITE (RFC 3261 8.2.6)."""
    copied = re.findall(r"^(?:Via|From|Call-ID|CSeq): .+$", invite.replace("\r", ""), re.MULTILINE)
    to = re.findall(r"^To: .+$", invite.replace("\r", ""), re.MULTILINE)[0]
    return "\r\n".join(["SIP/2.0 486 Busy Here", *copied, f"{to};tag=callee", "Content-Length: 0", "", ""]).encode()


@pytest.mark.parametrize(("extension", "expected"), [("100", b"SIP/2.0 486 "), ("999", b"SIP/2.0 404 ")])
async def test_calls_from_the_trunk_reach_their_context(tmp_path: Path, extension: str, expected: bytes) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
        caller.setblocking(False)
        caller.bind(("127.0.0.1", 0))
        async with await AsteriskInstance.start(
            tmp_path / "asterisk", trunk=caller.getsockname(), extensions="[from-trunk]\nexten => 100,1,Hangup(17)\n"
        ) as asterisk:
            request = offer(extension, caller.getsockname()[1], asterisk.sip_port)
            async with asyncio.timeout(SOON):
                await loop.sock_sendto(caller, request, ("127.0.0.1", asterisk.sip_port))
                answer = b"SIP/2.0 1"
                while answer.startswith(b"SIP/2.0 1"):
                    answer = await loop.sock_recv(caller, 65_535)
    assert answer.startswith(expected)


def offer(extension: str, source_port: int, target_port: int) -> bytes:
    """An INVITE with a µ-law offer (RFC 3261 8.1.1, RFC 3264)."""
    body = (
        f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {source_port} RTP/AVP 0\r\n"
    )
    head = [
        f"INVITE sip:{extension}@127.0.0.1:{target_port} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{source_port};branch=z9hG4bK1;rport",
        f"From: <sip:caller@127.0.0.1:{source_port}>;tag=1",
        f"To: <sip:{extension}@127.0.0.1:{target_port}>",
        "Call-ID: one@127.0.0.1",
        "CSeq: 1 INVITE",
        f"Contact: <sip:caller@127.0.0.1:{source_port}>",
        "Max-Forwards: 70",
        "Content-Type: application/sdp",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", body]).encode()


async def test_a_restart_keeps_ports_and_password(own: AsteriskInstance) -> None:
    before = (own.ari_url, own.sip_port, own.rtp_range, own.ari_password)
    first_life = own.pid
    await own.restart()
    assert (own.ari_url, own.sip_port, own.rtp_range, own.ari_password) == before
    assert own.pid != first_life
    assert await status(own, "/ari/asterisk/ping") == 200
    assert complaints(own) == []


async def test_it_is_started_again_after_it_was_killed(own: AsteriskInstance) -> None:
    own.kill()
    assert not own.running
    assert processes_of(own.folder) == []
    await own.restart()
    assert await status(own, "/ari/asterisk/ping") == 200
    assert complaints(own) == []


async def test_while_paused_it_answers_nothing_and_then_goes_on(own: AsteriskInstance) -> None:
    own.pause()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await status(own, "/ari/asterisk/ping")
    own.resume()
    assert await status(own, "/ari/asterisk/ping") == 200


async def test_a_paused_one_can_be_stopped(own: AsteriskInstance) -> None:
    own.pause()
    await own.stop()
    assert not own.running


async def test_nothing_is_left_after_stop(tmp_path: Path) -> None:
    instance = await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOWHERE)
    # A call that nobody ends: a polite shutdown would wait for it.
    await originate(instance, "PJSIP/15550100@trunk")
    assert "PJSIP/trunk-" in await instance.cli("core show channels concise")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await instance.stop()
    assert loop.time() - begin < 2
    assert not psutil.pid_exists(instance.pid)
    assert processes_of(tmp_path) == []
    await instance.stop()


async def test_it_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = f"""
import asyncio, pathlib
from otpvoice.testkit.asterisk import AsteriskInstance
async def main():
    instance = await AsteriskInstance.start(pathlib.Path({str(tmp_path / "asterisk")!r}), trunk={NOWHERE!r})
    print(instance.pid, flush=True)
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        asterisk = psutil.Process(int(await asyncio.to_thread(parent.stdout.readline)))
        os.kill(parent.pid, signal.SIGKILL)
    # Not our child: whoever adopted it reaps it.
    await asyncio.to_thread(psutil.wait_procs, [asterisk], timeout=SOON)
    assert not asterisk.is_running() or asterisk.status() == psutil.STATUS_ZOMBIE


async def test_a_failed_start_shows_the_log_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="no_such_module"):
        await AsteriskInstance.start(
            tmp_path / "asterisk", trunk=NOWHERE, extra_config={"modules.conf": "require = no_such_module.so"}
        )
    assert processes_of(tmp_path) == []


async def test_settings_that_cannot_be_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="TRUNK_KIND must be one of"):
        await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOWHERE, settings={"TRUNK_KIND": "pigeon"})
    assert processes_of(tmp_path) == []


async def test_another_port_is_taken_when_one_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = PortBlock.claim(100)
    blocks = [taken, PortBlock.claim(100)]
    monkeypatch.setattr(PortBlock, "claim", lambda _: blocks.pop(0))
    with socket.create_server(("127.0.0.1", taken.tcp)):
        async with await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOWHERE) as asterisk:
            assert asterisk.ari_url != f"http://127.0.0.1:{taken.tcp}"
            assert await status(asterisk, "/ari/asterisk/ping") == 200


async def test_a_deep_folder_is_no_obstacle(tmp_path: Path) -> None:
    """A Unix socket's path has 107 bytes at most; the control socket is then somewhere else."""
    folder = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 5)
    async with await AsteriskInstance.start(folder, trunk=NOWHERE) as asterisk:
        assert "Asterisk" in await asterisk.cli("core show version")


async def test_it_tells_what_it_uses(asterisk: AsteriskInstance) -> None:
    assert 0 < asterisk.cpu_seconds() < 60
    assert 10e6 < asterisk.rss_bytes() < 1e9
