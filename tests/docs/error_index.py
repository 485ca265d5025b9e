"""``python -m tests.docs.error_index``: writes the index of the errors, from their pages.

It writes nothing else: what an error means is said on its page, and there alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from otpvoice.web.pages import index

PAGE: Final = Path(__file__).parents[2] / "docs" / "errors.md"


def written() -> str:
    """Return the index as it is now."""
    return index("../otpvoice/web/pages/errors/{code}.md")


if __name__ == "__main__":
    PAGE.write_text(written())
