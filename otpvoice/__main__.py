"""``otpvoice`` and ``python -m otpvoice``: the commands. Each imports what it needs when it runs.

``check`` runs every few seconds, on each machine: where its options are plain it does not even wait for typer.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run a command; its exit code is the process's."""
    if sys.argv[1:2] == ["check"]:
        from otpvoice.cli.check import check, options  # noqa: PLC0415

        asked = options(sys.argv[2:])
        if asked is not None:
            raise SystemExit(check(url=asked.url, ready=asked.ready))
    from otpvoice.cli.app import app  # noqa: PLC0415

    app()


if __name__ == "__main__":
    main()
