"""Texts that mean harm, and programs that do it: whatever is said, it is only said; whatever fails, is over in time.

Paths in the texts are those of a named pipe: whoever opened it, to read or to write, would wait for ever, and fail at
the deadline. So no trace of system calls is needed to know that nobody did.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from otpvoice.adapters.speech.engines.espeak import Espeak
from otpvoice.adapters.speech.engines.flite import Flite
from otpvoice.adapters.speech.engines.piper import Piper
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave
from otpvoice.testkit.programs import find
from tests.adapters.speech_programs import NAP, PIPER, nothing_left, script, voice_file

ENGINES = ("espeak", "flite", "piper")
PLENTY = 30.0
"""Seconds, where nothing should take long: the machine may be busy."""
TIGHT = 0.15
"""Seconds, for what takes for ever."""
Maker = Callable[[str, float], Voice]


@pytest.fixture
def engine_of(tmp_path: Path) -> Maker:
    """Returns an engine that runs a program of a test."""
    voice_file(tmp_path / "voices", "en_US-none-low", "en_US")

    def make(kind: str, deadline: float, program: str | None = None) -> Voice:
        program = program or str(tmp_path / "fake")
        if kind == "espeak":
            return Espeak(program, deadline)
        return Flite(program, deadline) if kind == "flite" else Piper(tmp_path / "voices", program, deadline)

    return make


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path, engine_of: Callable[..., Voice]) -> Voice:
    """The real espeak-ng, the real Flite, and what behaves as piper does."""
    kind: str = request.param
    program = {"espeak": "espeak-ng", "flite": "flite"}.get(kind)
    path = find(program) if program else script(tmp_path / "piper", PIPER)
    return engine_of(kind, 3.0, str(path))


@pytest.fixture
def pipe() -> Iterator[Path]:
    """Whoever opens it waits for ever. Its path is short: flite takes what has a space in it for no path."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "p"
        os.mkfifo(path)
        yield path
        assert os.listdir(folder) == ["p"]


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """No process, and no file that was not there, neither of ours nor where the programs are."""
    with nothing_left([str(tmp_path)]):
        before = set(os.listdir("/"))
        yield
        assert set(os.listdir("/")) == before
    assert {path.name for path in tmp_path.iterdir()} <= {"voices", "piper", "fake"}


def seconds(wave: Wave) -> float:
    return len(wave.pcm) / 2 / wave.rate


PATHS = [
    "-f{p}",
    "-f {p}",
    "-w{p}",
    "-o {p}",
    "--output_file={p}",
    "--stdout -w{p}",
    "-voice {p}",
    "--phonout={p}",
    "{p}",
    "file://{p}",
    "<audio src='{p}'/> hello",
    "<speak>hello <audio src='file://{p}'>x</audio></speak>",
    "<voice name='{p}'>hello</voice>",
    '<!DOCTYPE s [<!ENTITY e SYSTEM "{p}">]><speak>&e;</speak>',
    "$(cat {p}) `cat {p}` ; cat {p} | sh & > {p}",
    '{{"text": "x", "output_file": "{p}"}}',
    "hello\n-f{p}\n--help",
]


@pytest.mark.parametrize("text", PATHS)
async def test_a_path_in_a_text_is_read_aloud_and_not_opened(text: str, engine: Voice, pipe: Path) -> None:
    text = text.format(p=pipe)
    wave = await engine.render(text, "en", None, 2.0)
    words = await engine.render(("word " * len(text))[: len(text)], "en", None, 2.0)
    # Signs are read by their names; no more than that is heard, and no less.
    assert 0.5 * seconds(words) < seconds(wave) < 5 * seconds(words) + 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[f@U]]", "[ [f@U]]"),
        ("hello\x00world", "hello world"),
        ("hello \x0150S \x1b[2Jworld", "hello 50S [2Jworld"),
        ("hello \udcff\ud83d world", "hello world"),
        ("\u202eolleh\u202c \u2066dlrow\u2069", "olleh dlrow"),
        ("hello\r\n\r\n\tworld", "hello world"),
        ("%s%n%p", "%s%n%p "),
        ("e" + "\u0301" * 2900, "e" + "\u0301" * 9),
        ("a" * 1000, "a" * 1000),
    ],
    ids=[
        "phonemes",
        "NUL",
        "commands",
        "surrogates",
        "directions",
        "lines",
        "formats",
        "marks",
        "a",
    ],
)
async def test_a_hostile_text_is_no_more_than_its_words(text: str, words: str, engine: Voice) -> None:
    wave = await engine.render(text, "en", None, 2.0)
    assert wave == await engine.render(words, "en", None, 2.0)
    assert 0 < seconds(wave) < (10 if len(words) < 300 else 300)


@pytest.mark.parametrize(
    ("markup", "read"),
    [
        ("<break time='60s'/> a", "< break time='60s'/> a"),
        ("&lt;b&gt; &#65; &amp;", "& lt;b& gt; & #65; & amp;"),
        ("<voice name='rms'>hello</voice>", "< voice name='rms'>hello< /voice>"),
        ("<say-as interpret-as='characters'>abc</say-as>", "< say-as interpret-as='characters'>abc< /say-as>"),
    ],
    ids=["pause", "entities", "voice", "spelling"],
)
async def test_markup_is_read_aloud_and_not_obeyed(markup: str, read: str, engine: Voice) -> None:
    signs = seconds(await engine.render(read, "en", None, 2.0))
    assert seconds(await engine.render(markup, "en", None, 2.0)) == pytest.approx(signs, rel=0.2)


@pytest.mark.parametrize("text", ["\x00\x01\x02\x7f", "\ud800\udfff", "\u202e\u2066\ufeff", "\n\r\n", "--- ... !!!"])
async def test_a_text_of_nothing_is_silence(text: str, engine: Voice) -> None:
    assert (await engine.render(text, "en", None, 2.0)).pcm == b""


async def test_a_text_that_is_too_long_is_refused_before_anything_is_run(engine_of: Callable[..., Voice]) -> None:
    for kind in ENGINES:
        with pytest.raises(ValueError, match="a text has at most 3000 characters") as caught:
            await engine_of(kind, PLENTY, "/nowhere").render("secret " * 15_000, "en", None, 1.0)
        assert "secret" not in str(caught.value)


async def test_three_thousand_emoji_are_spoken_or_refused_in_time(engine: Voice) -> None:
    outcome = ""
    try:
        wave = await engine.render("\U0001f600" * 3000, "en", None, 2.0)
    except (ValueError, SpeechUnavailable) as error:
        outcome = str(error)
    else:
        assert seconds(wave) <= 600
    assert outcome in {"", "the engine wrote too much", "flite has no name for these signs"}


OUT = {"espeak": "cat", "piper": "cat", "flite": 'eval "cat > \\"\\${$#}\\""'}
"""How a stand-in writes what it gets, as the program of that name would."""
ENDLESS = dict.fromkeys(ENGINES, "exec cat /dev/zero") | {
    "flite": 'read text; eval "exec cat /dev/zero > \\"\\${$#}\\""'
}


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("kill -SEGV $$", "the engine ended with signal 11"),
        ("exit 139", "the engine ended with status 139"),
        ("cat > /dev/null; exit 1", "the engine ended with status 1"),
        ("head -c 5000 /dev/zero | OUT; exit 1", "the engine ended with status 1"),
        ("head -c 5000 /dev/zero | OUT; kill -KILL $$", "the engine ended with signal 9"),
        ("head -c 99999 /dev/urandom | OUT", "the engine wrote no sound"),
        ("echo error | OUT", "the engine wrote no sound"),
        ("printf '4821!' | OUT; printf 4821 >&2; exit 0", "the engine wrote no sound"),
        ("cat > /dev/null", "the engine wrote no sound"),
        (f"sleep {NAP} & cat > /dev/null", "the engine wrote no sound"),
        (f"sleep {NAP} < /dev/null > /dev/null 2>&1 & exit 1", "the engine ended with status 1"),
        (f"(sleep {NAP} & sleep {NAP}) & cat > /dev/null", "the engine wrote no sound"),
    ],
    ids=[
        *("crashes", "says that it crashed", "fails", "fails half way", "is killed half way", "writes garbage"),
        *(
            "writes an error",
            "repeats the text",
            "writes nothing",
            "leaves a child",
            "leaves one unseen",
            "leaves a family",
        ),
    ],
)
async def test_an_engine_that_fails_says_why_and_leaves_nothing(
    source: str, reason: str, kind: str, engine_of: Maker, tmp_path: Path
) -> None:
    # To piper's sound, garbage is what has an odd count of bytes, or is too short.
    script(tmp_path / "fake", source.replace("OUT", OUT[kind]))
    with pytest.raises(SpeechUnavailable) as caught:
        await engine_of(kind, PLENTY).render("4821", "en", None, 1.0)
    assert caught.value.reason == reason
    assert "4821" not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize("kind", ENGINES)
async def test_an_engine_that_writes_for_ever_is_stopped(kind: str, engine_of: Maker, tmp_path: Path) -> None:
    script(tmp_path / "fake", ENDLESS[kind])
    with pytest.raises(SpeechUnavailable, match="the engine wrote too much"):
        await engine_of(kind, PLENTY).render("4821", "en", None, 1.0)


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize(
    "source",
    [
        f"exec sleep {NAP}",
        f"sleep {NAP}",
        "trap '' TERM INT HUP; while :; do sleep 1; done",
        "kill -STOP $$",
        f"exec 1>&-; exec sleep {NAP}",
    ],
    ids=["hangs", "has a child that hangs", "heeds no signal", "is stopped", "says it is done"],
)
async def test_an_engine_that_hangs_is_over_at_its_deadline(
    source: str, kind: str, engine_of: Maker, tmp_path: Path
) -> None:
    script(tmp_path / "fake", source)
    with pytest.raises(SpeechUnavailable, match="the engine took longer than 0"):
        await engine_of(kind, TIGHT).render("4", "en", None, 1.0)
