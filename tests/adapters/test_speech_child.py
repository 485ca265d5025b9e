"""A program that is not trusted: whatever it does, it is over in time and nothing of it is left.

The programs are fakes; each row runs on both event loops.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from otpvoice.adapters.speech import child
from otpvoice.adapters.speech.child import Bounds, ask
from otpvoice.core.speech import SpeechUnavailable
from tests.adapters.speech_programs import NAP, nothing_left, script

Program = Callable[[str], list[str]]
PLENTY = Bounds(seconds=20, output=1_000_000)
TIGHT = Bounds(seconds=0.3, output=1_000_000)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Returns the command line of a fake: Python if it starts with ``import``, else shell."""

    def write(source: str) -> list[str]:
        return [str(script(tmp_path / "fake", source))]

    return write


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    with nothing_left([str(tmp_path)]):
        yield


def refusal(loop: asyncio.Runner, argv: list[str], bounds: Bounds = PLENTY, text: bytes = b"4821") -> str:
    with pytest.raises(SpeechUnavailable) as caught:
        loop.run(ask(argv, text, bounds))
    assert "4821" not in caught.value.reason
    assert caught.value.__cause__ is None or "4821" not in repr(caught.value.__cause__)
    return caught.value.reason


def test_a_program_answers_what_it_was_told(loop: asyncio.Runner, program: Program) -> None:
    assert loop.run(ask(program("cat"), "zwölf".encode() * 2000, PLENTY)) == "zwölf".encode() * 2000


def test_a_program_may_answer_without_listening(loop: asyncio.Runner, program: Program) -> None:
    assert loop.run(ask(program("exec 0<&-; echo deaf"), b"x" * 12_000, PLENTY)) == b"deaf\n"


def test_a_program_may_answer_nothing(loop: asyncio.Runner, program: Program) -> None:
    assert loop.run(ask(program("cat > /dev/null"), b"text", PLENTY)) == b""


def test_what_a_program_complains_about_is_not_read(loop: asyncio.Runner, program: Program) -> None:
    assert (
        loop.run(ask(program("cat >&2; cat /dev/zero | head -c 200000 >&2; echo fine"), b"4821", PLENTY)) == b"fine\n"
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("exit 1", "the engine ended with status 1"),
        ("exit 139", "the engine ended with status 139"),
        ("kill -SEGV $$", "the engine ended with signal 11"),
        ("echo half a sound; kill -KILL $$", "the engine ended with signal 9"),
    ],
)
def test_a_program_that_fails_gives_no_sound(loop: asyncio.Runner, program: Program, source: str, reason: str) -> None:
    assert refusal(loop, program(source)) == reason


def test_a_program_that_is_not_there_gives_no_sound(loop: asyncio.Runner, tmp_path: Path) -> None:
    assert refusal(loop, [str(tmp_path / "gone")]) == "gone could not be started (ENOENT)"


def test_a_file_that_is_no_program_gives_no_sound(loop: asyncio.Runner, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear all", "utf-8")
    assert refusal(loop, [str(tmp_path / "letter")]) == "letter could not be started (EACCES)"
    (tmp_path / "letter").chmod(0o755)
    # uvloop starts programs by execvp(3), which tries a shell.
    assert refusal(loop, [str(tmp_path / "letter")]) in {
        "letter could not be started (ENOEXEC)",
        "the engine ended with status 127",
    }


@pytest.mark.parametrize(
    "source",
    [
        f"exec sleep {NAP}",
        f"sleep {NAP}",  # a child of the program
        "trap '' TERM INT HUP; while :; do sleep 1; done",
        "kill -STOP $$",
        f"exec 1>&-; exec sleep {NAP}",  # says that it is done, and stays
    ],
    ids=["hangs", "has a child that hangs", "heeds no signal", "is stopped", "says it is done"],
)
def test_a_program_that_hangs_is_killed_with_its_children(loop: asyncio.Runner, program: Program, source: str) -> None:
    assert refusal(loop, program(source), TIGHT) == "the engine took longer than 0.3 s"


@pytest.mark.parametrize("elsewhere", ["", "< /dev/null > /dev/null 2>&1"], ids=["holds our pipe", "holds none"])
def test_a_child_that_a_program_leaves_behind_ends_with_it(
    loop: asyncio.Runner, program: Program, elsewhere: str
) -> None:
    assert loop.run(ask(program(f"sleep {NAP} {elsewhere} & echo done"), b"", PLENTY)) == b"done\n"
    assert refusal(loop, program(f"sleep {NAP} {elsewhere} & exit 1")) == "the engine ended with status 1"


def test_a_program_that_writes_for_ever_is_stopped(loop: asyncio.Runner, program: Program) -> None:
    assert refusal(loop, program("exec cat /dev/zero")) == "the engine wrote too much"


def test_exactly_as_much_as_allowed_is_not_too_much(loop: asyncio.Runner, program: Program) -> None:
    argv = program("head -c 70000 /dev/zero")
    assert loop.run(ask(argv, b"", Bounds(20, output=70_000))) == bytes(70_000)
    assert refusal(loop, argv, Bounds(20, output=69_999)) == "the engine wrote too much"


def test_a_program_that_burns_the_processor_is_limited(
    loop: asyncio.Runner, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "ceil", lambda seconds: 0)  # one second of processor time
    assert refusal(loop, program("while :; do :; done")) == f"the engine ended with signal {signal.SIGKILL.value}"


def test_a_program_that_needs_a_file_may_write_and_go_back_in_ours(loop: asyncio.Runner, program: Program) -> None:
    file = os.memfd_create("sound")
    try:
        argv = program('cat > "$1"; printf S | dd of="$1" conv=notrunc status=none')
        assert loop.run(ask([*argv, f"/proc/self/fd/{file}"], b"sound", PLENTY, file=file)) == b""
        assert os.pread(file, 100, 0) == b"Sound"
        argv = program('read text; exec cat /dev/zero > "$1"')
        with pytest.raises(SpeechUnavailable, match="the engine wrote too much"):
            loop.run(ask([*argv, f"/proc/self/fd/{file}"], b"text\n", PLENTY, file=file))
        assert os.fstat(file).st_size == PLENTY.output
    finally:
        os.close(file)


SHOW_LIMITS = """import resource, sys
sys.stdin.read()
for name in "AS NOFILE FSIZE CORE CPU".split():
    print(*resource.getrlimit(getattr(resource, "RLIMIT_" + name)))"""


def test_the_limits_hold_before_the_text_is_there(loop: asyncio.Runner, program: Program) -> None:
    shown = (loop.run(ask(program(SHOW_LIMITS), b"text", PLENTY))).decode().splitlines()
    wanted = [child.MEMORY, child.OPEN_FILES, child.FILE_SIZE, 0, 21]
    assert shown == [f"{limit} {limit}" for limit in wanted]


def test_a_program_of_many_threads_has_their_time_and_stands_behind(loop: asyncio.Runner, program: Program) -> None:
    argv = program("import os, resource, sys\nsys.stdin.read()\nprint(resource.getrlimit(0)[0], os.nice(0))")
    assert resource.RLIMIT_CPU == 0
    niceness = min(os.nice(0) + 7, 19)
    bounds = Bounds(seconds=20, output=1000, cores=4, niceness=niceness)
    assert loop.run(ask(argv, b"", bounds)) == f"84 {niceness}\n".encode()


def test_a_program_can_not_take_all_memory(loop: asyncio.Runner, program: Program) -> None:
    hungry = program("import sys\nsys.stdin.read()\ntry:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print('no')")
    assert loop.run(ask(hungry, b"text", PLENTY)) == b"no\n"


def test_our_own_limits_stay_as_they_are(loop: asyncio.Runner, program: Program) -> None:
    before = [resource.getrlimit(limit) for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)]
    loop.run(ask(program("cat"), b"text", PLENTY))
    after = [resource.getrlimit(limit) for limit in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)]
    assert before == after


def test_a_program_sees_none_of_our_secrets(
    loop: asyncio.Runner, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTPVOICE_ARI_PASSWORD", "swordfish")
    shown = (loop.run(ask(program("env; pwd; ls /proc/self/fd"), b"", PLENTY))).decode()
    assert "swordfish" not in shown
    assert f"PATH={os.environ['PATH']}" in shown
    assert "\n/\n" in shown


def test_a_caller_that_goes_takes_the_program_along(loop: asyncio.Runner, program: Program, tmp_path: Path) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)

    async def go_away() -> None:
        task = asyncio.create_task(ask(program(f"echo > {started}; exec sleep {NAP}"), b"text", PLENTY))
        await asyncio.to_thread(started.read_bytes)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        loop.run(go_away())


def test_many_programs_at_once_are_all_heard(loop: asyncio.Runner, program: Program) -> None:
    argv = program("cat")
    texts = [str(number).encode() * 500 for number in range(30)]

    async def at_once() -> list[bytes]:
        return await asyncio.gather(*(ask(argv, text, PLENTY) for text in texts))

    assert loop.run(at_once()) == texts
