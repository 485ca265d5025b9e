"""Where what happens to a call is told, as it is written down for a next life of this process.

It posts nothing, and knows no store. What is written is in clear, as deliveries are: a URL may hold a token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import orjson

from otpvoice.core.plan import Webhook


@dataclass(frozen=True, slots=True)
class Telling:
    """The URL, None: nobody wants to know; types of events, or ``*`` for all. ``until``: its plan is of use, Unix s."""

    url: str | None = field(default=None, repr=False)
    events: tuple[str, ...] = ()
    until: float | None = None

    @classmethod
    def of(cls, webhook: Webhook | None) -> Self:
        """Return what a plan says."""
        return cls() if webhook is None else cls(webhook.url, webhook.events)

    def to(self, type_: str) -> str | None:
        """Return where an event of this type is posted to; None: nobody wants it."""
        return None if {"*", type_}.isdisjoint(self.events) else self.url

    def to_text(self) -> bytes:
        """Return it as JSON."""
        return orjson.dumps({"url": self.url, "events": self.events, "until": self.until})

    @classmethod
    def from_text(cls, text: bytes | None) -> Self:
        """Return what was written; where that can't be read, nobody is told."""
        try:
            said = orjson.loads(text or b"{}")
            url, events, until = said.get("url"), said.get("events", ()), said.get("until")
            if isinstance(url, str | None) and isinstance(until, int | float | None):
                return cls(url, tuple(map(str, events)), until)
        except (ValueError, AttributeError, TypeError):
            pass
        return cls()
