"""Webhook endpoints that are configured: are they reached, and does what is sent there arrive?

They are asked by HEAD, which a receiver takes for nothing: a signed event that no call had would be one that every
receiver has to know to leave alone. So whether it verifies signatures is not seen here, but by ``doctor --call``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.webhooks.posting import shown
from otpvoice.doctor.addresses import Nearness, nearness
from otpvoice.doctor.asking import WITHIN, Answered, Unanswered, ask, new_http
from otpvoice.doctor.clock import Reading, reading_of
from otpvoice.doctor.finding import Check, Finding

WEBHOOK = Check("webhook", "Is each webhook endpoint reached?")
DNS = WEBHOOK.fails(
    "dns",
    "the webhook of {account}: the host {host} is not known",
    "Is it written right in OTPVOICE_WEBHOOK_URL (webhook_url of the account)? Try `getent hosts {host}`.",
)
REFUSED = WEBHOOK.fails(
    "refused",
    "the webhook of {account}: nothing listens at {endpoint}",
    "Is the application running, and is that its port? Events wait for it, for three days.",
)
UNREACHED = WEBHOOK.fails(
    "unreached",
    "the webhook of {account}: {endpoint} is not reached ({why})",
    "From this machine: `curl -I {endpoint}`. A firewall, a proxy that only others know of, or an application that"
    " hangs. Events wait for it, for three days.",
)
CERTIFICATE = WEBHOOK.fails(
    "certificate",
    "the webhook of {account}: the certificate of {endpoint} does not hold: {why}",
    "Renew it, with the whole chain; for an authority of your own, name its file in the variable SSL_CERT_FILE.",
)
BROKEN = WEBHOOK.fails(
    "server_error",
    "the webhook of {account}: {endpoint} answers {status}: the application behind it is not there",
    "Start the application behind the proxy, or mend it; its log says more. Events wait for it, for three days.",
)
ERROR = WEBHOOK.warns(
    "error",
    "the webhook of {account}: {endpoint} answers {status}, to a HEAD",
    "Perhaps it only minds HEAD: place a call (`otpvoice doctor --call`) and see whether its events arrive (`otpvoice"
    " webhooks list`).",
)
NOT_FOUND = WEBHOOK.warns(
    "not_found",
    "the webhook of {account}: {endpoint} answers 404, to a HEAD",
    "Is the path of OTPVOICE_WEBHOOK_URL (webhook_url) right? If it is, the endpoint may know POST only: place a call"
    " (`otpvoice doctor --call`) and see whether its events arrive (`otpvoice webhooks list`).",
)
REDIRECTS = WEBHOOK.warns(
    "redirect",
    "the webhook of {account}: {endpoint} redirects ({status}), and events do not follow",
    "Set OTPVOICE_WEBHOOK_URL (webhook_url) to where it leads: a redirect counts as a failure.",
)
GONE = WEBHOOK.warns(
    "gone",
    "the webhook of {account}: {endpoint} answers 410, which for an event means: never again",
    "Set OTPVOICE_WEBHOOK_URL (webhook_url) to the new endpoint. One that was disabled so is allowed again by `otpvoice"
    " webhooks enable`.",
)
PLAIN = WEBHOOK.warns(
    "in_the_clear",
    "the webhook of {account}: {endpoint} is reached by http, so anybody on the way reads who is called",
    "Use https://, unless it is a network of your own: then this is only a remark.",
)

DELIVERIES = Check("webhook.deliveries", "Do events arrive?")
DISABLED = DELIVERIES.fails(
    "disabled",
    "{count} webhook endpoints of {account} are disabled, since they answered 410: nothing is sent there any more",
    "`otpvoice webhooks list` shows which; `otpvoice webhooks enable` allows one again.",
)
DEAD = DELIVERIES.warns(
    "dead",
    "{count} events of {account} never arrived, last: {reason}",
    "`otpvoice webhooks list --dead` shows them; when the endpoint is mended: `otpvoice webhooks replay --all`.",
)
FAILING = DELIVERIES.warns(
    "failing",
    "{count} events of {account} are waiting for their next try, last: {reason}",
    "`otpvoice webhooks list` shows them. http_401 or http_403: the receiver does not take our signature, is its secret"
    " the first of OTPVOICE_WEBHOOK_SECRETS? http_404: is the path right?",
)
MOST: Final = 100
"""Letters that are read."""

AT_ONCE: Final = 64
"""Endpoints that are asked at the same time."""
_DOWN: Final = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Mail:
    """What lies in Redis for an account: why each waits for another try, and why each was given up, newest first."""

    disabled: int = 0
    failing: Sequence[str] = ()
    dead: Sequence[str] = ()


async def look(endpoints: Mapping[str, str], own: Sequence[str]) -> tuple[list[Finding], list[Reading]]:
    """``endpoints``: URLs by account; ``own``: this machine's addresses.

    All are asked at the same time, each with its own deadline: one that hangs must not hide the others.
    """
    # Beside the session's own limit: whoever waits for a connection there does so within the deadline.
    at_once = asyncio.Semaphore(AT_ONCE)
    async with new_http(limit=AT_ONCE) as http:

        async def one(account: str, url: str) -> tuple[Finding, Reading | None]:
            async with at_once:
                answer = await ask(http, url, method="HEAD", within=WITHIN)
            near = await nearness(urlsplit(url).hostname or "", list(own))
            clock = reading_of(f"the webhook of {account}", answer) if isinstance(answer, Answered) else None
            return judge(account, url, answer, near), clock

        looks = await asyncio.gather(*(one(account, url) for account, url in endpoints.items()))
    return [finding for finding, _ in looks], [clock for _, clock in looks if clock is not None]


def judge(account: str, url: str, answer: Answered | Unanswered, near: Nearness) -> Finding:
    """``url`` is shown without path and query, which may be keys. ``near``: where it leads."""
    named = {"account": account, "endpoint": shown(url).partition("#")[0], "host": urlsplit(url).hostname or "?"}
    if isinstance(answer, Unanswered):
        faults = {"dns": DNS, "refused": REFUSED, "certificate": CERTIFICATE}
        return faults.get(answer.why, UNREACHED)(**named, why=answer.detail or answer.why)
    status = answer.status
    if status == 410:
        return GONE(**named, status=status)
    if 300 <= status < 400:
        return REDIRECTS(**named, status=status)
    if status == 404:
        return NOT_FOUND(**named, status=status)
    if status >= 500:
        return (BROKEN if status in _DOWN else ERROR)(**named, status=status)
    if url.startswith("http://") and near is Nearness.PUBLIC:
        return PLAIN(**named)
    took = round((answer.ended - answer.began) * 1000, 1)
    return WEBHOOK.ok(f"{account}: {named['endpoint']} answers ({status}, in {took:g} ms)", **named, status=status)


async def mail(url: str, accounts: Sequence[str]) -> dict[str, Mail]:
    """Read what lies in Redis, at ``url``, for each account. Raises ``StoreUnavailable``."""
    store = RedisStore(url, ttl=60, connections=2)
    try:
        return {account: await _mail_of(store, account) for account in accounts}
    finally:
        await store.close()


async def _mail_of(store: RedisStore, account: str) -> Mail:
    waiting = await store.letters(account, dead=False, limit=MOST)
    dead = await store.letters(account, dead=True, limit=MOST)
    return Mail(
        disabled=len(await store.disabled(account)),
        failing=[letter.reason for letter in waiting if letter.reason is not None],
        dead=[letter.reason or "?" for letter in dead],
    )


def judge_mail(boxes: Mapping[str, Mail]) -> list[Finding]:
    """Say what does not arrive."""
    found: list[Finding] = []
    for account, box in boxes.items():
        if box.disabled:
            found.append(DISABLED(account=account, count=box.disabled))
        if box.dead:
            found.append(DEAD(account=account, count=_count(box.dead), reason=box.dead[0]))
        if box.failing:
            found.append(FAILING(account=account, count=_count(box.failing), reason=box.failing[0]))
    return found or [DELIVERIES.ok("nothing is given up, and nothing waits for another try")]


def _count(rows: Sequence[str]) -> str:
    return f"{MOST} or more" if len(rows) >= MOST else str(len(rows))
