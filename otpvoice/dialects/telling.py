"""Where what happens to a call is told, as it is written down for a next life of this process.

It posts nothing, and knows no store. What is written is in clear, as deliveries are: a URL may hold a token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import orjson

from otpvoice.core.plan import OURS, Hook, Webhook


@dataclass(frozen=True, slots=True)
class Telling:
    """The URL, None: nobody wants to know; types of events, or ``*`` for all. ``until``: its plan is of use, Unix s.

    ``spelling``, ``hooks``: as in ``core.plan.Webhook``.
    """

    url: str | None = field(default=None, repr=False)
    events: tuple[str, ...] = ()
    until: float | None = None
    spelling: str = OURS
    hooks: tuple[Hook, ...] = ()

    @classmethod
    def of(cls, webhook: Webhook | None) -> Self:
        """Return what a plan says."""
        if webhook is None:
            return cls()
        return cls(webhook.url, webhook.events, spelling=webhook.spelling, hooks=webhook.hooks)

    def to(self, type_: str) -> str | None:
        """Return where an event of this type is posted to; None: nobody wants it."""
        return None if {"*", type_}.isdisjoint(self.events) else self.url

    def to_text(self) -> bytes:
        """Return it as JSON."""
        hooks = [[hook.name, hook.url, hook.auth] for hook in self.hooks]
        said = {"url": self.url, "events": self.events, "until": self.until}
        return orjson.dumps(said | ({"spelling": self.spelling, "hooks": hooks} if self.spelling != OURS else {}))

    @classmethod
    def from_text(cls, text: bytes | None) -> Self:
        """Return what was written; where that can't be read, nobody is told."""
        try:
            said = orjson.loads(text or b"{}")
            url, events, until = said.get("url"), said.get("events", ()), said.get("until")
            hooks = tuple(Hook(str(name), str(to), _text(auth)) for name, to, auth in said.get("hooks", ()))
            if isinstance(url, str | None) and isinstance(until, int | float | None):
                return cls(url, tuple(map(str, events)), until, str(said.get("spelling", OURS)), hooks)
        except (ValueError, AttributeError, TypeError):
            pass
        return cls()


def _text(value: object) -> str | None:
    return None if value is None else str(value)
