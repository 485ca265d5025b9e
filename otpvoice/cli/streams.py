"""The command about media streams, with its options: ``stream-sink``.

What it does is in the module of the same name, imported when it runs.
"""

from __future__ import annotations

from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("stream-sink")(_stream_sink)


def _stream_sink(
    *,
    where: Annotated[str, typer.Option("--bind", metavar="HOST:PORT", help="Where to listen.")] = "127.0.0.1:8765",
    folder: Annotated[str, typer.Option("--dir", metavar="DIR", help="Where the WAV files go.")] = "streams",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    basic: Annotated[
        str | None,
        typer.Option(metavar="USER:PASSWORD", envvar="OTPVOICE_SINK_BASIC", help="Let in only who has these."),
    ] = None,
    bearer: Annotated[
        str | None, typer.Option(metavar="TOKEN", envvar="OTPVOICE_SINK_BEARER", help="Let in only who has this token.")
    ] = None,
    signature_secret: Annotated[
        str | None,
        typer.Option(
            metavar="SECRET", envvar="OTPVOICE_SINK_SIGNATURE_SECRET", help="Let in only who signs with this secret."
        ),
    ] = None,
) -> None:
    """Be a WebSocket that calls are streamed to: print what comes, and keep each track as a WAV file."""
    from otpvoice.cli.stream_auth import Asked  # noqa: PLC0415
    from otpvoice.cli.stream_sink import stream_sink  # noqa: PLC0415

    asked = Asked(basic, bearer, signature_secret)
    raise typer.Exit(stream_sink(where, folder, as_json_lines=as_json, asked=asked))
