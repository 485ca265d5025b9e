"""``python -m tests.docs.language_table``: writes the table of languages into its page, from the language files.

It changes nothing outside of the two markers, and refuses a page without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from otpvoice.adapters.locales import load_locales
from otpvoice.core.locale import Locale

PAGE: Final = Path(__file__).parents[2] / "docs" / "languages.md"
BEGIN: Final = "<!-- languages: begin -->\n"
END: Final = "<!-- languages: end -->\n"

_HEAD: Final = (
    "| tag | language | in English | how a code is introduced | groups of | reviewed by | voices |",
    "|---|---|---|---|---|---|---|",
)


def with_table(page: str) -> str:
    """Return the page with the table as it is now. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{markdown()}\n\n{END}{after}"


def markdown() -> str:
    """Return a row for each packaged language, by its English name."""
    locales = load_locales()
    packs = sorted(map(locales.lookup, locales.tags), key=lambda pack: pack.english)
    return "\n".join((*_HEAD, *map(_row, packs)))


def _row(pack: Locale) -> str:
    cells = (
        f"`{pack.tag}`",
        pack.name,
        pack.english,
        pack.code.replace("{code}", "…"),
        str(pack.group) if pack.group else "–",
        ", ".join(pack.reviewed_by) or "–",
        ", ".join(_voices(pack)),
    )
    return f"| {' | '.join(cells)} |"


def _voices(pack: Locale) -> Iterator[str]:
    for engine in pack.voices:
        if (name := pack.voice(engine, pack.tag)) is not None:
            yield f"`{engine}:{name}`"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
