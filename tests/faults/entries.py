"""``otpvoice serve`` by way of a script beside this one, which gives it a fault that no setting can give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from otpvoice.testkit.serve import ServeInstance


def entered_by(script: str) -> type[ServeInstance]:
    """Return a service that is started by a script of this folder, in the service's own folder."""

    class Entered(ServeInstance):
        def _command(self) -> Sequence[str | Path]:
            *env, python, dash_m, module, serve = super()._command()
            assert (dash_m, module) == ("-m", "otpvoice")
            return [*env, f"FAULT_FOLDER={self.folder}", python, Path(__file__).with_name(script), serve]

    return Entered
