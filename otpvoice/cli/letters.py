"""The commands about webhooks, with their options: ``webhooks list``, ``webhooks replay`` and ``webhooks enable``.

What they do is in ``webhooks``, imported when a command runs.
"""

from __future__ import annotations

from typing import Annotated

import typer

Account = Annotated[str | None, typer.Option(metavar="ID", help="Of this account alone.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the program."""
    webhooks = typer.Typer(
        help="What is on its way to endpoints, and what never arrived. By the settings of serve.", no_args_is_help=True
    )
    webhooks.command("list")(_list)
    webhooks.command("replay")(_replay)
    webhooks.command("enable")(_enable)
    app.add_typer(webhooks, name="webhooks")


def _list(
    *,
    dead: Annotated[bool, typer.Option("--dead", help="What was given up, the newest first.")] = False,
    account: Account = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON.")] = False,
) -> None:
    """List what is on its way, the next due first; and the endpoints that are disabled."""
    from otpvoice.cli.webhooks import listed  # noqa: PLC0415

    raise typer.Exit(listed(dead=dead, account=account, as_json=as_json))


def _replay(
    event_id: Annotated[str | None, typer.Argument(metavar="[EVT_ID]", help="The dead letter to send again.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    account: Account = None,
) -> None:
    """Send dead letters again, from the first attempt on, with the same id and the same body."""
    from otpvoice.cli.webhooks import replay  # noqa: PLC0415

    raise typer.Exit(replay(event_id, everything=everything, account=account))


def _enable(
    url: Annotated[str, typer.Argument(help="The endpoint, whole or as list shows it.")], *, account: Account = None
) -> None:
    """Send to an endpoint again that has answered 410. What died meanwhile stays dead until it is replayed."""
    from otpvoice.cli.webhooks import enable  # noqa: PLC0415

    raise typer.Exit(enable(url, account=account))
