"""A small client of the hook, for the commands that use it.

Standard library only. It follows no redirects: they would carry the key and the code somewhere else.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import quote, urlsplit

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Unanswered(Exception):
    """There was no answer. The message is for people."""


class Refused(Exception):
    """The answer was no: ``status`` and the problem (RFC 9457) that came with it. The message is for people."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(_sentence(status, problem))
        self.status, self.problem = status, problem


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """Requests to one otpvoice. ``url``: its base. Raises ``Unanswered`` where it is no URL, too."""

    def __init__(self, url: str, key: str | None = None, timeout: float = 15.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Unanswered("the URL must be http://… or https://…")
        self._url, self._key, self._timeout = url.rstrip("/"), key, timeout
        # A proxy of the environment is for other hosts.
        proxies = [urllib.request.ProxyHandler({})] if parts.hostname in _LOOPBACK else []
        self._opener = urllib.request.build_opener(_NoRedirects, *proxies)

    def place(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a call; return its record."""
        return self._ask("POST", "/v1/calls", body)

    def show(self, call_id: str) -> dict[str, Any]:
        """Return the record of a call."""
        return self._ask("GET", f"/v1/calls/{quote(call_id, safe='')}")

    def health(self, path: str) -> dict[str, Any]:
        """Return what ``/healthz`` or ``/readyz`` says."""
        return self._ask("GET", path)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {self._key}"} if self._key else {}),
        )
        try:
            with self._opener.open(request, timeout=self._timeout) as answer:
                return _object(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, _object(error.read())) from None
        except (urllib.error.URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise Unanswered(f"{self._url} does not answer: {reason}") from None


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
    return "\n  ".join(map(_printable, [f"{status} {problem.get('title', '')}".strip(), *rows]))


def objects(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a list of objects in an answer; empty where it is something else."""
    found = answer.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
