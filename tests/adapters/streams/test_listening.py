"""A customer hears a call: what is sent, how it ends, and what is known of it afterwards."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from websockets.frames import Close, Opcode
from websockets.frames import Frame as TheirFrame

from otpvoice.adapters.streams import Ended, Limits, MediaStream, Streamed
from otpvoice.core.actions import Stream
from otpvoice.core.media import Disconnected, StreamStatus
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.tracks import Frame
from otpvoice.media.streams.twilio import TwilioSpeaker
from tests.adapters.streams.customers import Rogue, a_customer, a_rogue
from tests.adapters.streams.house import FACTS, FRAME, Call, a_house, feed, like


async def test_a_customer_hears_a_call_to_its_end() -> None:
    async with a_customer() as customer, a_house(clock=lambda: 1_800_000_000.25) as house:
        stream, call = house.listen(customer.url("/a?b=c"))
        assert stream.report.status is StreamStatus.CONNECTING
        connected = await call.connected()
        assert (connected.status, connected.started_at, connected.host) == ("connected", 1_800_000_000.25, "127.0.0.1")
        feed(stream, 100)
        stream.arrived("inbound", FRAME[:80], asyncio.get_running_loop().time() + 2.0)
        report = stream.finish(Disconnected.CALL)
        visit = await customer.visit()
        assert await visit.end() == (1000, "call")
        assert visit.path == "/a?b=c"
        assert [message["event"] for message in visit.messages[:2]] == ["connected", "start"]
        assert visit.messages[-1]["event"] == "stop"
        media = visit.of("media")
        heard = [base64.b64decode(message["media"]["payload"]) for message in media]
        assert heard.count(FRAME) == 100
        assert heard[-1] == FRAME[:80] + b"\xff" * 80, "the last of it, too"
        assert report.frames_sent == len(media)
        assert report.bytes_sent == sum(len(text) for text in visit.heard)
        assert report == replace(
            connected,
            status=StreamStatus.COMPLETED,
            disconnected_by=Disconnected.CALL,
            ended_at=1_800_000_000.25,
            frames_sent=report.frames_sent,
            bytes_sent=report.bytes_sent,
            close_code=1000,
            close_reason="call",
        )
        assert stream.finish(Disconnected.US) is stream.report is report
        assert len(call.told) == 1, "who finishes it is told no more"


async def test_several_tracks_go_side_by_side() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url(), tracks=("inbound", "outbound"))
        await call.connected()
        for number in range(50):
            now = asyncio.get_running_loop().time() + 0.02 * number
            stream.arrived("inbound", FRAME, now)
            stream.arrived("outbound", FRAME[::-1], now)
        stream.finish(Disconnected.PLAN)
        visit = await customer.visit()
        await visit.end()
        for track, frame in (("inbound", FRAME), ("outbound", FRAME[::-1])):
            payloads = [one["media"]["payload"] for one in visit.of("media") if one["media"]["track"] == track]
            assert payloads.count(base64.b64encode(frame).decode()) == 50


async def test_nobody_says_anything_and_silence_is_told_by_the_clock() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        visit = await customer.visit()
        media = await visit.event("media", 10)
        assert {one["media"]["payload"] for one in media} == {base64.b64encode(b"\xff" * 160).decode()}
        assert [int(one["media"]["timestamp"]) for one in media[:10]] == list(range(0, 200, 20))
        stream.finish(Disconnected.CALL)


async def test_what_is_said_before_the_customer_is_there_is_told_when_it_is() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        feed(stream, 100)
        assert stream.report.status is StreamStatus.CONNECTING
        assert stream.report.frames_sent == 0
        connected = await call.connected()
        visit = await customer.visit()
        media = await visit.event("media", 100)
        assert sum(one["media"]["payload"] == base64.b64encode(FRAME).decode() for one in media) == 100
        assert connected.dropped == 0


@pytest.mark.parametrize("by", [Disconnected.CALL, Disconnected.PLAN, Disconnected.US])
async def test_a_call_that_ends_before_the_customer_is_there(by: Disconnected) -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        report = stream.finish(by)
        assert (report.status, report.disconnected_by, report.error) == ("failed", by, "not_connected")
        assert (report.started_at, report.close_code) == (None, None)
        await house.streams.close()
        assert call.told == []
        assert customer.visits == []


@pytest.mark.parametrize(
    ("code", "said", "known"),
    [
        (1000, "thank you", "thank you"),
        (1008, "two\nlines\x1b[31m", "two lines [31m"),
        (4999, "ü" * 61, "ü" * 61),
        (3000, "", None),
    ],
)
async def test_a_customer_who_has_heard_enough_is_not_called_again(code: int, said: str, known: str | None) -> None:
    async with a_customer(lambda visit: visit.connection.close(code, said)) as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("completed", "peer", None)
        assert (report.close_code, report.close_reason) == (code, known)
        assert [type(told).__name__ for told in call.told] == ["Connected", "Ended"]
        visit = await customer.visit()
        assert (await visit.end())[0] == code, "it was answered with its own code"
        assert house.streams.count == 0
        assert stream.finish(Disconnected.CALL) == report
        assert len(customer.visits) == 1


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1009])
async def test_a_customer_who_can_make_nothing_of_it_is_not_called_again(code: int) -> None:
    async with a_customer(lambda visit: visit.connection.close(code, "what?")) as customer, a_house() as house:
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("failed", "peer", "rejected")
        assert (report.close_code, report.close_reason, report.reconnects) == (code, "what?", 0)


async def test_every_frame_was_sent_or_dropped_when_a_customer_leaves() -> None:
    async with a_customer() as customer, a_house(limits=Limits(unsent=0)) as house:
        stream, call = house.listen(customer.url(), "exotel")
        await call.connected()
        feed(stream, 100)
        await (await customer.visit()).connection.close()
        report = await call.ended()
        assert report.frames_sent == 0, "there was no room for one"
        assert report.dropped >= 100


async def test_frames_of_a_message_that_was_never_full_were_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url(), "exotel")
        taken: list[Frame] = []
        take = stream._outgoing.frame

        def count(frame: Frame) -> None:
            taken.append(frame)
            take(frame)

        monkeypatch.setattr(stream._outgoing, "frame", count)
        await call.connected()
        feed(stream, 102)
        visit = await customer.visit()
        await visit.event("media", 20)
        await visit.connection.close()
        report = await call.ended()
        assert report.frames_sent % 5 == 0
        assert report.frames_sent + report.dropped == len(taken) > 100


async def test_a_close_without_a_code_is_an_end_like_any() -> None:
    async def leaves(rogue: Rogue) -> None:
        await rogue.write(TheirFrame(Opcode.CLOSE, b"").serialize(mask=False))
        answered.set_result(await rogue.closed_with())

    answered: asyncio.Future[Close | None] = asyncio.get_running_loop().create_future()
    async with a_rogue(leaves) as customer, a_house() as house:
        _, call = house.listen(customer.url())
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.close_code) == ("completed", "peer", 1005)
        assert (await answered) == Close(1005, ""), "answered in kind"


async def test_a_stream_lasts_as_long_as_its_format_allows() -> None:
    formats = {"short": like(FORMATS["twilio"], longest=0.2)}
    async with a_customer() as customer, a_house(formats=formats) as house:
        _, call = house.listen(customer.url(), "short")
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("completed", "limit", None)
        visit = await customer.visit()
        assert await visit.end() == (1000, "limit")
        assert visit.messages[-1]["event"] == "stop"


async def test_what_a_customer_says_who_only_listens_is_not_even_read() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        visit = await customer.visit()
        await visit.say(*(f"not even JSON {number}" for number in range(500)))
        answered = await visit.connection.ping()
        await asyncio.wait_for(answered, 20)
        assert stream.report.bytes_received == sum(len(f"not even JSON {number}") for number in range(500))
        assert stream.report.frames_received == 0
        assert stream.finish(Disconnected.CALL).error is None


async def test_a_stream_that_is_finished_while_it_is_told_of_its_connection() -> None:
    async with a_customer() as customer, a_house() as house:
        call = Call()
        reports = []

        def tell(what: Streamed) -> None:
            reports.append(stream.finish(Disconnected.PLAN))

        stream = house.streams.open(Stream(customer.url(), "twilio"), FACTS, None, tell)
        visit = await customer.visit()
        assert await visit.end() == (1000, "plan")
        assert [report.status for report in reports] == ["completed"]
        assert call.told == []


async def test_at_the_end_of_the_process_all_take_their_leave() -> None:
    async with a_customer() as customer, a_house() as house:
        opened = [house.listen(customer.url(f"/{number}")) for number in range(20)]
        for _, call in opened:
            await call.connected()
        await house.streams.close()
        assert [stream.report.disconnected_by for stream, _ in opened] == [Disconnected.US] * 20
        assert [await visit.end() for visit in customer.visits] == [(1000, "us")] * 20
        assert house.streams.count == 0
        assert not any(isinstance(told, Ended) for _, call in opened for told in call.told)


async def test_a_format_that_does_not_exist_and_a_mouth_that_is_missing() -> None:
    async with a_house() as house:
        with pytest.raises(KeyError):
            house.listen("ws://hooks.example/", "morse")
        with pytest.raises(ValueError, match="needs a mouth"):
            house.streams.open(Stream("ws://hooks.example/", "twilio", mode="talk"), FACTS, None, Call().tell)
        assert house.streams.count == 0


async def test_tls_is_verified_and_spoken() -> None:
    async with a_customer(tls=True) as customer, a_house() as house:
        stream, call = house.listen(customer.url(host="hooks.example"))
        await call.connected()
        feed(stream, 10)
        visit = await customer.visit()
        await visit.event("media", 10)
        stream.finish(Disconnected.CALL)
        assert await visit.end() == (1000, "call")


async def test_what_we_push_is_placed_on_its_track() -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url(), tracks=("outbound",))
        await call.connected()
        now = asyncio.get_running_loop().time()
        stream.pushed(FRAME * 5, now)
        stream.synced(4, now + 0.02)
        stream.flushed(now + 0.06)
        visit = await customer.visit()
        await visit.event("media", 20)
        heard = [base64.b64decode(one["media"]["payload"]) for one in visit.of("media")]
        assert 0 < heard.count(FRAME) < 5, "some of it was played, and then it was thrown away"
        stream.finish(Disconnected.CALL)


# --- bugs of ours -----------------------------------------------------------------------------------------------------


def bug(*_: object, **__: object) -> Any:
    raise LookupError("s3cret")


async def test_something_of_ours_breaks_and_costs_one_stream(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_customer() as customer, a_house() as house:
        broken, call = house.listen(customer.url("/broken"))
        whole, other = house.listen(customer.url("/whole"))
        await call.connected()
        await other.connected()
        monkeypatch.setattr(broken._tracks, "tick", bug)
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("failed", "error", "internal")
        for visit in customer.visits:
            if visit.path == "/broken":
                assert await visit.end() == (1011, "internal")
            else:
                await visit.event("media", 5)
        assert whole.finish(Disconnected.CALL).status == "completed"
    assert "s3cret" not in capsys.readouterr().out


def session_of(stream: MediaStream) -> Any:
    return stream._session


DOORS: list[tuple[str, Callable[[MediaStream], Any], Callable[[MediaStream], Any]]] = [
    ("media", lambda stream: session_of(stream).speaker, lambda stream: feed(stream, 5)),
    ("arrived", lambda stream: stream._tracks, lambda stream: stream.arrived("inbound", FRAME, 0.0)),
    ("pushed", lambda stream: stream._tracks, lambda stream: stream.pushed(FRAME, 0.0)),
    ("synced", lambda stream: stream._tracks, lambda stream: stream.synced(0, 0.0)),
    ("flushed", lambda stream: stream._tracks, lambda stream: stream.flushed(0.0)),
    ("digit", lambda stream: session_of(stream).speaker, lambda stream: stream.digit("1")),
    ("played", lambda stream: stream._talk, lambda stream: stream.played("stream-1", 1)),
    ("closed", lambda stream: session_of(stream).speaker, lambda stream: session_of(stream).socket.fail(1008, "flood")),
]


@pytest.mark.parametrize(("what", "of", "enter"), DOORS, ids=[row[0] for row in DOORS])
async def test_whoever_comes_to_a_stream_that_is_broken_goes_on(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    what: str,
    of: Callable[[MediaStream], Any],
    enter: Callable[[MediaStream], Any],
) -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call, _ = house.talk(customer.url())
        await call.connected()
        monkeypatch.setattr(of(stream), what, bug)
        enter(stream)
        report = await call.ended()
        assert (report.status, report.disconnected_by, report.error) == ("failed", "error", "internal")
        assert await (await customer.visit()).end() == (1011, "internal")
        assert house.streams.count == 0
        if what != "closed":
            enter(stream)
        assert stream.finish(Disconnected.CALL) == report
        assert len(call.told) == 2
    assert "s3cret" not in capsys.readouterr().out


@pytest.mark.parametrize(("what", "of"), [("closed", "speaker"), ("finish", "tracks")])
async def test_a_stream_that_is_broken_has_a_last_report_all_the_same(
    monkeypatch: pytest.MonkeyPatch, what: str, of: str
) -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        assert stream._session is not None
        monkeypatch.setattr(stream._session.speaker if of == "speaker" else stream._tracks, what, bug)
        report = stream.finish(Disconnected.CALL)
        assert (report.status, report.disconnected_by, report.error) == ("failed", "error", "internal")
        assert report.ended_at is not None
        assert await (await customer.visit()).end() == (1011, "internal")
        assert len(call.told) == 1, "who finishes it is told no more"
        assert stream.finish(Disconnected.CALL) is report


async def test_a_line_in_the_log_says_whose_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    async with a_customer() as customer, a_house() as house:
        stream, call = house.listen(customer.url())
        await call.connected()
        stream.finish(Disconnected.CALL)
    lines = [line for line in capsys.readouterr().out.splitlines() if "socket." in line]
    assert [word for line in lines for word in line.split() if word.startswith("socket.")] == [
        "socket.connected",
        "socket.ended",
    ]
    assert all(f"call={FACTS.call_id}" in line and f"stream={FACTS.stream_id}" in line for line in lines)


async def test_a_format_breaks_over_what_it_hears(capsys: pytest.CaptureFixture[str]) -> None:
    class Deaf(TwilioSpeaker):
        hear = bug

    formats = {"deaf": like(FORMATS["twilio"], speaker=Deaf)}
    async with a_customer() as customer, a_house(formats=formats) as house:
        _, call, _ = house.talk(customer.url(), "deaf")
        await call.connected()
        visit = await customer.visit()
        await visit.say("anything")
        report = await call.ended()
        assert (report.status, report.error, report.close_code) == ("failed", "internal", 1011)
        assert await visit.end() == (1011, "internal")
        assert visit.messages[-1]["event"] == "stop"
    out = capsys.readouterr().out
    assert "s3cret" not in out
    [line] = [line for line in out.splitlines() if "socket.message_not_understood" in line]
    assert f"call={FACTS.call_id}" in line


@pytest.mark.parametrize("where", ["speaker", "opened"])
async def test_a_format_breaks_before_it_says_anything(where: str) -> None:
    class Mute(TwilioSpeaker):
        opened = bug

    formats = {"mute": like(FORMATS["twilio"], speaker=bug if where == "speaker" else Mute)}
    async with a_customer() as customer, a_house(formats=formats) as house:
        _, call = house.listen(customer.url(), "mute")
        report = await call.ended()
        assert (report.status, report.error, report.close_code) == ("failed", "internal", 1011)
        assert await (await customer.visit()).end() == (1011, "internal")
        assert len(call.told) == 1
