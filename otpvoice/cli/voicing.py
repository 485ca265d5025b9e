"""The commands ``say`` and ``voices``, with their options. What they do is in the modules of those names."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Telephone(StrEnum):
    """What the telephone gets: 16-bit PCM at 8 kHz, or that in a law of G.711."""

    ULAW = "ulaw"
    ALAW = "alaw"
    PCM = "pcm"


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("say")(_say)
    app.command("voices")(_voices)


def _say(
    text: Annotated[
        str | None, typer.Argument(help="A text; - reads it from standard input.", show_default=False)
    ] = None,
    *,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE.wav", help="Where to write it; - is standard output."),
    ] = None,
    code: Annotated[
        str | None,
        typer.Option(
            help="A code, read as in a call. Others on this machine can see it (ps), and shells keep it: - reads it"
            " from standard input."
        ),
    ] = None,
    language: Annotated[str | None, typer.Option(metavar="TAG", help="BCP 47, as in pt-BR.")] = None,
    voice: Annotated[
        str | None, typer.Option(help="As in a request: engine, engine:voice (see voices), or a hosted product's.")
    ] = None,
    brand: Annotated[str | None, typer.Option(help="Who sends the code.")] = None,
    template: Annotated[str | None, typer.Option(help="The sentence around it, with {code} and maybe {brand}.")] = None,
    speed: Annotated[
        float | None, typer.Option(min=0.5, max=2, help="1 is a calm reading.  [default: 1; of a code 0.9]")
    ] = None,
    times: Annotated[int | None, typer.Option(min=1, max=5, help="How often.  [default: 1; a code 2]")] = None,
    group: Annotated[
        int | None, typer.Option(min=0, max=12, help="Characters read together.  [default: as the language does]")
    ] = None,
    spelling: Annotated[
        bool, typer.Option("--spelling", help="Letters with a word each, as in B as in Bravo.")
    ] = False,
    telephone: Annotated[
        Telephone | None, typer.Option(help="What the telephone gets, at 8 kHz.  [default: the master, 16 kHz]")
    ] = None,
    picture: Annotated[
        str | None, typer.Option(metavar="FILE.svg", help="Also draw it, with the digits and the gaps marked.")
    ] = None,
) -> None:
    """Write what a callee would hear into a WAV file. It rings nobody, and needs no running otpvoice."""
    from otpvoice.cli.asked import Asked  # noqa: PLC0415
    from otpvoice.cli.say import say  # noqa: PLC0415

    asked = Asked(text, code, language, voice, speed, times, group, brand, template, spelling)
    raise typer.Exit(say(asked, output, picture=picture, coding=telephone.value if telephone else "master"))


def _voices(
    *,
    language: Annotated[
        str | None, typer.Option(metavar="TAG", help="The voices for this language, and its language pack.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """List the speech engines: what each can do, whether it is there, and if not, why."""
    from otpvoice.cli.voices import voices  # noqa: PLC0415

    raise typer.Exit(voices(language, as_json=as_json))
