"""The pages of the errors, as a browser gets them: without a key, without scripts, and where ``type`` points."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urljoin

import aiohttp
import pytest
from aiohttp import web

from otpvoice.web import problems
from otpvoice.web.pages import STYLE, PageRoutes, error_pages
from otpvoice.web.server import listen

INDEX = "/docs/errors"
PAGES = list(error_pages())


@asynccontextmanager
async def served(below: str = "") -> AsyncIterator[aiohttp.ClientSession]:
    """Serve the pages and one door that refuses with the code it is asked for; ``below`` a path of somebody's."""

    async def refuse(request: web.Request) -> web.Response:
        raise problems.unavailable(request.match_info["code"], "Not now.", 1)

    app = web.Application(middlewares=[problems.problems])
    app.add_routes([*PageRoutes().routes(), web.get("/refused/{code}", refuse)])
    if below:
        whole = web.Application()
        whole.add_subapp(below, app)
        app = whole
    listener = await listen(app, "127.0.0.1", 0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{listener.port}") as http:
            yield http
    finally:
        await listener.close()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a key."""
    async with served() as http:
        yield http


def links(html: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]*)"', html)


async def test_every_page_is_served_without_a_key(http: aiohttp.ClientSession) -> None:
    for path in [INDEX, *(f"{INDEX}/{code}" for code in PAGES)]:
        async with http.get(path) as answer:
            html = await answer.text()
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert html.startswith("<!doctype html>\n")
        assert html.count("<h1>") == 1
        assert html.rstrip().endswith("</html>")


async def test_the_type_of_an_answer_leads_to_its_page(http: aiohttp.ClientSession) -> None:
    for code in PAGES:
        async with http.get(f"/refused/{code}") as answer:
            problem = await answer.json(content_type="application/problem+json")
        async with http.get(urljoin(str(answer.url), problem["type"])) as page:
            assert page.status == 200
            assert f"<h1>{code}</h1>" in await page.text()


@pytest.mark.parametrize("below", ["", "/voice"])
async def test_every_link_leads_somewhere_also_below_another_path(below: str) -> None:
    asked: set[str] = set()
    async with served(below) as http:
        waiting = {f"{below}{INDEX}"}
        while waiting:
            path = waiting.pop()
            asked.add(path)
            async with http.get(path) as answer:
                assert answer.status == 200, path
                found = links(await answer.text())
            waiting |= {urljoin(path, link) for link in found} - asked
    assert asked == {f"{below}{path}" for path in (INDEX, STYLE, *(f"{INDEX}/{code}" for code in PAGES))}


@pytest.mark.parametrize("path", [INDEX, f"{INDEX}/destination_busy", STYLE])
async def test_a_page_may_load_nothing_but_our_style_and_runs_nothing(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        text = await answer.text()
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert not re.search(r"<script|<style|<img|<form|\sstyle=|\son\w+=|url\(|@import|https?://", text)


async def test_the_style_is_one(http: aiohttp.ClientSession) -> None:
    async with http.get(STYLE) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert "font" in await answer.text()


async def test_what_the_pages_say_is_text_and_never_markup(http: aiohttp.ClientSession) -> None:
    async with http.get(f"{INDEX}/destination_busy") as answer:
        html = await answer.text()
    assert '<pre><code class="language-json">{\n  &quot;type&quot;: &quot;/docs/errors/destination_busy&quot;' in html
    assert "<code>Idempotency-Key</code>" in html


@pytest.mark.parametrize(
    "path",
    [
        f"{INDEX}/never",
        f"{INDEX}/",
        f"{INDEX}/draining.md",
        f"{INDEX}/DRAINING",
        f"{INDEX}/draining/",
        f"{INDEX}/..%2Ferrors",
        f"{INDEX}/%2e%2e%2f%2e%2e%2fpages.py",
        f"{INDEX}/%00",
        f"{INDEX}/é",
        "/docs/page.html",
    ],
)
async def test_a_page_that_there_is_not_is_the_usual_problem(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert (answer.status, problem["code"], problem["type"]) == (404, "not_found", f"{INDEX}/not_found")


async def test_a_page_is_only_read(http: aiohttp.ClientSession) -> None:
    async with http.post(f"{INDEX}/draining") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")
    async with http.head(f"{INDEX}/draining") as answer:
        assert (answer.status, await answer.read()) == (200, b"")


# --- the answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "title"), [(402, "Payment Required"), (418, "I'm a Teapot")])
def test_an_answer_that_is_only_a_status_has_no_page(status: int, title: str) -> None:
    """RFC 9457 section 4.2.1."""
    refusal = problems.of_status(status)
    assert refusal.code == f"http_{status}"
    body = refusal.response().text or ""
    assert body.startswith(f'{{"type":"about:blank","title":"{title}","status":{status},')


@pytest.mark.parametrize(
    ("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.001, "2"), (41.3, "42"), (3600, "3600")]
)
def test_retry_after_is_in_whole_seconds_and_never_too_early(seconds: float, header: str) -> None:
    for refusal in (
        problems.rate_limited("account_rate", seconds),
        problems.queue_full(seconds),
        problems.too_many_streams(seconds),
    ):
        assert refusal.response().headers["Retry-After"] == header
