"""``otpvoice`` and ``python -m otpvoice``: the commands. Each imports what it needs when it runs."""

from __future__ import annotations

from otpvoice.cli.app import app


def main() -> None:
    """Run a command; its exit code is the process's."""
    app()


if __name__ == "__main__":
    main()
