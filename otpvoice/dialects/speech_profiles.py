"""The voices that a callflow may ask for, by the names that they have there: hosted products' and our own.

Of hosted voices those are listed that the vendors' public lists have and for which somebody of ours stands in; any
other name of theirs is understood all the same (``hosted_voices``). Which voices of ours there are is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from otpvoice.dialects.hosted_voice_names import ALONE, LETTER_FEMALE
from otpvoice.dialects.hosted_voices import engine_voice
from otpvoice.dialects.locale_names import locale_name
from otpvoice.dialects.offers import SpeechProfile

StandIn: TypeAlias = Callable[[str, bool | None], str | None]
"""``CallDefaults.stand_in``."""

_WOMEN_AND_MEN: Final = """
    af-ZA Adri Willem, am-ET Mekdes Ameha, ar-AE Fatima Hamdan, ar-EG Salma Shakir, az-AZ Banu Babek,
    bg-BG Kalina Borislav, bn-BD Nabanita Pradeep, bs-BA Vesna Goran, ca-ES Joana Enric, cs-CZ Vlasta Antonin,
    cy-GB Nia Aled, da-DK Christel Jeppe, de-AT Ingrid Jonas, de-CH Leni Jan, de-DE Katja Conrad,
    el-GR Athina Nestoras, en-AU Natasha William, en-CA Clara Liam, en-GB Sonia Ryan, en-HK Yan Sam,
    en-IE Emily Connor, en-IN Neerja Prabhat, en-KE Asilia Chilemba, en-NG Ezinne Abeo, en-NZ Molly Mitchell,
    en-PH Rosa James, en-SG Luna Wayne, en-TZ Imani Elimu, en-US Jenny Guy, en-ZA Leah Luke, es-AR Elena Tomas,
    es-CL Catalina Lorenzo, es-CO Salome Gonzalo, es-ES Elvira Alvaro, es-MX Dalia Jorge, es-PE Camila Alex,
    es-US Paloma Alonso, et-EE Anu Kert, eu-ES Ainhoa Ander, fa-IR Dilara Farid, fi-FI Noora Harri,
    fil-PH Blessica Angelo, fr-BE Charline Gerard, fr-CA Sylvie Jean, fr-CH Ariane Fabrice, fr-FR Denise Henri,
    ga-IE Orla Colm, gl-ES Sabela Roi, gu-IN Dhwani Niranjan, he-IL Hila Avri, hi-IN Swara Madhur,
    hr-HR Gabrijela Srecko, hu-HU Noemi Tamas, hy-AM Anahit Hayk, id-ID Gadis Ardi, is-IS Gudrun Gunnar,
    it-IT Elsa Diego, ja-JP Nanami Keita, jv-ID Siti Dimas, ka-GE Eka Giorgi, kk-KZ Aigul Daulet,
    km-KH Sreymom Piseth, kn-IN Sapna Gagan, ko-KR SunHi InJoon, lo-LA Keomany Chanthavong, lt-LT Ona Leonas,
    lv-LV Everita Nils, mk-MK Marija Aleksandar, ml-IN Sobhana Midhun, mn-MN Yesui Bataa, mr-IN Aarohi Manohar,
    ms-MY Yasmin Osman, mt-MT Grace Joseph, my-MM Nilar Thiha, nb-NO Pernille Finn, ne-NP Hemkala Sagar,
    nl-BE Dena Arnaud, nl-NL Fenna Maarten, pa-IN Vaani Ojas, pl-PL Agnieszka Marek, ps-AF Latifa GulNawaz,
    pt-BR Francisca Antonio, pt-PT Raquel Duarte, ro-RO Alina Emil, ru-RU Svetlana Dmitry, si-LK Thilini Sameera,
    sk-SK Viktoria Lukas, sl-SI Petra Rok, so-SO Ubax Muuse, sq-AL Anila Ilir, sr-RS Sophie Nicholas,
    su-ID Tuti Jajang, sv-SE Sofie Mattias, sw-KE Zuri Rafiki, sw-TZ Rehema Daudi, ta-IN Pallavi Valluvar,
    te-IN Shruti Mohan, th-TH Premwadee Niwat, tr-TR Emel Ahmet, uk-UA Polina Ostap, ur-PK Uzma Asad,
    uz-UZ Madina Sardor, vi-VN HoaiMy NamMinh, zh-CN Xiaoxiao Yunxi, zh-HK HiuMaan WanLung, zh-TW HsiaoChen YunJhe,
    zu-ZA Thando Themba
"""
"""A tag, and of the voices that are named ``…Neural`` there a woman's and a man's."""
_IN_THEIR_PAGES: Final = ("en-US-ZiraRUS", "en-US-BenjaminRUS", "en-GB-Emma", "en-US-Neural2-C")
"""8x8, "Send Callflow", "Simple IVR", "Call Action Handling (IVR)"."""


def _codes() -> Iterator[str]:
    yield from _IN_THEIR_PAGES
    for row in _WOMEN_AND_MEN.split(","):
        tag, *names = row.split()
        yield from (f"{tag}-{name}Neural" for name in names)
    for tag, letter in LETTER_FEMALE:
        language, region = tag.split("-")
        yield f"{language}-{region.upper()}-Standard-{letter.upper()}"
    for name, (tag, _) in ALONE.items():
        if "-" in tag:  # else it would be no tag in front of a name
            yield f"{tag}-{name.title()}"


CODES: Final = tuple(dict.fromkeys(_codes()))
"""Hosted voices by name."""


def profiles(stand_in: StandIn, own: Iterable[tuple[str, str]] = ()) -> Sequence[SpeechProfile]:
    """Return all voices that may be asked for, by language and name, each once.

    ``own``: our voices as a request writes them, each with its BCP 47 tag.
    """
    found = {one.code: one for one in _hosted(stand_in)}
    for code, tag in own:
        found.setdefault(code, SpeechProfile(code, tag))
    return sorted(found.values(), key=lambda one: (one.language.lower(), one.code))


def language_of(code: str, known: Iterable[SpeechProfile]) -> str | None:
    """Return the language of a profile; None: it is not among those that are known."""
    return next((one.language for one in known if one.code == code), None)


def shown(profile: SpeechProfile) -> dict[str, Any]:
    """Return a profile as it is answered (8x8, "Get speech profiles"); without ``gender`` where nobody knows it."""
    said: dict[str, Any] = {
        "speechProfileCode": profile.code,
        "localeCode": profile.language,
        "localeDescription": locale_name(profile.language),
    }
    return said if profile.female is None else said | {"gender": "F" if profile.female else "M"}


def _hosted(stand_in: StandIn) -> Iterator[SpeechProfile]:
    spoken: dict[tuple[str, bool | None], bool] = {}
    for code in CODES:
        voice = engine_voice(code)
        if voice is None or voice.language is None:
            continue
        kind = voice.language, voice.female
        if kind not in spoken:
            spoken[kind] = stand_in(*kind) is not None
        if spoken[kind]:
            yield SpeechProfile(code, voice.language, voice.female)
