"""The reference: one document for programs and people, without a key, and a page that asks nobody but us."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator
from importlib.metadata import PackageNotFoundError
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest
from aiohttp import web

from otpvoice.web import problems, reference
from otpvoice.web.app import make_app
from otpvoice.web.reference import DOCUMENT, FOLDER, PAGE, ReferenceRoutes, assets
from otpvoice.web.server import listen


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """The reference on an application with no other door, and a client without a key."""
    app = make_app()
    app.add_routes(ReferenceRoutes().routes())
    listener = await listen(app, "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as session:
            yield session
    finally:
        await listener.close()


def policy(response: aiohttp.ClientResponse) -> dict[str, list[str]]:
    """Return the directives of the answer's policy."""
    rows = (row.split() for row in response.headers["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in rows}


async def test_the_document_is_the_one_that_is_checked_in(http: aiohttp.ClientSession) -> None:
    async with http.get("/openapi.json") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert json.loads(await answer.read()) == json.loads(DOCUMENT.read_bytes())


async def test_the_page_and_all_that_it_is_made_of_come_from_us(http: aiohttp.ClientSession) -> None:
    async with http.get(PAGE) as answer:
        page = await answer.text()
        assert (answer.status, answer.content_type, answer.charset) == (200, "text/html", "utf-8")
    named = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(named) == 4, "a style sheet, two scripts, and the document for who has no scripts"
    for name in named:
        url = urljoin(str(answer.url), name)
        assert urlsplit(url)[:2] == urlsplit(str(answer.url))[:2]
        async with http.get(url) as asset:
            assert asset.status == 200
            assert asset.content_type == {"css": "text/css", "js": "text/javascript"}.get(
                name.rpartition(".")[2], "application/json"
            )
            assert await asset.read()


async def test_the_page_may_load_from_us_alone_and_runs_nothing_that_is_in_it(http: aiohttp.ClientSession) -> None:
    async with http.get(PAGE) as answer:
        allowed, page = policy(answer), await answer.text()
    assert allowed.pop("img-src") == ["data:"]
    assert {source for sources in allowed.values() for source in sources} <= {"'self'", "'none'"}
    assert allowed["default-src"] == ["'none'"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page)


async def test_the_page_names_no_address_of_others() -> None:
    for path in FOLDER.glob("reference.*"):
        assert "//" not in re.sub(r"^ *// .*$", "", path.read_text(), flags=re.MULTILINE)


async def test_the_user_interface_knows_openapi_3_1(http: aiohttp.ClientSession) -> None:
    """It does from version 5 on; one before would show an empty page."""
    async with http.get("/docs/assets/swagger-ui.js") as answer:
        (version,) = re.findall(r'PACKAGE_VERSION:"(\d+)\.\d+\.\d+"', await answer.text())
    assert int(version) >= 5


def test_the_package_of_the_user_interface_is_not_imported() -> None:
    assets()
    assert "offapi" not in sys.modules


@pytest.mark.parametrize("name", ["redoc.js", "..%2Fopenapi.json", "%2Fetc%2Fpasswd", "reference.html"])
async def test_other_files_are_not_served(http: aiohttp.ClientSession, name: str) -> None:
    async with http.get(f"/docs/assets/{name}") as answer:
        assert (answer.status, answer.content_type) == (404, problems.CONTENT_TYPE)


async def test_what_is_missing_is_found_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the first reader."""
    monkeypatch.setattr(reference, "_UI", "aiohttp")  # a package without the files
    with pytest.raises(FileNotFoundError):
        ReferenceRoutes()
    monkeypatch.setattr(reference, "_UI", "no-such-package")
    with pytest.raises(PackageNotFoundError):
        ReferenceRoutes()


@pytest.mark.parametrize("path", [PAGE, "/openapi.json", "/docs/assets/reference.js"])
async def test_nothing_is_written_there(http: aiohttp.ClientSession, path: str) -> None:
    async with http.post(path) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


async def test_it_can_be_served_below_a_path_of_somebody_else_s() -> None:
    below, whole = web.Application(), web.Application()
    below.add_routes(ReferenceRoutes().routes())
    whole.add_subapp("/otp", below)
    listener = await listen(whole, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.port}/otp/docs"
    try:
        async with aiohttp.ClientSession() as http:
            for name in ("", "docs/assets/reference.js", "openapi.json"):
                async with http.get(urljoin(url, name)) as answer:
                    assert answer.status == 200
    finally:
        await listener.close()
