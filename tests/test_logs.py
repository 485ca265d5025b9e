"""What a line looks like, what it never shows, and what it is called."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import otpvoice
from otpvoice import logs
from otpvoice.adapters.locales import load_locales
from otpvoice.core import events
from otpvoice.core.actions import Dial, SayCode
from otpvoice.core.digits import Collected, EndedBy
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import Ending, OwnAction, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import Keys, OtpCode
from otpvoice.logs import lines
from otpvoice.logs.masking import each_text, escaped, masked, masked_number

NUMBER = "+447911123123"
SECOND = "+447911123456"
AT = 1_800_000_000.0


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Where lines go; afterwards logging is as it was."""
    root, before = logging.getLogger(), logging.getLogger().level
    yield io.StringIO()
    structlog.reset_defaults()
    root.setLevel(before)
    for handler in [handler for handler in root.handlers if type(handler).__module__ == lines.__name__]:
        root.removeHandler(handler)


def told(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def json_lines(output: io.StringIO, level: lines.Level = "debug") -> Any:
    logs.configure("json", level, output, cache=False)
    return structlog.get_logger()


# --- lines ------------------------------------------------------------------------------------------------------------


def test_a_line_is_one_json_object_that_begins_with_when_how_bad_what_and_whose(output: io.StringIO) -> None:
    json_lines(output).info("call.queued", count=2, account="shop", call="call_1")
    line = output.getvalue()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert list(json.loads(line)) == ["timestamp", "level", "event", "call", "account", "count"]


def test_whose_a_line_is_may_be_known_from_where_it_is_logged(output: io.StringIO) -> None:
    log = json_lines(output)
    with structlog.contextvars.bound_contextvars(call="call_1", account="shop"):
        log.info("a", more=1)
        log.info("b", call="call_2")
        logging.getLogger("other").warning("c")
    log.info("d")
    for line in output.getvalue().splitlines():
        assert line.count('"call"') == line.count('"account"') == (0 if '"d"' in line else 1)
    assert [line.get("call") for line in told(output)] == ["call_1", "call_2", "call_1", None]
    assert list(told(output)[0]) == ["timestamp", "level", "event", "call", "account", "more"]


def test_below_the_level_nothing_is_written(output: io.StringIO) -> None:
    log = json_lines(output, "warning")
    log.info("no")
    logging.getLogger("other").info("no")
    log.warning("yes")
    logging.getLogger("other").warning("yes")
    assert [line["level"] for line in told(output)] == ["warning", "warning"]


def test_the_standard_library_goes_the_same_way(output: io.StringIO) -> None:
    json_lines(output)
    try:
        raise KeyError("lost")
    except KeyError:
        logging.getLogger("aiohttp.server").exception("%s of %d", "one", 2)
    (line,) = told(output)
    assert (line["level"], line["event"], line["logger"]) == ("error", "one of 2", "aiohttp.server")
    assert line["exception"].endswith("\nKeyError")
    assert "in test_the_standard_library_goes_the_same_way" in line["exception"]


@pytest.mark.parametrize(("number", "level"), [(5, "debug"), (25, "info"), (35, "warning"), (99, "critical")])
def test_levels_that_only_the_standard_library_has_are_rounded_down(
    output: io.StringIO, number: int, level: str
) -> None:
    json_lines(output)
    logging.getLogger().setLevel(1)
    logging.getLogger("other").log(number, "hello")
    assert [line["level"] for line in told(output)] == [level]


def test_configured_twice_a_record_is_written_once(output: io.StringIO) -> None:
    json_lines(output)
    json_lines(output)
    logging.getLogger("other").warning("once")
    assert len(told(output)) == 1


def test_aiohttp_says_nothing_of_requests(output: io.StringIO) -> None:
    json_lines(output)
    logging.getLogger("aiohttp.access").info("GET /v1/calls?secret")
    logging.getLogger("asyncio").debug("Using selector")
    assert output.getvalue() == ""


def test_without_a_terminal_the_format_is_json(output: io.StringIO) -> None:
    logs.configure(stream=output, cache=False)
    structlog.get_logger().info("hello")
    assert told(output)[0]["event"] == "hello"


class Wordless:
    """What can't even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("value", ["\ud800", 2**70, object(), {1: {2}}, b"bytes", float("nan"), Wordless()])
def test_whatever_is_logged_makes_a_line(output: io.StringIO, value: object) -> None:
    json_lines(output).info("odd", value=value, nested={"value": [value]})
    assert told(output)[0]["event"] == "odd"


def test_a_stream_that_is_closed_stops_nobody(output: io.StringIO) -> None:
    log = json_lines(output)
    output.close()
    log.error("lost")
    logging.getLogger("other").error("lost")


# --- what is not shown ------------------------------------------------------------------------------------------------


def test_secrets_are_bullets_however_deep_they_are(output: io.StringIO) -> None:
    secret = OtpCode("918273")
    json_lines(output).info("x", code=secret, list=[secret], mapping={"a": (secret, {"b": Keys("77")})})
    (line,) = told(output)
    assert (line["code"], line["list"], line["mapping"]) == ("••••••", ["••••••"], {"a": ["••••••", {"b": "••"}]})
    assert "918273" not in output.getvalue()


def test_a_traceback_shows_no_variables(output: io.StringIO) -> None:
    def call(body: str) -> None:
        raise RuntimeError("broken")

    formats: tuple[lines.Format, ...] = ("json", "console")
    for one in formats:
        logs.configure(one, "debug", output, cache=False)
        try:
            call("918273"[:])
        except RuntimeError:
            structlog.get_logger().exception("failed")
    assert output.getvalue().count("RuntimeError") == 4, "the line that raised it, and what it is"
    assert "body" not in output.getvalue().replace("body: str", "")


def test_a_record_that_can_not_be_put_together_shows_none_of_it(
    output: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    json_lines(output)
    (handler,) = [one for one in logging.getLogger().handlers if type(one).__module__ == lines.__name__]
    handler.handle(logging.LogRecord("other", logging.WARNING, __file__, 1, "%d keys", ("918273",), None))
    (line,) = told(output)
    assert (line["event"], line["logger"], line["level"]) == ("log.not_formatted", "other", "error")
    assert "918273" not in output.getvalue() + capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+447911123123", "+4479•••123"),
        ("+12025550123", "+1202•••123"),
        ("+15550100", "•••00"),
        ("1000", "•••00"),
        ("100", "•••"),
        ("", "•••"),
    ],
)
def test_a_number_is_shown_in_part(number: str, shown: str) -> None:
    assert masked_number(number) == shown


def test_numbers_are_masked_by_their_key(output: io.StringIO) -> None:
    json_lines(output).info("x", to=NUMBER, record={"from": NUMBER, "legs": [{"to": NUMBER}], "id": "call_447911"})
    (line,) = told(output)
    assert line["to"] == "+4479•••123"
    assert line["record"] == {"from": "+4479•••123", "legs": [{"to": "+4479•••123"}], "id": "call_447911"}


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "colors"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colours_are_for_terminals_and_for_who_wants_them(
    stream: io.StringIO, environ: dict[str, str], *, colors: bool
) -> None:
    assert lines.wants_colors(stream, environ) is colors


@pytest.mark.usefixtures("output")
def test_a_terminal_that_wants_none_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for wanted in ("", "1"):
        monkeypatch.setenv("NO_COLOR", wanted)
        monkeypatch.setenv("TERM", "xterm")
        terminal = Terminal()
        logs.configure(None, "info", terminal, cache=False)
        structlog.get_logger().info("call.answered", call="call_1")
        seen.append(terminal.getvalue())
    assert ["\x1b[" in line for line in seen] == [True, False]


EVENTS: Final = {
    event: path.name
    for path in sorted(Path(otpvoice.__file__).parent.rglob("*.py"))
    for event in re.findall(
        r"""\blog\.(?:debug|info|warning|error|critical|exception)\(\s*"([^"]*)\"""", path.read_text()
    )
}


def test_events_are_stable_words_and_stand_in_one_column(output: io.StringIO) -> None:
    assert len(EVENTS) > 80
    assert [event for event in EVENTS if not re.fullmatch(r"[a-z]+(\.[a-z_]+)?", event)] == []
    logs.configure("console", "info", output, cache=False)
    for event in EVENTS:
        structlog.get_logger().info(event, call="call_1")
    assert len({line.index("call=") for line in output.getvalue().splitlines()}) == 1


def test_on_a_terminal_control_characters_are_written_out(output: io.StringIO) -> None:
    logs.configure("console", "info", output, cache=False)
    structlog.get_logger().info("a\x1b[2Jb", field="c\r\nd\x9be", more={"x\n": ["\x07"]})
    line = output.getvalue()
    assert line.count("\n") == 1
    assert all(character.isprintable() for character in line[:-1])


def test_a_traceback_keeps_its_lines_and_nothing_else(output: io.StringIO) -> None:
    logs.configure("console", "info", output, cache=False)
    try:
        raise ValueError("a\x1b[2J\nb")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "\x1b" not in output.getvalue()
    assert 'raise ValueError("a' in output.getvalue()


@given(st.text())
def test_an_escaped_text_is_one_line(text: str) -> None:
    assert not any(character in escaped(text) for character in "\n\r\x1b\x00\x85\u2028")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    )
)
def test_masking_takes_anything(value: object) -> None:
    json.dumps(each_text(masked(value, "to"), escaped))


# --- the transcript ---------------------------------------------------------------------------------------------------

PLAN = CallPlan(NUMBER, "+442079460000", "default", "en-US", (SayCode(OtpCode("918273")), Dial(SECOND)))


def on_second(event: events.OfSecond) -> events.OnSecond:
    return events.OnSecond(1, event)


@pytest.fixture
def record() -> CallRecord:
    """A call that rang, and was answered two seconds later."""
    proof = CallFlow(PLAN, load_locales()).proof
    record = CallRecord("call_1", "shop", "http", PLAN, proof, "node", "otp-1", AT)
    record.ringing_at = AT + 1
    record.second(1, SECOND)
    return record


CALL = {"call": "call_1", "account": "shop"}


@pytest.mark.parametrize(
    ("event", "level", "name", "fields"),
    [
        (events.CallDialed(AT), "debug", "call.dialing", {"to": "+4479•••123", "node": "node"}),
        (events.OriginateAccepted(AT, "abc"), "debug", "call.originated", {"sip_call_id": "abc"}),
        (events.CallProgressed(AT, ringing=True), "debug", "call.ringing", {}),
        (events.CallProgressed(AT, ringing=False), "debug", "call.progressed", {}),
        (events.CallAnswered(AT + 3), "info", "call.answered", {"ring_ms": 2000}),
        (events.CallHeld(AT), "debug", "call.held", {}),
        (events.CallResumed(AT), "debug", "call.resumed", {}),
        (events.HangupAsked(AT, OwnAction.SHUTDOWN), "debug", "call.hangup_asked", {"by": "shutdown"}),
        (events.MediaLost(AT), "debug", "media.lost", {}),
        (events.MediaUnavailable(AT), "debug", "media.unavailable", {}),
        (events.Flooded(AT), "debug", "call.flooded", {}),
        (events.CallReleased(AT), "debug", "call.released", {}),
        (on_second(events.CallDialed(AT)), "debug", "call.second_dialing", {"second": 1, "to": "+4479•••456"}),
        (
            on_second(events.OriginateAccepted(AT, "def")),
            "debug",
            "call.second_originated",
            {"second": 1, "sip_call_id": "def"},
        ),
        (on_second(events.CallProgressed(AT, ringing=True)), "debug", "call.second_ringing", {"second": 1}),
        (on_second(events.CallProgressed(AT, ringing=False)), "debug", "call.second_progressed", {"second": 1}),
        (on_second(events.CallAnswered(AT)), "debug", "call.second_answered", {"second": 1}),
        (events.PartiesConnected(AT), "debug", "call.connected", {}),
        (events.PartiesParted(AT), "debug", "call.parted", {}),
        (
            on_second(events.CallEnded(AT, 17, 486)),
            "debug",
            "call.second_disconnected",
            {"second": 1, "cause": 17, "sip_status": 486},
        ),
        (
            events.SecondEnded(1, classify(Ending(answered=False, by_callee=True, cause=17, sip_status=486))),
            "debug",
            "call.second_ended",
            {
                "second": 1,
                "outcome": "busy",
                "reason": None,
                "ended_by": "callee",
                "cause": 17,
                "sip_status": 486,
            },
        ),
        (events.SpeakingStarted("1", AT, 2.34567), "debug", "speech.started", {"seconds": 2.346}),
        (events.SpeakingFinished("1", AT, cut=True), "debug", "speech.finished", {"cut": True}),
        (events.SpeakingFailed("1", AT, "gone"), "debug", "speech.failed", {"reason": "gone"}),
        (
            events.CharacterPlayed(1, 2, 6, AT),
            "debug",
            "code.character_played",
            {"reading": 1, "position": 2, "of": 6},
        ),
        (events.CodeDelivered(AT), "debug", "code.delivered", {}),
        (events.KeyPressed(AT), "debug", "key.pressed", {"second": False}),
        (events.KeyPressed(AT, second=True), "debug", "key.pressed", {"second": True}),
        (
            events.DigitsCollected(Collected(Keys("77"), EndedBy.TERMINATOR, True, 0), "pin", 2, True),
            "debug",
            "digits.collected",
            {"tag": "pin", "tries": 2, "count": 2, "ended_by": "terminator", "valid": True},
        ),
        (
            events.ActionCompleted(1, "gather", "g"),
            "debug",
            "action.completed",
            {"index": 1, "type": "gather", "id": "g"},
        ),
        (
            events.ActionFailed(1, "speech_failed", "gone"),
            "warning",
            "action.failed",
            {"index": 1, "code": "speech_failed", "message": "gone"},
        ),
        (events.CallEnded(AT, 16, 200), "debug", "call.disconnected", {"cause": 16, "sip_status": 200}),
    ],
)
def test_what_happens_has_a_name(
    output: io.StringIO, record: CallRecord, event: events.Event, *, level: str, name: str, fields: dict[str, Any]
) -> None:
    json_lines(output)
    logs.transcript(record, event)
    (line,) = told(output)
    del line["timestamp"]
    assert line == {"level": level, "event": name} | CALL | fields


@pytest.mark.parametrize(
    "event",
    [
        events.DigitReceived("7", AT),
        events.PiecePlayed("1", 3, AT),
        events.QualitySampled(AT, 4.4, 1.0, 0.0, 20.0),
        on_second(events.DigitReceived("7", AT)),
        on_second(events.QualitySampled(AT, 4.4, 1.0, 0.0, 20.0)),
    ],
)
def test_which_key_and_which_piece_are_not_told(output: io.StringIO, record: CallRecord, event: events.Event) -> None:
    json_lines(output)
    logs.transcript(record, event)
    assert output.getvalue() == ""


class Kept:
    """Records that remember what they were told, or refuse."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault, self.told = fault, list[str]()

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None:
        if self.fault is not None:
            raise self.fault
        self.told.append("accept")

    def save(self, record: CallRecord, /) -> None:
        self.told.append("save")

    def finish(self, record: CallRecord, /) -> None:
        self.told.append("finish")


async def test_the_two_ends_of_a_call_are_told_where_its_record_is_kept(
    output: io.StringIO, record: CallRecord
) -> None:
    json_lines(output, "info")
    kept = Kept()
    records = logs.LoggedRecords(kept)
    await records.accept(record)
    records.save(record)
    record.note(events.CallAnswered(AT + 3))
    record.end(classify(Ending(answered=True, by_callee=True, cause=16)), AT + 10)
    records.finish(record)
    queued, ended = told(output)
    assert kept.told == ["accept", "save", "finish"]
    assert {key: queued[key] for key in queued if key not in {"timestamp", "level"}} == CALL | {
        "event": "call.queued",
        "to": "+4479•••123",
        "door": "http",
        "language": "en-US",
    }
    assert {key: ended[key] for key in ended if key not in {"timestamp", "level"}} == CALL | {
        "event": "call.ended",
        "outcome": "completed",
        "reason": None,
        "ended_by": "callee",
        "cause": 16,
        "sip_status": None,
        "delivered": False,
        "readings": 0,
        "complete": False,
        "ring_ms": 2000,
        "talk_ms": 7000,
    }


async def test_a_call_that_is_not_kept_is_not_told(output: io.StringIO, record: CallRecord) -> None:
    json_lines(output)
    with pytest.raises(OSError, match="full"):
        await logs.LoggedRecords(Kept(OSError("full"))).accept(record)
    assert output.getvalue() == ""
