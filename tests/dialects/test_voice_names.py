"""A voice as a request names it, and what is made of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otpvoice.dialects.voice_names import Casting, Spoken
from tests.dialects.account import DEFAULTS


@pytest.mark.parametrize(
    ("voice", "language", "otherwise", "spoken"),
    [
        (None, None, "en-US", Spoken(None, None)),
        (None, "de", "en-US", Spoken(None, "de")),
        # Ours stay as they are, and say nothing of a language.
        ("espeak", None, "en-US", Spoken("espeak", None)),
        ("espeak:de+f2", "fr", "en-US", Spoken("espeak:de+f2", "fr")),
        ("piper:de_DE-thorsten-medium", None, "en-US", Spoken("piper:de_DE-thorsten-medium", None)),
        ("recorded:asterisk-en", None, "en-US", Spoken("recorded:asterisk-en", None)),
        # Hosted ones bring their language, unless another is named.
        ("en-IE-EmilyNeural", None, "de", Spoken("espeak:en-ie+f2", "en-IE")),
        ("en-IE-EmilyNeural", "en-US", "de", Spoken("espeak:en-ie+f2", "en-US")),
        ("en-IE-EmilyNeural", "de", "en-US", Spoken("espeak:de+f2", "de")),
        ("cmn-CN-Wavenet-A", None, "en-US", Spoken("espeak:cmn-cn+f2", "cmn-CN")),
        # At home in no language.
        ("alice", None, "en-US", Spoken("espeak:en-us+f2", None)),
        ("man", None, "pt-BR", Spoken("espeak:pt-br", None)),
        ("woman", "fr", "en-US", Spoken("espeak:fr+f2", "fr")),
        # Nobody stands in: the name stays, and is refused with its language.
        ("woman", "tlh", "en-US", Spoken("woman", "tlh")),
        ("no-such-voice", None, "en-US", Spoken("no-such-voice", None)),
    ],
)
def test_a_hosted_voice_is_a_language_and_a_sex(
    voice: str | None, language: str | None, otherwise: str, spoken: Spoken
) -> None:
    assert Casting(DEFAULTS, otherwise).understood(voice, language) == spoken


def test_where_nobody_can_be_asked_who_stands_in_the_configured_voice_speaks() -> None:
    casting = Casting(replace(DEFAULTS, stand_in=None), "en-US")
    assert casting.understood("en-IE-EmilyNeural", None) == Spoken(None, "en-IE")
