"""What a language is called in English, with its region: for lists that people read.

Names as CLDR has them. What is not known is left as it is written.
"""

from __future__ import annotations

from typing import Final

from otpvoice.core.language_tags import is_tag

_LANGUAGES: Final = """
    af Afrikaans, am Amharic, an Aragonese, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian,
    bg Bulgarian, bn Bangla, bs Bosnian, ca Catalan, cmn Mandarin Chinese, cs Czech, cy Welsh, da Danish, de German,
    el Greek, en English, eo Esperanto, es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fil Filipino,
    fr French, ga Irish, gd Scottish Gaelic, gl Galician, gn Guarani, grc Ancient Greek, gu Gujarati, ha Hausa,
    hak Hakka Chinese, haw Hawaiian, he Hebrew, hi Hindi, hr Croatian, ht Haitian Creole, hu Hungarian, hy Armenian,
    ia Interlingua, id Indonesian, io Ido, is Icelandic, it Italian, iu Inuktitut, ja Japanese, jv Javanese,
    ka Georgian, kk Kazakh, kl Kalaallisut, km Khmer, kn Kannada, ko Korean, kok Konkani, ku Kurdish, ky Kyrgyz,
    la Latin, lb Luxembourgish, lo Lao, lt Lithuanian, ltg Latgalian, lv Latvian, mi Māori, mk Macedonian,
    ml Malayalam, mn Mongolian, mr Marathi, ms Malay, mt Maltese, my Burmese, nb Norwegian, nci Classical Nahuatl,
    ne Nepali, nl Dutch, nn Norwegian Nynorsk, no Norwegian, om Oromo, or Odia, pa Punjabi, pap Papiamento, pl Polish,
    ps Pashto, pt Portuguese, qu Quechua, quc Kʼicheʼ, ro Romanian, ru Russian, sd Sindhi, shn Shan, si Sinhala,
    sk Slovak, sl Slovenian, so Somali, sq Albanian, sr Serbian, su Sundanese, sv Swedish, sw Swahili, ta Tamil,
    te Telugu, th Thai, tk Turkmen, tl Filipino, tn Tswana, tr Turkish, tt Tatar, ug Uyghur, uk Ukrainian, ur Urdu,
    uz Uzbek, vi Vietnamese, yue Cantonese, zh Chinese, zu Zulu
"""
_REGIONS: Final = """
    029 Caribbean, 419 Latin America, AE United Arab Emirates, AF Afghanistan, AL Albania, AM Armenia, AR Argentina,
    AT Austria, AU Australia, AZ Azerbaijan, BA Bosnia and Herzegovina, BD Bangladesh, BE Belgium, BG Bulgaria,
    BR Brazil, CA Canada, CH Switzerland, CL Chile, CN China, CO Colombia, CZ Czechia, DE Germany, DK Denmark,
    EE Estonia, EG Egypt, ES Spain, ET Ethiopia, FI Finland, FR France, GB United Kingdom, GE Georgia, GR Greece,
    HK Hong Kong, HR Croatia, HU Hungary, ID Indonesia, IE Ireland, IL Israel, IN India, IQ Iraq, IR Iran, IS Iceland,
    IT Italy, JP Japan, KE Kenya, KH Cambodia, KR South Korea, KZ Kazakhstan, LA Laos, LK Sri Lanka, LT Lithuania,
    LV Latvia, MA Morocco, MK North Macedonia, MM Myanmar, MN Mongolia, MO Macao, MT Malta, MX Mexico, MY Malaysia,
    NG Nigeria, NL Netherlands, NO Norway, NP Nepal, NZ New Zealand, PE Peru, PH Philippines, PK Pakistan, PL Poland,
    PT Portugal, RO Romania, RS Serbia, RU Russia, SA Saudi Arabia, SE Sweden, SG Singapore, SI Slovenia, SK Slovakia,
    SO Somalia, TH Thailand, TR Türkiye, TW Taiwan, TZ Tanzania, UA Ukraine, US United States, UZ Uzbekistan,
    VN Vietnam, ZA South Africa
"""


def _by_code(rows: str) -> dict[str, str]:
    pairs = (row.split(maxsplit=1) for row in rows.split(","))
    return {code: " ".join(name.split()) for code, name in pairs}


LANGUAGES: Final = _by_code(_LANGUAGES)
REGIONS: Final = _by_code(_REGIONS)


def locale_name(tag: str) -> str:
    """Return the English name of a BCP 47 tag: ``German (Austria)``; the tag itself where the language is not known."""
    if not is_tag(tag):
        return tag
    language, *rest = tag.replace("_", "-").split("-")
    name = LANGUAGES.get(language.lower())
    if name is None:
        return tag
    region = next((REGIONS[one.upper()] for one in rest if one.upper() in REGIONS), None)
    return name if region is None else f"{name} ({region})"
