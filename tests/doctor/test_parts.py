"""The thin parts that ask the world, each with a world of its own; and small rules that rows do not show."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from otpvoice.ari import making
from otpvoice.doctor import addresses, clock, room
from otpvoice.doctor.addresses import Nearness, nearness, nearness_of
from otpvoice.doctor.asking import Answered, Unanswered, ask, new_http
from otpvoice.doctor.asterisk import exposure, logger, media, reach, tenants
from otpvoice.doctor.asterisk.files import FILES, Files
from otpvoice.doctor.asterisk.tenants import Tenants, legs_in
from otpvoice.doctor.asterisk.trunk import dialled
from otpvoice.doctor.asterisk.visit import leftovers, visit
from otpvoice.doctor.sizes import size
from otpvoice.doctor.store.asking import server_of
from tests.doctor.words import answered
from tests.fakes import FakeAsterisk


@asynccontextmanager
async def saying(said: bytes | None) -> AsyncIterator[str]:
    """A server that reads something, says this, and hangs up; None: it says nothing, and holds on."""

    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if said is None:
            await reader.read()
        else:
            writer.write(said)
        writer.close()
        await writer.wait_closed()
        over.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await over.wait()


@pytest.mark.parametrize(
    ("said", "why"),
    [(b"", "closed"), (b"SSH-2.0-OpenSSH_9.2\r\n", "protocol"), (None, "timeout")],
    ids=["nothing", "another protocol", "silence"],
)
async def test_a_server_that_gives_no_answer_is_told_by_how(said: bytes | None, why: str) -> None:
    async with saying(said) as url, new_http() as http:
        answer = await ask(http, url, within=0.1 if said is None else 5.0)
    assert isinstance(answer, Unanswered)
    assert answer.why == why


async def test_an_answer_is_read_whole_and_no_redirect_is_followed() -> None:
    body = b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 12\r\n\r\n" + b'{"a": "b"}  '
    async with saying(body) as url, new_http() as http:
        answer = await ask(http, url)
    assert isinstance(answer, Answered)
    assert (answer.status, answer.json) == (302, {"a": "b"})


async def test_what_is_no_address_is_no_fault_of_ours() -> None:
    async with new_http() as http:
        assert await ask(http, "http://" + "a" * 70 + ".example/") == Unanswered("dns", "UnicodeError")


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("127.0.0.9", Nearness.HERE),
        ("::1", Nearness.HERE),
        ("10.0.0.5", Nearness.HERE),
        ("10.0.0.6", Nearness.PRIVATE),
        ("172.18.0.3", Nearness.PRIVATE),
        ("fd00::1", Nearness.PRIVATE),
        ("8.8.8.8", Nearness.PUBLIC),
        ("2606:4700::1111", Nearness.PUBLIC),
    ],
)
def test_how_near_an_address_is(address: str, near: Nearness) -> None:
    assert nearness_of(address, ["10.0.0.5"]) is near


async def test_how_near_a_name_is() -> None:
    assert await nearness("localhost", []) is Nearness.HERE
    assert await nearness("nobody.invalid", []) is Nearness.UNKNOWN


def test_our_own_addresses_are_those_that_others_can_reach() -> None:
    own = addresses.own_addresses()
    assert "127.0.0.1" not in own
    # No packet is sent: the kernel says which address it would leave from.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no way out")
        assert sock.getsockname()[0] in own


@pytest.mark.parametrize(
    ("instant", "resolution", "offset", "doubt"),
    [(1000.1, 0.001, 0.0005, 0.1005), (1060.1, 0.001, 60.0005, 0.1005), (1000.0, 1.0, 0.4, 0.6)],
)
def test_a_clock_is_compared_with_the_middle_of_its_question(
    instant: float, resolution: float, offset: float, doubt: float
) -> None:
    seen = clock.reading("x", instant, began=1000.0, ended=1000.2, resolution=resolution)
    assert seen.offset == pytest.approx(offset)
    assert seen.doubt == pytest.approx(doubt)


def test_the_clock_of_a_server_is_its_timestamp_or_its_date_or_unknown() -> None:
    ping = answered(200, {"ping": "pong", "timestamp": "2026-11-27T21:13:44.050+0000"}, began=1_795_814_024.0)
    seen = clock.reading_of("Asterisk", ping)
    assert seen is not None
    assert seen.offset == pytest.approx(0.0505, abs=1e-5)
    dated = clock.reading_of("x", answered(204, began=1_795_814_024.0, Date="Fri, 27 Nov 2026 21:13:44 GMT"))
    assert dated is not None
    assert dated.offset == pytest.approx(0.5)
    assert clock.reading_of("x", answered(204)) is None
    assert clock.reading_of("x", answered(204, Date="yesterday")) is None


@pytest.mark.parametrize(
    ("dial", "endpoint"),
    [
        ("PJSIP/{number}@trunk", "trunk"),
        ("PJSIP/00{number}@trunk", "trunk"),
        ("PJSIP/{e164}@trunk;user=phone", "trunk"),
        ("PJSIP/trunk/sip:{number}@192.0.2.1:5060", "trunk"),
        ("PJSIP/{number}@trunk/sip:192.0.2.1", "trunk"),
        ("pjsip/{number}@trunk", "trunk"),
        ("PJSIP/{number}", None),
        ("PJSIP/{number}@{number}", None),
        ("Local/{number}@out", None),
        ("DAHDI/g1/{number}", None),
    ],
)
def test_which_endpoint_a_dial_string_names(dial: str, endpoint: str | None) -> None:
    assert dialled(dial) == endpoint


def test_legs_are_counted_by_who_holds_them() -> None:
    ids = ["otpvoice-a-leg-1", "otpvoice-a-leg-22", "otpvoice-my-host-leg-3", "call_x-1", "otpvoice-a-leg-1-bridge"]
    assert legs_in(ids) == {"a": 2, "my-host": 1}


def test_whoever_may_be_making_legs_is_a_holder_and_the_doctor_is_none() -> None:
    apps = frozenset({"otpvoice", "otpvoice-b-host", "voice", "voice-a", "ivr", "otpvoice-doctor-12ab34cd"})
    assert Tenants(apps, {}).holders("voice") == ["otpvoice", "otpvoice-b-host", "voice", "voice-a"]
    assert Tenants(frozenset(), {"c": 1}).holders("voice") == ["c"]


def test_doctors_that_measure_are_told_from_those_that_read_and_from_what_they_look_at() -> None:
    apps = frozenset({"otpvoice", "otpvoice-doctor-12ab34cd", "otpvoice-doctor-media-1"})
    there = tenants.seen(apps, {"a": 8, "doctor-media-2": 1})
    assert there == Tenants(apps, {"a": 8}, frozenset({"otpvoice-doctor-media-1", "otpvoice-doctor-media-2"}))


def test_of_doctors_that_were_killed_no_leg_is_taken_away() -> None:
    """Nor anything of one that may be alive, nor of anybody else."""
    long_ago, just_now = "2026-11-27T22:00:00.000+0000", "2026-11-27T22:41:00.000+0000"
    objects = [
        {"id": name, "creationtime": made}
        for name, made in (
            ("otpvoice-doctor-1-files", long_ago),
            ("otpvoice-doctor-2-files", just_now),
            ("otpvoice-doctor-media-1-leg-1", long_ago),
            ("otpvoice-doctor-media-1-leg-1-bridge", long_ago),
            ("otpvoice-a-leg-1-bridge", long_ago),
        )
    ]
    dead = leftovers(objects, "2026-11-27T22:42:00.000+0000")
    assert dead == ["otpvoice-doctor-1-files", "otpvoice-doctor-media-1-leg-1-bridge"]


@pytest.mark.parametrize(
    ("log", "names"),
    [
        ("console", ["console"]),
        ("/var/log/asterisk/messages.log", ["/var/log/asterisk/messages.log", "messages.log"]),
    ],
)
def test_what_a_log_may_be_called_in_its_file(log: str, names: list[str]) -> None:
    assert set(names) <= set(logger.names_of(log))
    assert logger.verbose_logs([{"channel": log, "configuration": "DTMF"}]) == []
    assert logger.verbose_logs([{"channel": log + ",x", "configuration": "VERBOSE"}]) == []


def test_asterisk_is_knocked_at_where_we_go_and_at_the_doors_beside() -> None:
    place = ("http.conf", "general", "tlsbindaddr")
    files = Files(FILES.ok(""), {place: "[::]:18089"})
    assert exposure.doors("http://127.0.0.1:9088", files) == [("http", 9088), ("http", 8088), ("https", 18089)]
    assert exposure.doors("https://localhost:8089", Files(FILES.ok(""))) == [("https", 8089), ("http", 8088)]


@pytest.mark.parametrize(
    ("metrics", "limit"),
    [
        (b"# TYPE process_max_fds gauge\nprocess_max_fds 65536.0\n", 65_536),
        (b"process_max_fds 1.048576e+06\n", 1_048_576),
        (b"process_max_fds +Inf\n", None),
        (b"process_max_fds 1.2.3\n", None),
        (b"<html>", None),
    ],
)
def test_how_many_files_a_service_may_open_is_read_of_its_metrics(metrics: bytes, limit: int | None) -> None:
    assert room.limit_in(metrics) == limit


def test_a_working_directory_that_is_gone_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("TMPDIR", str(gone))
    assert room.own_folders() == {"the temporary folder": str(gone)}
    assert room.disks(room.own_folders()) == []


@pytest.mark.parametrize(
    ("url", "shown", "plain"),
    [
        ("redis://:s3cret@redis:6380/0", "redis:6380", True),
        ("redis://voice:s3cret@10.0.0.9", "10.0.0.9:6379", True),
        ("rediss://redis.example/1", "redis.example:6379", False),
        ("unix:///run/redis.sock?password=s3cret", "/run/redis.sock", False),
    ],
)
def test_an_address_of_redis_is_shown_without_its_password(url: str, shown: str, plain: bool) -> None:
    server = server_of(url)
    assert (server.shown, server.plain) == (shown, plain)
    assert "s3cret" not in repr(server)


def test_a_file_system_is_told_once_and_one_that_is_not_there_never() -> None:
    seen = room.disks({"first": "/tmp", "again": "/tmp", "nowhere": "/nowhere/at/all"})
    assert [disk.what for disk in seen] == ["first"]


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (999_700, "1 MB"), (25_276_514_304, "25.3 GB")]
)
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text


async def test_media_sockets_that_hang_are_told_from_those_that_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the fake, whose registry can be made to hang; in the real one that is a race in ``chan_websocket.c``."""
    monkeypatch.setattr(making, "COMES_UP_WITHIN", 0.3)
    async with FakeAsterisk() as asterisk:
        found, reached = await reach.reach(asterisk.url, asterisk.user, asterisk.password)
        assert reached is not None, found
        async with visit(reached) as here:
            assert isinstance(await media.measure(here, reached, "ulaw"), media.Measured)
            asterisk.faults.wedge_media()
            hanging = await media.measure(here, reached, "ulaw")
        await reached.http.close()
    assert isinstance(hanging, media.NotUp)
    assert hanging.answer_ms > 0, "pings still come, so it is not just slow"
    assert media.judge(hanging, "ulaw").fault == "wedged"
