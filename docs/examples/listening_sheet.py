"""A sheet for people who speak a language: what a call says in it, as sound, as a picture and in writing.

python listening_sheet.py FOLDER [--language TAG …] [--code 482913] [--voice SPEC], and open FOLDER/sheet.html. The
folder can be sent. Needs otpvoice and its voices on this machine; calls nobody. Invent the code: the sheet shows it.
"""

import argparse
import asyncio
import os
import sys
from html import escape
from pathlib import Path

from otpvoice.cli.sound_file import wave
from otpvoice.cli.speaking import NotSet, at_hand, renderer
from otpvoice.cli.waveform import Part, svg
from otpvoice.core.actions import ANY_KEY, LanguageKey, SayCode
from otpvoice.core.locale import Locale, Locales
from otpvoice.core.question import Manner, failure_script, gate_script, offer_script
from otpvoice.core.reading import closing_script, code_script
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter, Script, Silence, SpeechUnavailable, Spoken, Words
from otpvoice.media.clip import MASTER_RATE, Clip

PAUSE = Silence(1.2)
HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Listening sheet</title><style>
:root { color-scheme: light dark } body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem;
max-width: 66rem } section { border-top: 1px solid; margin-top: 2rem } h2 small { opacity: .7; font-weight: normal }
h3 { margin: 1rem 0 0 } audio, textarea { width: 100%; margin: .5rem 0; font: inherit; box-sizing: border-box }
img { max-width: 100%; border-radius: 6px } blockquote { font-size: 1.2rem; margin: .5rem 1rem } p { margin: .3rem 0 }
fieldset { border: 1px solid; border-radius: 6px; margin-top: 1rem } label { display: block }</style>
<h1>Listening sheet</h1><p>Listen to the language that you speak, and write the code down; only then read what should
have been heard. Tick what is right, and write what is not: which word, and how you would say it. This page keeps
nothing and sends nothing: print it into a file when you are done, and give it back with your name as it may stand
under <code>reviewed_by</code> in the language pack.</p>
"""
SECTION = """<section><h2><bdi lang="{tag}">{name}</bdi> <small>{english}, {tag}, reviewed by {by}</small></h2>
<h3>A call</h3><audio controls preload="metadata" src="{tag}.wav"></audio>
<details><summary>What should have been heard</summary><blockquote lang="{tag}">{call}</blockquote>
<img loading="lazy" src="{tag}.svg" alt="The waveform, its digits marked"></details>
<h3>What other calls say, and every digit</h3><audio controls preload="metadata" src="{tag}-others.wav"></audio>
<details><summary>What should have been heard</summary><blockquote lang="{tag}">{others}</blockquote></details>
<fieldset><legend>Is it right?</legend>
<label><input type="checkbox"> Each digit is the right one, and none can be taken for another</label>
<label><input type="checkbox"> Each sentence is how one says it, and polite</label>
<label><input type="checkbox"> The keys (one, star, pound) are called as people call them on a telephone</label>
<label><input type="checkbox"> The speed is right to write along</label>
<label><input type="checkbox"> Words are stressed where they should be, and none is read in another language</label>
<label><input type="checkbox"> Nothing is cut off, and no digit is glued to the next</label></fieldset>
<textarea rows="3" placeholder="What is not right, and your name"></textarea></section>
"""


def scripts(tag: str, code: OtpCode, voice: str | None, locales: Locales) -> tuple[Script, Script]:
    """Return a call from its question for a key to its end, and what only other calls say."""
    manner = Manner(tag, voice, locales)
    say = SayCode(code, voice=voice, languages=(LanguageKey("#", tag),))
    digits = SayCode(OtpCode("0123456789"), brand="Example", times=1, voice=voice)
    call = (*gate_script(say, "1", manner), PAUSE, *code_script(say, tag, voice, locales), PAUSE)
    ending = (*offer_script(say, "*", tag, manner), PAUSE, *closing_script(say, tag, voice, locales))
    others = (*gate_script(digits, ANY_KEY, manner), PAUSE, *failure_script(digits, manner), PAUSE)
    return (*call, *ending), (*others, *code_script(digits, tag, voice, locales))


def part(item: Spoken, clip: Clip) -> Part:
    """Return a piece of the picture."""
    if isinstance(item, CodeCharacter):
        return Part("character", clip.master, item.character)
    return Part("words", clip.master, item.text) if isinstance(item, Words) else Part("gap", clip.master)


def written(script: Script) -> str:
    """Return what is said, a line for each sentence; the characters of a reading stand side by side."""
    lines = [""]
    for item in script:
        if isinstance(item, Words):
            lines += [item.text, ""]
        elif isinstance(item, CodeCharacter):
            lines[-1] += f"{item.character} "
    return "".join(f'<p dir="auto">{escape(line)}</p>' for line in lines if line)


async def main(folder: Path, languages: list[str], code: OtpCode, voice: str | None) -> None:
    """Make the files of each language, and the sheet of all."""
    speech, at_once = at_hand(os.environ), asyncio.Semaphore(3)  # languages
    packs = {pack.tag: pack for tag in languages or speech.locales.tags if (pack := speech.locales.find(tag))}

    async def section(pack: Locale) -> str:
        said = scripts(pack.tag, code, voice, speech.locales)
        try:
            async with at_once:
                voices.check(pack.tag, voice)
                clips = [await voices.clips(script) for script in said]
        except (ValueError, SpeechUnavailable) as error:
            sys.stderr.write(f"{pack.tag} is left out: {error}\n")
            return ""
        for kind, made in zip(("", "-others"), clips, strict=True):  # as a telephone has it
            (folder / f"{pack.tag}{kind}.wav").write_bytes(wave(b"".join(clip.telephone for clip in made), "pcm"))
        picture = svg(list(map(part, said[0], clips[0])), MASTER_RATE, f"A call in {pack.english}")
        (folder / f"{pack.tag}.svg").write_text(picture, "utf-8")
        texts = {"call": written(said[0]), "others": written(said[1])}
        names = {"name": pack.name, "english": pack.english, "by": ", ".join(pack.reviewed_by) or "nobody yet"}
        return SECTION.format(tag=pack.tag, **texts, **{key: escape(name) for key, name in names.items()})

    async with renderer(speech) as voices:
        sections = [made for made in await asyncio.gather(*map(section, packs.values())) if made]
    if not sections:
        sys.exit("no language is left: otpvoice voices lists them")
    (folder / "sheet.html").write_text(HEAD + "".join(sections), "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", action="append", default=[])
    parser.add_argument("--code", type=OtpCode, default=OtpCode("482913"))
    parser.add_argument("--voice")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(main(asked.folder, asked.language, asked.code, asked.voice))
    except (NotSet, ValueError) as error:
        sys.exit(str(error))
