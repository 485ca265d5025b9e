"""``/openapi.json`` and ``/docs``: the API for programs, and the same as a page for people.

The page asks nobody but us: Swagger UI comes from the package ``offapi``, of which two files are served and nothing is
imported (it would read all that it has, 9 MB). No key is needed to read, and none is kept by the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from otpvoice.web.problems import not_found

DOCUMENT: Final = Path(__file__).with_name("openapi.json")
"""Made by ``make docs`` (``tests/docs/openapi_document.py``)."""
FOLDER: Final = Path(__file__).with_name("pages")
PAGE: Final = "/docs"
HEADERS: Final = {
    "Content-Security-Policy": (
        # Swagger UI's style sheet has its arrows as data.
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
_UI: Final = "offapi"


class ReferenceRoutes:
    """The document, the page, and what the page is made of."""

    def __init__(self) -> None:
        self._document, self._page = DOCUMENT.read_bytes(), (FOLDER / "reference.html").read_bytes()
        self._assets = assets()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/openapi.json", self._show_document),
            web.get(PAGE, self._show),
            web.get(f"{PAGE}/assets/{{name}}", self._show_asset),
        ]

    async def _show_document(self, _: web.Request) -> web.Response:
        return web.Response(body=self._document, content_type="application/json")

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(body=self._page, content_type="text/html", charset="utf-8", headers=HEADERS)

    async def _show_asset(self, request: web.Request) -> web.StreamResponse:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise not_found("page")
        path, content_type = asset
        headers = {hdrs.CONTENT_TYPE: f"{content_type}; charset=utf-8", hdrs.CACHE_CONTROL: "public, max-age=86400"}
        return web.FileResponse(path, headers=HEADERS | headers)


def assets() -> Mapping[str, tuple[Path, str]]:
    """Return the files of the page, each with its type, by name. Raises ``FileNotFoundError`` where one is missing."""
    ui = Path(str(distribution(_UI).locate_file(_UI)))
    found = {
        "reference.js": (FOLDER / "reference.js", "text/javascript"),
        "swagger-ui.js": (ui / "swagger_bundle.js", "text/javascript"),
        "swagger-ui.css": (ui / "swagger_style.css", "text/css"),
    }
    for path, _ in found.values():
        path.stat()
    return found
