"""Names of hosted products' voices: each shape, what is no such name, and the table itself."""

from __future__ import annotations

import re

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.core.locale import is_tag
from otpvoice.dialects import hosted_voice_names as names
from otpvoice.dialects.hosted_voices import LONGEST, HostedVoice, engine_voice, spoken_as

WOMAN, MAN, UNKNOWN = True, False, None


@pytest.mark.parametrize(
    ("name", "language", "female"),
    [
        ("en-IE-EmilyNeural", "en-IE", WOMAN),
        ("en-IE-ConnorNeural", "en-IE", MAN),
        ("zh-CN-XiaoxiaoNeural", "zh-CN", WOMAN),
        ("en-US-AvaMultilingualNeural", "en-US", WOMAN),
        ("en-US-JennyMultilingualV2Neural", "en-US", WOMAN),
        ("en-US-OnyxMultilingualNeuralHD", "en-US", MAN),
        ("en-US-NovaTurboMultilingualNeural", "en-US", WOMAN),
        ("en-IN-NeerjaExpressiveNeural", "en-IN", WOMAN),
        ("zh-CN-XiaoxiaoDialectsNeural", "zh-CN", WOMAN),
        ("zh-CN-liaoning-XiaobeiNeural", "zh-CN", WOMAN),
        ("sr-Latn-RS-NicholasNeural", "sr-Latn-RS", MAN),
        ("fil-PH-BlessicaNeural", "fil-PH", WOMAN),
        ("en-US-ZiraRUS", "en-US", WOMAN),
        ("en-US-Guy24kRUS", "en-US", MAN),
        ("en-GB-Susan-Apollo", "en-GB", WOMAN),
        ("ar-EG-Hoda", "ar-EG", WOMAN),
        ("es-419-SomebodyNewNeural", "es-419", UNKNOWN),
        ("de-DE-SomebodyNewNeural", "de-DE", UNKNOWN),
        ("en-US-BlueNeural", "en-US", UNKNOWN),
        ("en-US_MichaelV3Voice", "en-US", MAN),
        ("Microsoft Server Speech Text to Speech Voice (en-IE, EmilyNeural)", "en-IE", WOMAN),
        ("Microsoft Server Speech Text to Speech Voice (en-IN, Ravi, Apollo)", "en-IN", MAN),
        ("azure.de-DE-KatjaNeural", "de-DE", WOMAN),
        ("Joanna", "en-US", WOMAN),
        ("MATTHEW", "en-US", MAN),
        ("Léa", "fr-FR", WOMAN),
        ("Zeina", "ar", WOMAN),
        ("Hiujin", "zh-HK", WOMAN),
        ("Polly.Joanna-Neural", "en-US", WOMAN),
        ("AWS.Polly.Daniel-Generative", "de-DE", MAN),
        ("amazon.Emma:neural:en-GB", "en-GB", WOMAN),
        ("en-US-Wavenet-D", "en-US", MAN),
        ("en-GB-Neural2-A", "en-GB", WOMAN),
        ("lt-LT-Standard-A", "lt-LT", MAN),
        ("de-DE-Polyglot-1", "de-DE", UNKNOWN),
        ("cmn-TW-Wavenet-A-Alpha", "cmn-TW", WOMAN),
        ("yue-HK-Standard-B", "yue-HK", MAN),
        ("ar-XA-Standard-B", "ar", MAN),
        ("Google.en-US-Chirp3-HD-Kore", "en-US", WOMAN),
        ("en-US-Chirp-HD-F", "en-US", WOMAN),
        ("f-en-US", "en-US", WOMAN),
        ("f-FR-fr", "fr-FR", WOMAN),
        ("m-nb-NO", "nb-NO", MAN),
        ("alice", None, WOMAN),
        ("woman", None, WOMAN),
        ("MAN", None, MAN),
        # Not as their vendors write them.
        ("EN-us-emilyneural", "en-US", WOMAN),
        ("polly.joanna", "en-US", WOMAN),
        ("nb-no-Standard-E", "nb-NO", WOMAN),
        ("en_GB_SoniaNeural", "en-GB", WOMAN),
    ],
)
def test_a_hosted_name_says_language_and_gender(name: str, language: str | None, female: bool | None) -> None:
    assert engine_voice(name) == HostedVoice(language, female)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "espeak",
        "espeak:de",
        "espeak:en-gb+f2",
        "flite:slt",
        "piper:en_GB-alba-medium",
        "recorded:asterisk-en",
        "de-DE",
        "de",
        "en-US-",
        "en-US-A",
        "en-US-1a",
        "-en-US-Emily",
        "my-co-voice",
        "foo-bar-baz",
        "Nobody",
        "Polly.Nobody-Neural",
        "Polly.",
        "Google.",
        "x-en-US",
        "f-en-us-x",
        "en-US-Emily Neural",
        "en-US-EmilyNeural\n",
        "en-US-EmilyNeural; rm -rf /",
        "en-US-Émilie",
        "Microsoft Server Speech Text to Speech Voice ()",
        "Microsoft Server Speech Text to Speech Voice (en-IE, EmilyNeural",
        "Microsoft Server Speech Text to Speech Voice (EmilyNeural)",
        "en-US-" + "E" * LONGEST,
        "en-US" + "-A" * 100_000,
    ],
    ids=lambda name: name[:40],
)
def test_what_is_no_hosted_name(name: str) -> None:
    assert engine_voice(name) is None


@pytest.mark.parametrize(
    ("voice", "asked", "spoken"),
    [
        (HostedVoice("en-IE", WOMAN), None, "en-IE"),
        (HostedVoice(None, WOMAN), "fr_CA", "fr_CA"),
        (HostedVoice(None, WOMAN), None, None),
        # The voice's region stays, however the language is written.
        (HostedVoice("en-GB", WOMAN), "en-US", "en-GB"),
        (HostedVoice("zh-TW", WOMAN), "cmn-CN", "zh-TW"),
        (HostedVoice("no-NO", WOMAN), "nb", "no-NO"),
        # Another language is another one.
        (HostedVoice("en-US", WOMAN), "de-AT", "de-AT"),
    ],
)
def test_in_which_language_a_voice_of_ours_is_looked_for(
    voice: HostedVoice, asked: str | None, spoken: str | None
) -> None:
    assert spoken_as(voice, asked) == spoken


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("en-gb-SoniaNeural", "en-GB"),
        ("en-UK-Somebody", "en-GB"),
        ("en-GB-WLS-Geraint", "en-GB"),
        ("cmn-CN-Wavenet-A", "cmn-CN"),
        ("yue-HK-Standard-A", "yue-HK"),
        ("ar-XA-Standard-A", "ar"),
        ("no-NO-Standard-A", "no-NO"),
        ("sr-latn-rs-SophieNeural", "sr-Latn-RS"),
    ],
)
def test_a_language_is_the_vendors_tag_as_tags_are_written(name: str, language: str) -> None:
    found = engine_voice(name)
    assert found is not None
    assert found.language == language


def test_a_language_of_the_table_that_is_packaged_is_found() -> None:
    locales = load_locales()
    languages = sorted({tag for tag, _ in names.ALONE.values()} | {tag for tag, _ in names.LETTER_FEMALE})
    found = {tag: locale.tag for tag in languages if (locale := locales.find(tag)) is not None}
    assert len(found) > 40
    assert {tag: found[tag] for tag in ("cmn-cn", "cmn-tw", "yue-hk", "ar-xa", "zh-HK")} == {
        "cmn-cn": "zh", "cmn-tw": "zh-TW", "yue-hk": "zh-HK", "ar-xa": "ar", "zh-HK": "zh-HK",
    }  # fmt: skip


def test_every_entry_of_the_table_is_well_formed_and_says_one_thing() -> None:
    written = [*names._FEMALE.split(), *names._MALE.split()]
    assert len(written) == len(set(map(str.lower, written))) == len(names.FEMALE)
    assert not [name for name in written if not re.fullmatch("[A-Z][A-Za-z]+", name)]
    assert all(re.fullmatch("[a-z]+", name) and is_tag(tag) for name, (tag, _) in alone())
    assert sum(len(line.split()) - 2 for line in names._ALONE.strip().splitlines()) == len(names.ALONE), (
        "one name twice"
    )
    assert all(is_tag(tag) and re.fullmatch("[a-z]", letter) for tag, letter in names.LETTER_FEMALE)
    letters = sum(len(row.partition(":")[2]) - 1 for row in names._LETTERS.split())
    assert letters == len(names.LETTER_FEMALE), "one letter twice"


@pytest.mark.parametrize("name", sorted(names.ALONE))
def test_who_is_named_alone_is_found_under_a_tag_too(name: str) -> None:
    tag, female = names.ALONE[name]
    found = engine_voice(name)
    assert found == HostedVoice(tag, female)
    assert engine_voice(f"en-US-{name.title()}") == HostedVoice("en-US", names.FEMALE.get(name, female))


def alone() -> list[tuple[str, tuple[str, bool]]]:
    return list(names.ALONE.items())
