"""A small client of the hook, for the commands that use it.

Standard library only. It follows no redirects: they would carry the key and the code somewhere else.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from otpvoice.cli.event_stream import Sent

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)  # RFC 6750 section 2.1
_EVENT_ID: Final = re.compile(r"[!-~]{1,200}", re.ASCII)
_STREAM: Final = "text/event-stream"
SILENCE: Final = 60.0
"""Seconds without a line after which a stream of events counts as broken: signs of life come more often."""
_LONGEST_LINE: Final = 1_048_576
_LONGEST_NO: Final = 65_536
"""Bytes that are read of a problem, or of what health says."""
_PAGE: Final = 100
_NO_URL: Final = "the URL must be http://… or https://…"


class Unanswered(Exception):
    """There was no answer, or none of an otpvoice. The message is for people and holds no key."""


class Refused(Exception):
    """The answer was no: ``status`` and the problem (RFC 9457) that came with it. The message is for people."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(_sentence(status, problem))
        self.status, self.problem = status, problem


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """Requests to one otpvoice. ``url``: its base. Raises ``Unanswered`` where it is no URL, or the key no key, too.

    ``here``: it is this machine's, whatever its address looks like; no proxy is asked for it.
    """

    def __init__(self, url: str, key: str | None = None, timeout: float = 15.0, *, here: bool = False) -> None:
        host = _host(url)
        # http.client would show a key that is no header in its complaint.
        if key and not _TOKEN.fullmatch(key):
            raise Unanswered("the key must be of A-Z a-z 0-9 . _ ~ + / -")
        self._url, self._key, self._timeout = url.rstrip("/"), key, timeout
        # A proxy of the environment is for other hosts.
        proxies = [urllib.request.ProxyHandler({})] if here or host in _LOOPBACK else []
        self._opener = urllib.request.build_opener(_NoRedirects, *proxies)

    def place(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a call; return its record, which has an ``id`` and a ``state``."""
        return self._record("POST", "/v1/calls", body)

    def show(self, call_id: str) -> dict[str, Any]:
        """Return the record of a call, which has an ``id`` and a ``state``."""
        return self._record("GET", _path(call_id))

    def calls(self, limit: int, state: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield at most so many records, newest first; ``state``: of the calls in this one. Each as ``show`` has it."""
        cursors: set[str] = set()
        asked: dict[str, Any] = {} if state is None else {"state": state}
        while True:
            query = urlencode(asked | {"limit": min(limit, _PAGE)}, errors="surrogateescape")
            page = self._ask("GET", f"/v1/calls?{query}")
            if not isinstance(page.get("data"), list):
                raise self._other("a list of calls")
            records = [self._checked(record) for record in page["data"]][:limit]
            yield from records
            limit -= len(records)
            cursor = page.get("next_cursor")
            if not limit or cursor is None:
                return
            if not isinstance(cursor, str) or cursor in cursors:
                raise self._other("a list of calls")
            cursors.add(cursor)
            asked["cursor"] = cursor

    def events(self, call_id: str, after: str = "") -> Iterator[Sent | None]:
        """Yield what happens to a call as it is told, behind the event ``after``; None: a sign of life.

        It ends when the server ends it, which may be before the call does.
        """
        from otpvoice.cli.event_stream import sent  # noqa: PLC0415 - `check` reads none, and runs every few seconds

        headers = {"Accept": _STREAM}
        if _EVENT_ID.fullmatch(after):
            headers["Last-Event-ID"] = after
        with self._answer("GET", f"{_path(call_id)}/events", headers=headers, timeout=SILENCE) as answer:
            if answer.status == 204:
                # HTML, section 9.2: there is no more.
                return
            if answer.headers.get_content_type() != _STREAM:
                raise self._other("events")
            yield from sent(iter(lambda: self._line(answer), b""))

    def health(self, path: str) -> dict[str, Any]:
        """Return what ``/healthz`` or ``/readyz`` says. It is short: of something else, no more than that is read."""
        with self._answer("GET", path) as answer:
            return _object(answer.read(_LONGEST_NO))

    def _record(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._checked(self._ask(method, path, body))

    def _checked(self, record: object) -> dict[str, Any]:
        if isinstance(record, dict) and isinstance(record.get("id"), str) and isinstance(record.get("state"), str):
            return record
        raise self._other("a call")

    def _other(self, than: str) -> Unanswered:
        return Unanswered(f"{self._url} is no otpvoice: it answers something else than {than}")

    def _line(self, answer: Any) -> bytes:
        line: bytes = answer.readline(_LONGEST_LINE)
        # http.client takes whole pieces of what is read, so it may be more.
        if len(line) >= _LONGEST_LINE:
            raise self._other("events")
        return line

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._answer(method, path, body) as answer:
            return _object(answer.read())

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Iterator[Any]:
        """Ask, and have the answer within the block. Raises ``Refused``; ``Unanswered``, also where it breaks off."""
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
            | dict(headers or {}),
        )
        try:
            try:
                answer = self._opener.open(request, timeout=timeout or self._timeout)
            except urllib.error.HTTPError as error:
                with error:
                    raise Refused(error.code, _object(error.read(_LONGEST_NO))) from None
            with answer:
                yield answer
        except (urllib.error.URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise Unanswered(f"{self._url} does not answer: {printable(str(reason))}") from None
        except ValueError:
            # A host name that IDNA does not know, a redirect to nowhere. Unquoted: what it says may hold a header.
            raise Unanswered(f"{self._url} can't be asked: it is no URL, or leads to none") from None


def _path(call_id: str) -> str:
    return f"/v1/calls/{quote(call_id, safe='', errors='surrogateescape')}"


def _host(url: str) -> str:
    """Return the host of a base URL. Raises ``Unanswered`` for all that is none, and repeats nothing of it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # either may raise
    except ValueError:
        raise Unanswered(_NO_URL) from None
    if host is None or parts.scheme not in {"http", "https"}:
        raise Unanswered(_NO_URL)
    if parts.username is not None or parts.password is not None:
        raise Unanswered("the URL must hold no name and no password: a key is given apart from it")
    if not url.isprintable() or not parts.path.isascii() or any(one in url for one in " ?#"):
        raise Unanswered("the URL must be a base, as in https://otp.example/voice: ASCII, no blanks, no ? and no #")
    return host


def _object(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _sentence(status: int, problem: Mapping[str, Any]) -> str:
    # It may be another server that answers: nothing of what it says is taken for granted, or steers the terminal.
    rows = [f"{one.get('path')} {one.get('message')}" for one in objects(problem, "errors")]
    if not rows and "detail" in problem:
        rows = [str(problem["detail"])]
    return "\n  ".join(map(printable, [f"{status} {problem.get('title', '')}".strip(), *rows]))


def objects(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a list of objects in an answer; empty where it is something else."""
    found = answer.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def printable(text: str) -> str:
    """Return a text with everything that could steer a terminal replaced."""
    return "".join(one if one.isprintable() else "?" for one in text)
