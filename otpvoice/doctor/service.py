"""``otpvoice serve`` itself: does it run, and can it place calls? What it says in ``/readyz``, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from otpvoice.doctor.asking import Answered, Unanswered, ask
from otpvoice.doctor.finding import Check, Finding

SERVICE = Check("service", "Does otpvoice run, and can it place calls?")
DOWN = SERVICE.warns(
    "down",
    "no otpvoice answers at {url} ({why})",
    "Start it: `systemctl start otpvoice`, `docker compose up -d otpvoice`, or `otpvoice serve`; if it does not stay"
    " up, its log says why (`journalctl -u otpvoice`, `docker compose logs otpvoice`). If it is somewhere else:"
    " --admin-url.",
)
SOMETHING_ELSE = SERVICE.fails(
    "something_else",
    "what answers at {url} is no otpvoice",
    "Another program has its port, or {url} is a proxy: set OTPVOICE_HTTP_BIND (OTPVOICE_ADMIN_BIND) to a port that is"
    " free, or name otpvoice's own address: --admin-url.",
)
NO_ASTERISK = SERVICE.fails(
    "asterisk_unavailable",
    "otpvoice is not connected to Asterisk at {node}: {detail}",
    "Is Asterisk up, do user and password fit? The line ari says how it is reached from here. It reconnects by itself.",
)
REPLACED = SERVICE.fails(
    "replaced",
    "another process has connected to {node} with this OTPVOICE_ARI_APP or OTPVOICE_INSTANCE: this one stands aside",
    "Stop one of them. It does not fight for the name: if this one is to stay, stop the other and restart this one."
    " Two on one Asterisk must differ in both settings.",
)
WEDGED = SERVICE.fails(
    "media_wedged",
    "the media sockets of {node} hang: no call can speak",
    "Restart Asterisk (`systemctl restart asterisk`, `docker compose restart asterisk`): a lock of chan_websocket is"
    " lost, and nothing else brings it back. otpvoice reconnects by itself.",
)
NO_LEG = SERVICE.fails(
    "no_media_leg",
    "no media leg is up at {node} yet",
    "That takes a moment after a start. If it lasts, otpvoice's log says why (leg.not_made); the lines asterisk.modules"
    " and asterisk.exposure may, too.",
)
NO_STORE = SERVICE.fails(
    "store_unavailable",
    "otpvoice can't write to Redis: {detail}",
    "The lines redis… say how Redis is reached from here. Calls in progress go on; their summaries are written when it"
    " is back.",
)
DRAINING = SERVICE.warns(
    "draining",
    "otpvoice was told to stop: it takes no more calls, {calls} are still in progress",
    "Nothing, if somebody meant it. It ends when they have, or after OTPVOICE_DRAIN_TIMEOUT; then start it.",
)
NOT_READY = SERVICE.fails(
    "not_ready",
    "otpvoice is not ready: {reasons}",
    "docs/admin.md says what each reason means (What to watch).",
)

_BY_NODE: Final = {
    "asterisk_unavailable": NO_ASTERISK,
    "replaced": REPLACED,
    "media_wedged": WEDGED,
    "no_media_leg": NO_LEG,
}


@dataclass(frozen=True, slots=True)
class Readiness:
    """What ``/readyz`` says."""

    document: dict[str, Any]

    @property
    def wedged(self) -> bool:
        """Do the media sockets hang?"""
        return "media_wedged" in _codes(self.document)

    @property
    def replaced(self) -> bool:
        """Has another process taken its names?"""
        return "replaced" in _codes(self.document)


async def look(url: str) -> tuple[list[Finding], Readiness | None]:
    """Ask whether it is ready. ``url``: the base where health is asked for."""
    async with aiohttp.ClientSession(trust_env=False) as http:
        answer = await ask(http, f"{url.rstrip('/')}/readyz")
    readiness = read(answer)
    return judge(answer, readiness, url), readiness


def read(answer: Answered | Unanswered) -> Readiness | None:
    """Return what it says; None: no otpvoice says it."""
    if isinstance(answer, Answered) and answer.status in {200, 503}:
        document = answer.json
        if isinstance(document, dict) and isinstance(document.get("reasons"), list) and "instance" in document:
            return Readiness(document)
    return None


def judge(answer: Answered | Unanswered, readiness: Readiness | None, url: str) -> list[Finding]:
    """Return what is to be said of it."""
    if isinstance(answer, Unanswered):
        return [DOWN(url=url, why=answer.detail or answer.why)]
    if readiness is None:
        if answer.status == 404 and isinstance(answer.json, dict) and answer.json.get("code") == "not_found":
            return [SERVICE.skipped(f"{url} is the hook, and health is asked for at OTPVOICE_ADMIN_BIND: --admin-url")]
        return [SOMETHING_ELSE(url=url)]
    document = readiness.document
    found = list(_reasons(document))
    if found:
        return found
    if answer.status != 200:
        return [NOT_READY(reasons=", ".join(_codes(document)) or "it does not say why")]
    legs = [node.get("legs", {}) for node in _objects(document, "nodes")]
    free, taken = (sum(int(one.get(kind) or 0) for one in legs if isinstance(one, dict)) for kind in ("free", "taken"))
    said = f"{document.get('instance')} at {url} is ready: {document.get('calls')} calls, {free} media legs free"
    return [SERVICE.ok(said, free=free, taken=taken, calls=document.get("calls"))]


def _reasons(document: dict[str, Any]) -> Iterator[Finding]:
    details = {str(node.get("name")): str(node.get("detail") or "") for node in _objects(document, "nodes")}
    for reason in _objects(document, "reasons"):
        code, node = str(reason.get("code")), str(reason.get("node"))
        if code in _BY_NODE:
            yield _BY_NODE[code](node=node, detail=details.get(node) or "it does not say why")
        elif code == "store_unavailable":
            yield NO_STORE(detail=str(reason.get("detail")))
        elif code == "draining":
            yield DRAINING(calls=document.get("calls"))
        else:
            yield NOT_READY(reasons=code)


def _codes(document: dict[str, Any]) -> list[str]:
    return [str(reason.get("code")) for reason in _objects(document, "reasons")]


def _objects(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = document.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
