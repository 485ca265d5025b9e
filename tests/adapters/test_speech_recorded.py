"""Recordings as a voice: which file says what, what is no recording, and what Debian's packages of Asterisk's hold."""

from __future__ import annotations

import os
import wave
from array import array
from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase, digits

import pytest
from structlog.testing import capture_logs

from otpvoice.adapters.locales import load_locales
from otpvoice.adapters.speech.engines import recording_file
from otpvoice.adapters.speech.engines.recorded import ASTERISK, BETWEEN, LOOK_EVERY, Recorded
from otpvoice.adapters.speech.phrases import phrases
from otpvoice.core.locale import Locales
from otpvoice.core.speech import SpeechUnavailable
from otpvoice.media.wav import Wave
from tests.adapters.audio_files import MU_LAW, wav
from tests.rig.sounds import asterisk_sounds

LOCALES = load_locales()
EN = LOCALES.lookup("en")


def sound(number: int, samples: int = 50) -> bytes:
    """PCM that is told apart from any other."""
    return array("h", [100 + number] * samples).tobytes()


def record(folder: Path, *names: str, rate: int = 8000) -> dict[str, Wave]:
    """Make recordings, each of its own sound; a name is a path below the folder, without ending."""
    made = {}
    for number, name in enumerate(names):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(sound(number), rate))
        made[name] = Wave(rate, sound(number))
    return made


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


async def reason(voice: Recorded, text: str, language: str = "en", name: str | None = None) -> str:
    with pytest.raises(SpeechUnavailable) as caught:
        await voice.render(text, language, name, 1)
    return caught.value.reason


# --- one's own --------------------------------------------------------------------------------------------------------

TEXTS: list[tuple[str, str]] = [
    *((f"en/{digit}", EN.word(digit)) for digit in digits),
    *((f"en/{letter}", EN.word(letter)) for letter in ascii_lowercase),
    ("en/capital-b", EN.word("B")),
    ("en/spelled-b", EN.spelled("b")),
    ("en/spelled-capital-b", EN.spelled("B")),
    ("en/code", "Your code is:"),
    ("en/code-acme-bank", "Your Acme Bank! code is:"),
    ("en/again", EN.again),
    ("en/closing", EN.closing),
    ("en/gate-1", "To hear your code, press one."),
    ("en/gate-star", "To hear your code, press star."),
    ("en/gate-any", EN.gate_any),
    ("en/gate-failure", EN.gate_failure),
    ("en/replay-pound", "To hear the code again, press pound."),
    ("en/choose-2", "For English, press two."),
]


async def test_each_text_of_a_pack_has_its_file(tmp_path: Path) -> None:
    made = record(tmp_path, *(name for name, _ in TEXTS))
    voice = Recorded(LOCALES, tmp_path)
    for name, text in TEXTS:
        assert await voice.render(text, "en", None, 1) == made[name], name
        assert await voice.render(text, "en", "en", 1) == made[name], name


@pytest.mark.parametrize("tag", LOCALES.tags)
async def test_in_every_language_each_digit_is_said_by_its_own_file(tag: str, tmp_path: Path) -> None:
    made = record(tmp_path, *(f"{tag}/{digit}" for digit in digits))
    voice = Recorded(LOCALES, tmp_path)
    locale = LOCALES.lookup(tag)
    assert [await voice.render(locale.word(digit), tag, None, 1) for digit in digits] == list(made.values())


BEHIND = Locales([replace(EN, code="{code} is your code.", code_with_brand="{code} is your {brand} code.")])
CAPITAL_BEHIND = Locales([replace(EN, capital="{letter}, a capital")])


async def test_what_is_said_behind_a_code_has_files_too(tmp_path: Path) -> None:
    made = record(tmp_path, "en/after-code", "en/after-code-acme")
    voice = Recorded(BEHIND, tmp_path)
    assert await voice.render("is your code.", "en", None, 1) == made["en/after-code"]
    assert await voice.render("is your Acme code.", "en", None, 1) == made["en/after-code-acme"]


async def test_what_tells_a_capital_is_where_the_pack_has_it(tmp_path: Path) -> None:
    record(tmp_path, "en/b", "en/capital", "sounds/en/digits/1", "sounds/en/letters/b", "sounds/en/uppercase")
    pause = bytes(2 * round(BETWEEN * 8000))
    for name, first in (("en", 0), ("asterisk-en", 3)):
        before = Recorded(LOCALES, tmp_path, tmp_path / "sounds")
        assert (await before.render(EN.word("B"), "en", name, 1)).pcm == sound(first + 1) + pause + sound(first)
        behind = Recorded(CAPITAL_BEHIND, tmp_path, tmp_path / "sounds")
        assert (await behind.render("b, a capital", "en", name, 1)).pcm == sound(first) + pause + sound(first + 1)


async def test_a_capital_is_put_together(tmp_path: Path) -> None:
    record(tmp_path, "en/b", "en/capital", "en/spelled-b")
    voice = Recorded(LOCALES, tmp_path)
    pause = bytes(2 * round(BETWEEN * 8000))
    assert await voice.render(EN.word("B"), "en", None, 1) == Wave(8000, sound(1) + pause + sound(0))
    assert await voice.render(EN.spelled("B"), "en", None, 1) == Wave(8000, sound(1) + pause + sound(2))
    record(tmp_path, "en/x", "en/y", "en/capital-b")
    assert await voice.render(EN.word("B"), "en", None, 1) == Wave(8000, sound(2)), "one file sounds better than two"


async def test_two_files_of_different_rates_are_not_one_text(tmp_path: Path) -> None:
    record(tmp_path, "en/b")
    record(tmp_path, "en/capital", rate=16000)
    assert "different rates" in await reason(Recorded(LOCALES, tmp_path), EN.word("B"))


@pytest.mark.parametrize(
    "text",
    ["Hello.", "482913", "four eight", "seven\0", "Your code is: seven", "7", "../7", "Your ../7 code is:", "x" * 3000],
)
async def test_what_no_pack_says_is_not_recorded(text: str, tmp_path: Path) -> None:
    record(tmp_path, "en/7", "en/code", "7", "Hello.")
    assert await reason(Recorded(LOCALES, tmp_path), text) == "not_recorded"


async def test_what_is_missing_is_left_to_others(tmp_path: Path) -> None:
    record(tmp_path, "en/7", "en/capital")
    voice = Recorded(LOCALES, tmp_path)
    for text in ("eight", "Your code is:", "Your Acme code is:", EN.word("B"), EN.spelled("b")):
        assert await reason(voice, text) == "not_recorded"


async def test_no_recording_of_a_sentence_without_the_brand_stands_in(tmp_path: Path) -> None:
    record(tmp_path, "en/code")
    assert await reason(Recorded(LOCALES, tmp_path), "Your Acme code is:") == "not_recorded"


async def test_a_region_holds_what_differs(tmp_path: Path) -> None:
    record(tmp_path, "pt/6", "pt/7", "pt_BR/6")
    (tmp_path / "pt" / "6.wav").write_bytes(wav(sound(8), 8000))
    voice = Recorded(LOCALES, tmp_path)
    six, seven = LOCALES.lookup("pt-BR").word("6"), LOCALES.lookup("pt-BR").word("7")
    assert await voice.render(seven, "pt-BR", None, 1) == Wave(8000, sound(1))
    assert await voice.render(six, "pt-BR", "pt-BR", 1) == Wave(8000, sound(2))
    assert await voice.render(LOCALES.lookup("pt").word("6"), "pt", None, 1) == Wave(8000, sound(8))
    assert voice.voices() == {"pt": "pt", "pt-BR": "pt-BR"}


async def test_a_voice_that_is_named_is_the_one_that_speaks(tmp_path: Path) -> None:
    made = record(tmp_path, "pt/6", "pt-BR/6")
    voice = Recorded(LOCALES, tmp_path)
    assert await voice.render(LOCALES.lookup("pt-BR").word("6"), "pt-BR", "pt", 1) == made["pt/6"]


async def test_who_speaks_for_another_region_has_the_words_of_that(tmp_path: Path) -> None:
    """A voice is asked in its own language, whatever pack the text is from."""
    made = record(tmp_path, "pt/closing")
    assert LOCALES.lookup("pt").closing != LOCALES.lookup("pt-BR").closing
    voice = Recorded(LOCALES, tmp_path)
    assert await voice.render(LOCALES.lookup("pt-BR").closing, "pt", "pt", 1) == made["pt/closing"]


@pytest.mark.parametrize(
    ("language", "name", "speed"), [("en", None, 1.5), ("en", "fr", 1.0), ("de", None, 1.0), ("en", "", 1.0)]
)
async def test_what_it_does_not_take(language: str, name: str | None, speed: float, tmp_path: Path) -> None:
    record(tmp_path, "en/7")
    with pytest.raises(ValueError, match=r"record|speed"):
        await Recorded(LOCALES, tmp_path).render("seven", language, name, speed)


async def test_a_text_that_is_far_too_long(tmp_path: Path) -> None:
    record(tmp_path, "en/7")
    with pytest.raises(ValueError, match="at most 3000 characters"):
        await Recorded(LOCALES, tmp_path).render("a" * 3001, "en", None, 1)


async def test_there_is_nothing_to_play_where_there_is_nothing_to_say(tmp_path: Path) -> None:
    record(tmp_path, "en/7")
    assert (await Recorded(LOCALES, tmp_path).render(" … ", "en", None, 1)).pcm == b""


# --- files ------------------------------------------------------------------------------------------------------------


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [a_pipe, a_folder, a_loop])
async def test_what_is_no_file_is_not_there(make: object, tmp_path: Path) -> None:
    record(tmp_path, "en/8")
    assert callable(make)
    make(tmp_path / "en" / "7.wav")
    assert await reason(Recorded(LOCALES, tmp_path), "seven") == "not_recorded"


@pytest.mark.parametrize(
    ("make", "why"), [(a_pipe, "is no file"), (a_folder, "can't be read"), (a_loop, "can't be read")]
)
def test_what_becomes_no_file_when_it_is_opened_is_unreadable(make: object, why: str, tmp_path: Path) -> None:
    assert callable(make)
    make(tmp_path / "7.wav")
    with pytest.raises(recording_file.Unreadable, match=why):
        recording_file.read(tmp_path / "7.wav")


BAD: list[tuple[str, bytes, str]] = [
    ("empty", b"", "no 16-bit PCM"),
    ("text", b"seven", "no 16-bit PCM"),
    ("no samples", wav(b"", 8000), "no 16-bit PCM"),
    ("8 bits", wav(bytes(100), 8000, bits=8), "no 16-bit PCM"),
    ("G.711", wav(bytes(100), 8000, bits=8, form=MU_LAW), "no 16-bit PCM"),
    ("3 channels", wav(bytes(600), 8000, channels=3), "no 16-bit PCM"),
    ("cut", wav(bytes(100), 8000)[:30], "no 16-bit PCM"),
    ("a rate of nothing", wav(bytes(100), 1), "a rate that is not usual"),
    ("too long", wav(bytes(2 * 8000 * 60 + 2), 8000), "too long"),
    ("too large", bytes(recording_file.LARGEST + 1), "too large"),
]


@pytest.mark.parametrize(("data", "why"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
async def test_what_is_no_recording_is_said_without_its_name(data: bytes, why: str, tmp_path: Path) -> None:
    record(tmp_path, "en/7")
    (tmp_path / "en" / "7.wav").write_bytes(data)
    with capture_logs() as logs:
        said = await reason(Recorded(LOCALES, tmp_path), "seven")
    assert why in said
    assert [line["event"] for line in logs] == ["speech.recording_unreadable"]
    assert "7.wav" not in said + str(logs)


async def test_stereo_is_made_mono(tmp_path: Path) -> None:
    record(tmp_path, "en/7")
    (tmp_path / "en" / "7.wav").write_bytes(wav(array("h", [100, 300] * 40).tobytes(), 44100, channels=2))
    assert await Recorded(LOCALES, tmp_path).render("seven", "en", None, 1) == Wave(
        44100, array("h", [200] * 40).tobytes()
    )


async def test_a_file_that_goes_while_it_is_looked_at_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, "en/7")

    def gone(path: Path) -> Wave:
        raise FileNotFoundError

    monkeypatch.setattr("otpvoice.adapters.speech.engines.recorded.read", gone)
    assert await reason(Recorded(LOCALES, tmp_path), "seven") == "not_recorded"


def edition_after(folder: Path, change: object) -> tuple[bool, bool]:
    """Return whether the edition is another at once, and when it is time to look."""
    clock = Clock()
    voice = Recorded(LOCALES, folder, clock=clock)
    before = voice.edition("en", None)
    assert callable(change)
    change()
    at_once = voice.edition("en", None) != before
    clock.now += LOOK_EVERY
    return at_once, voice.edition("en", None) != before


def test_a_file_that_is_replaced_makes_another_edition(tmp_path: Path) -> None:
    record(tmp_path, "en/7", "en/8", "de/7")
    seven, new = tmp_path / "en" / "7.wav", tmp_path / "en" / "9.wav"
    assert edition_after(tmp_path, lambda: None) == (False, False)
    assert edition_after(tmp_path, lambda: seven.write_bytes(wav(sound(3, 60), 8000))) == (False, True)
    assert edition_after(tmp_path, lambda: os.utime(seven, (1, 1))) == (False, True)
    assert edition_after(tmp_path, lambda: new.write_bytes(seven.read_bytes())) == (False, True)
    assert edition_after(tmp_path, seven.unlink) == (False, True)
    assert edition_after(tmp_path, lambda: os.utime(tmp_path / "de" / "7.wav", (1, 1))) == (False, False)
    assert edition_after(tmp_path, lambda: (tmp_path / "en" / "notes.txt").write_text("")) == (False, False)


def test_each_voice_has_its_own_edition(tmp_path: Path) -> None:
    record(tmp_path, "own/en/7", "own/en-GB/7", "sounds/en/digits/1")
    voice = Recorded(LOCALES, tmp_path / "own", tmp_path / "sounds")
    names: list[tuple[str, str | None]] = [("en", None), ("en-GB", None), ("en", "en"), ("en", "asterisk-en")]
    assert len({voice.edition(language, name) for language, name in names}) == len(names)


def test_a_folder_that_goes_is_no_fault(tmp_path: Path) -> None:
    record(tmp_path, "en/7")
    voice = Recorded(LOCALES, tmp_path)
    (tmp_path / "en" / "7.wav").unlink()
    (tmp_path / "en").rmdir()
    assert voice.edition("en", None)


# --- which folders ----------------------------------------------------------------------------------------------------


def test_folders_that_are_named_as_languages_are_languages(tmp_path: Path) -> None:
    record(tmp_path, "en/7", "zh-Hant/7", "README/7", ".git/7", "a b/7", "x/7")
    (tmp_path / "de").write_text("no folder")
    assert Recorded(LOCALES, tmp_path).voices() == {"en": "en", "zh-Hant": "zh-Hant"}


def test_it_says_what_is_missing(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert Recorded(LOCALES).missing() == "there is no folder of recordings"
    assert str(empty) in str(Recorded(LOCALES, empty).missing())
    assert str(tmp_path / "none") in str(Recorded(LOCALES, None, tmp_path / "none").missing())
    record(tmp_path, "own/en/7")
    assert Recorded(LOCALES, tmp_path / "own", empty).missing() is None


def test_it_declares_what_it_is(tmp_path: Path) -> None:
    record(tmp_path, "own/de/7", "sounds/en/digits/1")
    traits = Recorded(LOCALES, tmp_path / "own", tmp_path / "sounds").traits
    assert (traits.offline, traits.may_see_secrets, traits.speeds) == (True, True, None)
    assert traits.languages == {"de", "en"}
    assert traits.licence == "LicenseRef-own-recordings AND CC-BY-SA-3.0 AND CC-BY-3.0"


def test_it_says_which_recordings_are_lacking(tmp_path: Path) -> None:
    record(tmp_path, "en/0", "en/a", "en/capital")
    lacking = Recorded(LOCALES, tmp_path).lacking("en")
    assert "1" in lacking
    assert "capital-b" in lacking
    assert not {"0", "a", "capital-a", "capital"} & set(lacking)
    with pytest.raises(ValueError, match="no voice"):
        Recorded(LOCALES, tmp_path).lacking("de")


# --- Asterisk's -------------------------------------------------------------------------------------------------------


async def test_ones_own_come_first_and_asterisks_behind(tmp_path: Path) -> None:
    made = record(tmp_path, "own/en/7", "sounds/en/digits/7", "sounds/en/digits/8", "sounds/en/digits/1")
    voice = Recorded(LOCALES, tmp_path / "own", tmp_path / "sounds")
    assert await voice.render("seven", "en-IE", None, 1) == made["own/en/7"]
    assert await voice.render("eight", "en-IE", None, 1) == made["sounds/en/digits/8"]
    assert await voice.render("seven", "en", "asterisk-en", 1) == made["sounds/en/digits/7"]
    assert await reason(voice, "eight", "en", "en") == "not_recorded"


def test_folders_of_asterisks_are_told_by_their_names(tmp_path: Path) -> None:
    for name in ("en", "en_US_f_Allison", "es_MX_f_Allison", "de_DE", "custom", "silence", "fr_CA_f_June"):
        record(tmp_path, f"{name}/digits/1")
    (tmp_path / "it" / "letters").mkdir(parents=True)
    assert Recorded(LOCALES, None, tmp_path).voices() == {
        f"asterisk-{tag}": tag for tag in ("en", "en-US", "es", "es-MX", "de", "de-DE", "fr", "fr-CA")
    }


RAW: list[tuple[str, bytes, Wave]] = [
    (".sln16", sound(1), Wave(16000, sound(1))),
    (".sln", sound(1) + b"x", Wave(8000, sound(1))),
    (".ulaw", b"\xff\x80", Wave(8000, array("h", [0, 32124]).tobytes())),
    (".alaw", b"\xd5\xaa", Wave(8000, array("h", [8, 32256]).tobytes())),
]


@pytest.mark.parametrize(("ending", "data", "heard"), RAW, ids=[row[0] for row in RAW])
async def test_raw_formats_are_read(ending: str, data: bytes, heard: Wave, tmp_path: Path) -> None:
    folder = tmp_path / "en" / "digits"
    folder.mkdir(parents=True)
    (folder / f"1{ending}").write_bytes(data)
    assert await Recorded(LOCALES, None, tmp_path).render("one", "en", None, 1) == heard
    (folder / f"1{ending}").write_bytes(b"")
    assert "nothing is in a recording" in await reason(Recorded(LOCALES, None, tmp_path), "one")


async def test_the_best_format_is_taken(tmp_path: Path) -> None:
    record(tmp_path, "en/digits/1")
    (tmp_path / "en" / "digits" / "1.gsm").write_bytes(b"\xd0" * 33)
    (tmp_path / "en" / "digits" / "1.WAV").write_bytes(b"RIFF")
    assert (await Recorded(LOCALES, None, tmp_path).render("one", "en", None, 1)).rate == 8000
    (tmp_path / "en" / "digits" / "1.sln16").write_bytes(sound(1))
    assert (await Recorded(LOCALES, None, tmp_path).render("one", "en", None, 1)).rate == 16000


def test_prompts_in_gsm_only_are_none_and_it_says_where_others_are(tmp_path: Path) -> None:
    folder = tmp_path / "en" / "digits"
    folder.mkdir(parents=True)
    (folder / "1.gsm").write_bytes(b"\xd0" * 33)
    voice = Recorded(LOCALES, None, tmp_path)
    assert voice.voices() == {}
    assert "asterisk-core-sounds-<language>-wav" in str(voice.missing())
    assert "prompts in en are" in str(voice.missing())


# --- what Debian's packages hold --------------------------------------------------------------------------------------

LETTERS = {*ascii_lowercase}
CAPITALS = {f"capital-{letter}" for letter in ascii_lowercase}
SPELLED = {f"spelled-{letter}" for letter in ascii_lowercase}
SPELLED_CAPITALS = {f"spelled-capital-{letter}" for letter in ascii_lowercase}
KNOWN_TO_LACK: dict[str, set[str]] = {
    "en": set(),
    "es": CAPITALS | SPELLED | SPELLED_CAPITALS | {"closing"},
    "fr": SPELLED | SPELLED_CAPITALS,
    "it": SPELLED | SPELLED_CAPITALS,
    "ru": LETTERS | CAPITALS | SPELLED | SPELLED_CAPITALS,
}
"""Besides the sentences around a code, which none has."""


@pytest.fixture(scope="module")
def prompts() -> Recorded:
    return Recorded(LOCALES, None, asterisk_sounds())


def test_debian_has_prompts_in_five_languages(prompts: Recorded) -> None:
    assert prompts.missing() is None
    assert {f"{ASTERISK}{language}" for language in KNOWN_TO_LACK} <= prompts.voices().keys()


@pytest.mark.parametrize("language", KNOWN_TO_LACK)
def test_what_is_not_among_debians_prompts_is_known(language: str, prompts: Recorded) -> None:
    alphabets = phrases(LOCALES.lookup(language), LOCALES).alphabets
    lacking = set(prompts.lacking(f"{ASTERISK}{language}"))
    said = {name for alphabet in alphabets for name in alphabet} | {"closing"}
    assert lacking & said == KNOWN_TO_LACK[language]
    assert {"code", "again", "gate-any", "gate-1", "replay-1", "choose-1"} <= lacking


@pytest.mark.parametrize("language", KNOWN_TO_LACK)
async def test_each_of_debians_prompts_that_is_used_can_be_heard(language: str, prompts: Recorded) -> None:
    locale = LOCALES.lookup(language)
    heard: dict[str, Wave] = {}
    for alphabet in phrases(locale, LOCALES).alphabets:
        for name, text in alphabet.items():
            if name not in KNOWN_TO_LACK[language]:
                heard[name] = await prompts.render(text, language, f"{ASTERISK}{language}", 1)
    assert set(digits) <= heard.keys()
    for name, (rate, pcm) in heard.items():
        samples = array("h", pcm)
        assert rate == 8000
        assert 0.2 < len(samples) / rate < 4, name
        # Speech, and not the noise of a room: 300 is 41 dB below full scale.
        assert max(map(abs, samples)) > 3000, name
        assert sum(abs(sample) > 300 for sample in samples) > 0.1 * rate, name
    assert len({pcm for _, pcm in heard.values()}) == len(heard), "each says something else"


def test_files_are_read_as_the_standard_library_reads_them() -> None:
    path = asterisk_sounds() / "en" / "digits" / "7.wav"
    with wave.open(str(path)) as file:
        assert recording_file.read(path) == Wave(file.getframerate(), file.readframes(file.getnframes()))
