"""What every door asks of a request and of the store: a body, a parameter, an answer in time.

What is wrong becomes a ``Refusal``; no value that was sent is repeated or logged.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

import orjson
import structlog
from aiohttp import hdrs, web

from otpvoice.dialects.problems import Problem, json_path
from otpvoice.web.problems import BODY_WITHIN, invalid_parameter, of_status, unavailable

T = TypeVar("T")

log = structlog.get_logger(__name__)

STORE_WITHIN: Final = 5.0
"""Seconds for the store to answer; it has a shorter limit of its own."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}", re.ASCII)

Rule: TypeAlias = Callable[[str], Problem | None]
"""What is wrong with the value of a parameter; None: nothing."""
NO_RULES: Final[Mapping[str, Rule]] = MappingProxyType({})


async def asked(question: Awaitable[T]) -> T:
    """Return what the store answers. ValueError goes through; any other fault is 503 ``store_unavailable``."""
    try:
        async with asyncio.timeout(STORE_WITHIN):
            return await question
    except ValueError:
        raise
    except Exception as error:
        log.warning("http.store_unavailable", error=type(error).__name__, reason=getattr(error, "reason", None))
        raise unavailable("store_unavailable", "The store does not answer. Nobody was called.", 5) from error


async def body_of(request: web.Request) -> bytes:
    """Return a body, whole and as it was sent."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise of_status(415)
    try:
        async with asyncio.timeout(BODY_WITHIN):
            return await request.read()
    except TimeoutError:
        raise of_status(408) from None
    except web.HTTPRequestEntityTooLarge:
        raise of_status(413) from None
    except Exception as error:
        # A chunk that is none, or the client is gone. The exception may quote the body: only its type is told.
        log.info("http.body_broken", error=type(error).__name__)
        raise of_status(400) from None


def parameters(request: web.Request, known: Collection[str], rules: Mapping[str, Rule] = NO_RULES) -> dict[str, str]:
    """Return the query by name. Raises ``Refusal`` (422) with all that is wrong.

    That is: one that is not known or is given twice, and what the rules say of the values.
    """
    found: dict[str, str] = {}
    wrong: list[Problem] = []
    for name, value in request.query.items():
        if name not in known:
            # By its name, where it looks like one: anything else could be a code.
            path = json_path(("query", name) if _NAME.fullmatch(name) else ("query",))
            wrong.append(Problem(path, "unknown_field", f"is not known; there are {', '.join(known)}"))
        elif name in found:
            wrong.append(Problem(f"$.query.{name}", "conflict", "is given twice"))
        else:
            found[name] = value
    for name, rule in rules.items():
        if name in found and (problem := rule(found[name])) is not None:
            wrong.append(problem)
    if wrong:
        raise invalid_parameter(*dict.fromkeys(wrong))
    return found


def limit_up_to(most: int) -> Rule:
    """Return the rule for ``limit``: a whole number of 1 to ``most``."""

    def rule(text: str) -> Problem | None:
        if text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= most:
            return None
        return Problem("$.query.limit", "range", f"must be a whole number of 1 to {most}")

    return rule


def json_response(
    document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer."""
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json", headers=headers)
