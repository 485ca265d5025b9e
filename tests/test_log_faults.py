"""What nobody caught is a line, too: in the same form, of whose fault it was, and without what anybody was given."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any, Final

import pytest
from structlog.contextvars import bound_contextvars

from otpvoice import logs
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.logs.tracebacks import shown_error, shown_traceback
from tests.web.world import logged

CODE: Final = "918273"


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where lines go; all that Python has to say by itself comes there, and afterwards it is as it was."""
    for place, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(place, name, getattr(place, name))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    with logged() as output:
        logs.take_faults()
        yield output


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    assert CODE not in output.getvalue()
    return [json.loads(line) for line in output.getvalue().splitlines()]


def broken(quoted: str = CODE) -> Exception:
    """Return an exception as it is caught, which quotes what it should not."""
    with pytest.raises(KeyError) as caught:
        dict[str, None]()[quoted]
    return caught.value


# --- exceptions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (KeyError(CODE), "KeyError"),
        (json.JSONDecodeError(CODE, CODE, 0), "json.decoder.JSONDecodeError"),
        (SpeechUnavailable("audio_format"), "otpvoice.core.speech.SpeechUnavailable: audio_format"),
        (
            FileNotFoundError(2, "No such file or directory", f"/run/{CODE}"),
            "FileNotFoundError: No such file or directory",
        ),
        (OSError("quoted"), "OSError"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_an_exception_says_what_it_is_and_only_our_own_say_more(error: Exception, shown: str) -> None:
    assert shown_error(error) == shown


def test_what_is_behind_an_exception_is_told_the_first_cause_first() -> None:
    def fails() -> None:
        try:
            raise broken()
        except KeyError as error:
            raise ValueError(CODE) from error

    def fails_again() -> None:
        try:
            fails()
        except ValueError:
            raise RuntimeError(CODE)  # noqa: B904 - this is what is tried

    with pytest.raises(RuntimeError) as caught:
        fails_again()
    shown = shown_traceback((caught.type, caught.value, caught.tb))
    kinds = [line for line in shown.splitlines() if line in {"KeyError", "ValueError", "RuntimeError"}]
    assert kinds == ["KeyError", "ValueError", "RuntimeError"]
    assert shown.index("direct cause") < shown.index("During handling")
    assert shown.count("Traceback (most recent call last):") == 3
    assert CODE not in shown


def test_what_was_hidden_from_a_traceback_stays_hidden() -> None:
    def fails() -> None:
        try:
            raise broken()
        except KeyError:
            raise RuntimeError(CODE) from None

    with pytest.raises(RuntimeError) as caught:
        fails()
    assert "\nKeyError" not in shown_traceback((caught.type, caught.value, caught.tb))


def test_all_of_a_group_are_told() -> None:
    group = ExceptionGroup(CODE, [broken(), ExceptionGroup(CODE, [SpeechUnavailable("gone")])])
    shown = shown_traceback((ExceptionGroup, group, None))
    assert "  | KeyError" in shown
    assert "  |   | otpvoice.core.speech.SpeechUnavailable: gone" in shown
    assert CODE not in shown


def test_a_long_story_is_cut_short() -> None:
    first = last = Exception()
    for _ in range(1000):
        last.__cause__ = Exception()
        last = last.__cause__
    last.__cause__ = first
    many = ExceptionGroup("", [ExceptionGroup("", [Exception()] * 50)] * 50)
    for error in (first, many):
        assert len(shown_traceback((type(error), error, None)).splitlines()) < 500


# --- what Python says -------------------------------------------------------------------------------------------------


def test_what_ends_the_process_is_a_line(output: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    error = broken()
    sys.excepthook(type(error), error, error.__traceback__)
    (line,) = lines(output)
    assert (line["level"], line["event"]) == ("critical", "python.uncaught")
    assert line["exception"].endswith("\nKeyError")
    assert capsys.readouterr().err == ""


def test_who_interrupts_wants_no_line(output: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert lines(output) == []
    assert "KeyboardInterrupt" in capsys.readouterr().err


def test_a_thread_that_breaks_is_a_line_and_one_that_ends_is_none(output: io.StringIO) -> None:
    def ends(error: BaseException) -> None:
        raise error

    for error in (broken(), SystemExit(CODE)):
        thread = threading.Thread(target=ends, args=(error,), name="names")
        thread.start()
        thread.join()
    (line,) = lines(output)
    assert (line["level"], line["event"], line["thread"]) == ("error", "python.uncaught", "names")


def test_what_can_not_be_raised_is_a_line_of_nobody(output: io.StringIO) -> None:
    """An object that is collected now was perhaps another call's."""

    class Finalized:
        def __del__(self) -> None:
            raise broken()

        def __repr__(self) -> str:
            return CODE

    with bound_contextvars(call="call_1"):
        made = Finalized()
        del made
    (line,) = lines(output)
    assert (line["level"], line["event"]) == ("error", "python.unraisable")
    assert line["object"].endswith("Finalized.__del__")
    assert "call" not in line


def test_a_warning_is_a_line(output: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = sys.modules["otpvoice.logs.faults"]._warned
        with bound_contextvars(call="call_1"):
            warnings.warn("this will go", DeprecationWarning, stacklevel=1)
    (line,) = lines(output)
    assert (line["level"], line["event"]) == ("warning", "python.warning")
    assert (line["category"], line["message"]) == ("DeprecationWarning", "this will go")
    assert line["where"].startswith(__file__)
    assert "call" not in line


# --- what asyncio says ------------------------------------------------------------------------------------------------


@pytest.fixture
async def loop(output: io.StringIO) -> asyncio.AbstractEventLoop:
    """The loop of the test, whose faults are taken."""
    loop = asyncio.get_running_loop()
    logs.take_faults_of(loop)
    return loop


async def fails() -> None:
    raise broken()


async def test_an_exception_that_nobody_retrieved_is_told_as_its_call_s(
    loop: asyncio.AbstractEventLoop, output: io.StringIO
) -> None:
    with bound_contextvars(call="call_1", account="shop"):
        task: asyncio.Task[None] | None = asyncio.create_task(fails(), name="call_1-work")
    assert task is not None
    await asyncio.wait({task})
    with bound_contextvars(call="call_2"):
        task = None  # collected now, while another one is at work
    (line,) = lines(output)
    assert (line["level"], line["event"]) == ("error", "asyncio.unhandled")
    assert line["message"] == "Task exception was never retrieved"
    assert (line["call"], line["task"]) == ("call_1", "call_1-work")
    assert line["exception"].endswith("\nKeyError")


async def test_one_of_no_call_names_none(loop: asyncio.AbstractEventLoop, output: io.StringIO) -> None:
    task: asyncio.Task[None] | None = asyncio.create_task(fails(), name="node")
    assert task is not None
    await asyncio.wait({task})
    future: asyncio.Future[None] | None = loop.create_future()
    assert future is not None
    future.set_exception(broken())
    with bound_contextvars(call="call_2"):
        task = future = None
    assert ["call" in line for line in lines(output)] == [False, False]


async def test_a_callback_that_breaks_shows_none_of_what_it_was_given(
    loop: asyncio.AbstractEventLoop, output: io.StringIO
) -> None:
    def callback(_: str) -> None:
        done.set()
        raise broken()

    done = asyncio.Event()
    loop.call_soon(callback, CODE)
    await done.wait()
    (line,) = lines(output)
    assert line["message"].startswith("Exception in callback")


async def test_what_a_loop_says_of_nothing_in_particular_is_told(
    loop: asyncio.AbstractEventLoop, output: io.StringIO
) -> None:
    with bound_contextvars(call="call_2"):
        loop.call_exception_handler({"message": "Fatal error on transport", "transport": CODE, "exception": broken()})
        loop.call_exception_handler({"message": "Unclosed connection", "connection": CODE})
    first, second = lines(output)
    assert first["exception"].endswith("\nKeyError")
    assert second["message"] == "Unclosed connection"
    assert "exception" not in second
    assert "call" not in first, "a connection has its context from who made it, and serves others"


def test_a_process_that_breaks_says_so_in_one_line_and_not_elsewhere() -> None:
    program = (
        "import asyncio, uvloop\n"
        "from otpvoice import logs\n"
        "async def main():\n"
        "    logs.take_faults_of(asyncio.get_running_loop())\n"
        f"    asyncio.get_running_loop().call_soon(int, 'x{CODE}')\n"
        "    await asyncio.sleep(0)\n"
        f"    return {{}}['{CODE}'[:]]\n"
        "logs.configure('json')\n"
        "logs.take_faults()\n"
        "uvloop.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["asyncio.unhandled", "python.uncaught"]
    assert CODE not in done.stdout
