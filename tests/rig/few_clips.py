"""``otpvoice`` that makes digits ahead and no letters: two seconds of a processor less at each start of the tests.

What is said is made when it is wanted, as ever. That letters are made ahead is looked at where that is the subject
(``tests/adapters/test_speech_renderer.py``), and whoever starts the program itself has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from otpvoice.adapters.speech import renderer
from otpvoice.testkit.serve import ServeInstance


class FewClips(ServeInstance):
    """A service of which nobody wants a code with letters at once."""

    program = Path(__file__)

    def _command(self) -> Sequence[str | Path]:
        *env, dash_m, module, serve = super()._command()
        assert (dash_m, module) == ("-m", "otpvoice")
        return [*env, self.program, serve]


def main() -> None:
    """Run the program so."""
    from otpvoice.__main__ import main as program  # noqa: PLC0415 - whoever starts it needs nothing of it

    assert renderer.ascii_letters, "what is made ahead has another name"  # type: ignore[attr-defined]
    renderer.ascii_letters = ""  # type: ignore[attr-defined]
    program()


if __name__ == "__main__":
    main()
