"""What an account may choose from when it asks for a call, and what it chose.

Every dialect reads its defaults here. It knows no settings: whoever starts the program fills it in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.dialects.destinations import Destinations


@dataclass(frozen=True, slots=True)
class TrunkOffer:
    """A trunk that an account may use, and the caller IDs it may show there: the first is the default."""

    name: str
    caller_ids: tuple[str, ...] = ()
    ring_timeout: float = 45.0


class UrlCheck(Protocol):
    """Says why a URL may not be asked, as the end of a sentence; None: it may be tried."""

    def __call__(self, url: str, /, *, schemes: tuple[str, ...] = ("http", "https")) -> str | None: ...


def _no_scenario(_: str, /) -> None:
    return None


def _none_may_be_asked(_: str, /, *, schemes: tuple[str, ...] = ()) -> str:
    return "can't be asked: nothing is fetched here"


@dataclass(frozen=True, slots=True)
class Keying:
    """What the documents of a dialect leave open about keys, as the administrator wants it.

    ``terminator_included``: the key that ended a collection is told with those before it. ``stops_at_first_key``: the
    first key cuts what is being said or played.
    """

    terminator_included: bool = False
    stops_at_first_key: bool = True


@dataclass(frozen=True, slots=True)
class SpeechProfile:
    """A voice as it may be asked for: ``code`` is its name, ``language`` BCP 47; ``female`` None: not known."""

    code: str
    language: str
    female: bool | None = None


@dataclass(frozen=True, slots=True)
class CallDefaults:
    """What holds where a request says nothing, and what it may say. The first of ``trunks`` is the default.

    ``local_numbers``: extensions that may be called, besides E.164 numbers that ``destinations`` lets through.
    ``check_voice`` raises ``ValueError`` for a language that a voice (None: the configured one) does not speak, and for
    a voice that there is not; its message names those that there are, and goes into the answer.
    ``stand_in`` returns the voice of ours, as a request writes it, for a language and a sex (female; None: any); None:
    nobody speaks that language. Where there is no ``stand_in`` the configured voice speaks.
    ``prompts``: is there a recording of this name? None: there are none. ``check_url``: may a URL be asked?
    ``webhook_url``: where the events of a call go that names no webhook. ``signs``: are there secrets to sign webhooks
    with? ``event_url``: where calls of JSON-RPC are told, and asked what comes next; None: nowhere, and there are none.
    ``account``: whose they are. ``keying``: what its documents leave open. ``scenarios`` returns the text of a prepared
    callflow by its name; None: there is none of that name. ``profiles``: the voices that there are.
    """

    trunks: Mapping[str, TrunkOffer]
    destinations: Destinations
    language: str
    local_numbers: re.Pattern[str] | None = None
    lead_in: float = 0.4
    tail: float = 0.6
    check_voice: Callable[[str, str | None], None] | None = None
    stand_in: Callable[[str, bool | None], str | None] | None = None
    prompts: Callable[[str], bool] | None = None
    check_url: UrlCheck = _none_may_be_asked
    webhook_url: str | None = field(default=None, repr=False)
    signs: bool = False
    event_url: str | None = field(default=None, repr=False)
    account: str = ""
    keying: Keying = Keying()
    scenarios: Callable[[str], bytes | None] = _no_scenario
    profiles: Callable[[], Sequence[SpeechProfile]] = tuple

    @property
    def webhook(self) -> Webhook | None:
        """Where the events of a call go that does not say."""
        return Webhook(self.webhook_url) if self.webhook_url is not None else None


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A call as asked for. ``trunk`` is the name of one that was offered."""

    plan: CallPlan
    trunk: str
