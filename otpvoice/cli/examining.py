"""The command ``doctor``, with its options. What it does is in ``doctor``, imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("doctor")(_doctor)


def _doctor(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CHECK", help="Only this check, or all that begin so, as in redis. May be repeated."),
    ] = None,
    call: Annotated[
        str | None,
        typer.Option(metavar="TO", help="Also ring this number, speak a test code, and have it typed in again."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Base URL of the hook, for --call; without it by OTPVOICE_HTTP_BIND.")
    ] = None,
    admin_url: Annotated[
        str | None,
        typer.Option(help="Base URL where health is asked for; without it by OTPVOICE_ADMIN_BIND, else the hook's."),
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Bearer key for --call; rather by OTPVOICE_KEY or OTPVOICE_KEY_FILE.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as one line of JSON.")] = False,
) -> None:
    """Say what is wrong with this installation, and how to mend it.

    Exit code 0: all right, warnings or not; 1: something failed; 78: settings are wrong.
    """
    from otpvoice.cli.doctor import doctor  # noqa: PLC0415

    raise typer.Exit(doctor(only=only or (), call=call, url=url, admin_url=admin_url, key=key, as_json=as_json))
