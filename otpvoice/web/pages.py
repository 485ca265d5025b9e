"""``/docs/errors``: a page for each code that an answer may have, which is where its ``type`` points, and an index.

The pages are Markdown beside this module, and are rendered once. They need no key and no network, and run no scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from aiohttp import web
from markdown_it import MarkdownIt

from otpvoice.web.problems import DOCS, not_found

FOLDER: Final = Path(__file__).with_name("pages")
STYLE: Final = "/docs/pages.css"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
_SHAPE: Final = re.compile(
    r"# (?P<code>[a-z_]+)\n\n"
    r"(?:Answer: (?P<statuses>\d{3}(?:, \d{3})*)(?P<both> · complaint)?|Complaint)\n\n"
    r"(?P<meaning>[^\n].*?\.)(?=\s)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """One page. ``statuses`` of the answers that have the code; ``complaint``: entries of ``errors`` may have it.

    ``meaning``: its first sentence.
    """

    code: str
    statuses: tuple[int, ...]
    complaint: bool
    meaning: str
    text: str

    @classmethod
    def of(cls, code: str, text: str) -> ErrorPage:
        """Return the page. Raises ``ValueError`` where it does not begin as pages do."""
        found = _SHAPE.match(text)
        if found is None or found["code"] != code:
            raise ValueError(f"{code}.md does not begin with its code, its kind and what it means")
        statuses = tuple(int(status) for status in (found["statuses"] or "").split(", ") if status)
        complaint = not statuses or found["both"] is not None
        return cls(code, statuses, complaint, " ".join(found["meaning"].split()), text)


@cache
def error_pages() -> Mapping[str, ErrorPage]:
    """Return all pages by code, in order of the codes."""
    paths = sorted((FOLDER / "errors").glob("*.md"))
    return {path.stem: ErrorPage.of(path.stem, path.read_text("utf-8")) for path in paths}


def index(link: str) -> str:
    """Return the index as Markdown. ``link``: to a page, with ``{code}`` in it."""
    pages = error_pages().values()
    answers = sorted((page for page in pages if page.statuses), key=lambda page: page.statuses)
    rows = (
        f"| {', '.join(map(str, page.statuses))} | [{page.code}]({link.format(code=page.code)}) | {page.meaning} |"
        for page in answers
    )
    entries = (f"| [{page.code}]({link.format(code=page.code)}) | {page.meaning} |" for page in pages if page.complaint)
    introduction = (FOLDER / "errors.md").read_text("utf-8")
    return "\n".join(
        [
            introduction,
            "## Answers\n",
            *_table("status", "code", "meaning", rows=rows),
            "\n## Complaints\n",
            "Codes of the entries of `errors`.\n",
            *_table("code", "meaning", rows=entries),
            "",
        ]
    )


def _table(*heads: str, rows: Iterable[str]) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *rows]


class PageRoutes:
    """The pages, as HTML."""

    def __init__(self) -> None:
        self._index, self._pages = _rendered()
        self._style = (FOLDER / "pages.css").read_bytes()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(DOCS.rstrip("/"), self._show_index),
            web.get(DOCS + "{code}", self._show),
            web.get(STYLE, self._show_style),
        ]

    async def _show_index(self, _: web.Request) -> web.Response:
        return _html(self._index)

    async def _show(self, request: web.Request) -> web.Response:
        page = self._pages.get(request.match_info["code"])
        if page is None:
            raise not_found("page")
        return _html(page)

    async def _show_style(self, _: web.Request) -> web.Response:
        return web.Response(body=self._style, content_type="text/css", charset="utf-8", headers=HEADERS)


@cache
def _rendered() -> tuple[bytes, Mapping[str, bytes]]:
    """Return the index and the pages as HTML. Links are relative: somebody may serve us below a path of theirs."""
    # Without HTML in it, what is no Markdown is text, and shown as such.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    frame = Template((FOLDER / "page.html").read_text("utf-8"))

    def document(title: str, text: str, docs: str) -> bytes:
        return frame.substitute(title=title, docs=docs, body=markdown.render(text)).encode()

    pages = {page.code: document(page.code, page.text, "..") for page in error_pages().values()}
    return document("errors", index("errors/{code}"), "."), pages


def _html(document: bytes) -> web.Response:
    return web.Response(body=document, content_type="text/html", charset="utf-8", headers=HEADERS)
