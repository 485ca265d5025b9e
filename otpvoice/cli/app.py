"""The commands by name. What a command needs is imported when it runs: ``check`` runs every few seconds."""

from __future__ import annotations

import typer

from otpvoice.cli import asking, examining, letters, streams, voicing

app = typer.Typer(
    name="otpvoice",
    help="Voice OTP delivery on your own Asterisk.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # else [env: …] in a sentence would be taken for markup, and not be shown
    pretty_exceptions_enable=False,  # they would show local variables, and with them secrets
)


@app.command()
def serve() -> None:
    """Run the service. Settings come from OTPVOICE_… variables and the file that OTPVOICE_CONFIG names."""
    from otpvoice.cli.serve import serve as run  # noqa: PLC0415

    raise typer.Exit(run())


@app.command()
def demo() -> None:
    """Place one OTP call on real parts of its own, and show it. TO and CODE in the environment choose."""
    from otpvoice.cli.demo import demo as run  # noqa: PLC0415

    raise typer.Exit(run())


asking.add_to(app)
examining.add_to(app)
letters.add_to(app)
streams.add_to(app)
voicing.add_to(app)
