"""The commands that ask a running otpvoice: ``call``, ``calls`` and ``check``, with their options.

What they do is in the module of the same name, imported when the command runs.
"""

from __future__ import annotations

from typing import Annotated

import typer

Url = Annotated[str | None, typer.Option(help="Base URL of the hook. [env: OTPVOICE_URL; else by OTPVOICE_HTTP_BIND]")]
Key = Annotated[
    str | None,
    typer.Option(help="Bearer key; rather by OTPVOICE_KEY or OTPVOICE_KEY_FILE, since others can see this one."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole record as one line of JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("call")(_call)
    app.command("calls")(_calls)
    app.command("check")(_check)


def _call(
    to: Annotated[str, typer.Argument(help="The number to call: E.164 with plus, or a local number.")],
    *,
    code: Annotated[
        str | None,
        typer.Option(
            metavar="-", help="- reads the code from standard input. [env: OTPVOICE_CODE]", show_default=False
        ),
    ] = None,
    say: Annotated[str | None, typer.Option(help="A text to speak, before the code where there is one.")] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
    wait: Annotated[bool, typer.Option(help="Wait for the end; exit code 0 only if delivered.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="The same, and show what happens as it does; with --json, each event.")
    ] = False,
) -> None:
    """Place a call through a running otpvoice."""
    from otpvoice.cli.call import call  # noqa: PLC0415

    raise typer.Exit(call(to, code=code, say=say, url=url, key=key, as_json=as_json, wait=wait, follow=follow))


def _calls(
    call_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The call to show; without it, the latest are listed.")
    ] = None,
    *,
    state: Annotated[str | None, typer.Option(help="Only those in this state, as in ended.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="So many at most, the newest.  [default: 20]")] = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show one call, or list the latest."""
    from otpvoice.cli.calls import calls  # noqa: PLC0415

    raise typer.Exit(calls(call_id, state=state, limit=limit, url=url, key=key, as_json=as_json))


def _check(
    *,
    url: Annotated[str | None, typer.Option(help="Base URL. [default: by OTPVOICE_ADMIN_BIND]")] = None,
    ready: Annotated[bool, typer.Option(help="Can it place calls now?")] = False,
) -> None:
    """Is the service alive? Exit code 0 or 1."""
    from otpvoice.cli.check import check  # noqa: PLC0415

    raise typer.Exit(check(url=url, ready=ready))
