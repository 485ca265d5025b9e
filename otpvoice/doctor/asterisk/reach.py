"""Asterisk's REST interface: is it reached, and does it let us in? Each way in which it is not has words of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from otpvoice.doctor.asking import Answered, Unanswered, ask, new_http
from otpvoice.doctor.clock import Reading, reading_of
from otpvoice.doctor.finding import Check, Finding

ARI = Check("ari", "Does Asterisk's REST interface answer, and let us in?")
DNS = ARI.fails(
    "dns",
    "the host of {url} is not known: {detail}",
    "Set OTPVOICE_ARI_URL to a name or an address that this machine knows (getent hosts {host}). In compose it is the"
    " service's name, and both services share a network.",
)
REFUSED = ARI.fails(
    "refused",
    "nothing listens at {url}",
    "Is Asterisk running (systemctl status asterisk, docker compose ps)? If it is: asterisk -rx 'http show status'"
    " says where it listens; http.conf needs enabled = yes, a bindaddr that this machine reaches, and the bindport of"
    " OTPVOICE_ARI_URL. Then asterisk -rx 'module reload http'.",
)
UNROUTABLE = ARI.fails(
    "unroutable",
    "no way to {url}: {detail}",
    "Is it the right address, and are both in a network together? Try: ping {host}.",
)
TIMEOUT = ARI.fails(
    "timeout",
    "{url} does not answer within {seconds:g} s",
    "A firewall that drops packets, or an Asterisk that hangs: try curl -m 3 {url}/ari/asterisk/ping on Asterisk's own"
    " host. If it hangs there too, restart Asterisk.",
)
CERTIFICATE = ARI.fails(
    "certificate",
    "the certificate of {url} does not hold: {detail}",
    "Give Asterisk a certificate for the name {host} (tlscertfile, tlsprivatekey in http.conf), signed by an authority"
    " that this machine trusts; for one of your own, name its file in the variable SSL_CERT_FILE.",
)
TLS = ARI.fails(
    "tls",
    "{url} speaks no TLS: {detail}",
    "https:// wants tlsenable = yes and tlsbindaddr in http.conf, and their port in OTPVOICE_ARI_URL; for the plain"
    " port write http://.",
)
CLOSED = ARI.fails(
    "closed",
    "{url} takes the connection and closes it without an answer",
    "Is that Asterisk's HTTP port (asterisk -rx 'http show status'; 8088 by default)? Redis and others do this, and one"
    " that speaks TLS: then write https://. If it is: all sessions of its HTTP server are taken (its log: HTTP session"
    " count exceeded): set sessionlimit = 1000 in http.conf, section [general], and restart Asterisk.",
)
NO_HTTP = ARI.fails(
    "no_http",
    "what answers at {url} speaks no HTTP",
    "OTPVOICE_ARI_URL has another service's port: asterisk -rx 'http show status' says the right one (8088 by"
    " default).",
)
UNAUTHORIZED = ARI.fails(
    "unauthorized",
    "Asterisk refuses the user {user}: 401",
    "OTPVOICE_ARI_USER and OTPVOICE_ARI_PASSWORD must be those of a section of ari.conf: [{user}], type = user, the"
    " password, password_format = plain. After a change there: asterisk -rx 'module reload res_ari.so'.",
)
ACL = ARI.fails(
    "acl",
    "Asterisk's access list keeps this machine out: 403",
    "In http.conf, section [/ari] and section [/media], add permit = <this machine's address as Asterisk sees it>"
    " behind the deny line; then asterisk -rx 'module reload http'. Asterisk's log names the address: Rejecting ….",
)
NOT_LOADED = ARI.fails(
    "not_loaded",
    "there is no ARI at {url}: 404",
    "ari.conf needs enabled = yes in [general], modules.conf needs load = res_ari.so, res_ari_asterisk.so and the"
    " others of asterisk/modules.conf; then restart Asterisk. If http.conf has a prefix, take it out: otpvoice asks"
    " at /ari.",
)
NOT_BOOTED = ARI.fails(
    "not_booted",
    "Asterisk is starting: 503",
    "Wait a moment and ask again. If it lasts: asterisk -rx 'core waitfullybooted' hangs too, and Asterisk's log says"
    " which module it waits for.",
)
OTHER = ARI.fails(
    "other",
    "what answers at {url} is no Asterisk: {status}",
    "OTPVOICE_ARI_URL must be the base of Asterisk's own HTTP server (http://host:8088; asterisk -rx 'http show status'"
    " says its port), with no proxy of yours, no path and no redirect in between.",
)

_UNANSWERED: Final = {
    "dns": DNS,
    "refused": REFUSED,
    "unroutable": UNROUTABLE,
    "timeout": TIMEOUT,
    "certificate": CERTIFICATE,
    "tls": TLS,
    "reset": CLOSED,
    "closed": CLOSED,
    "protocol": NO_HTTP,
}
WITHIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class Reached:
    """An Asterisk that answers, as the checks behind this one find it. ``clock``: what its clock said."""

    http: aiohttp.ClientSession
    url: str
    info: dict[str, Any]
    clock: Reading | None


async def reach(url: str, user: str, password: str) -> tuple[Finding, Reached | None]:
    """Ask for what Asterisk says of itself. The session of what is reached is to be closed by whoever gets it."""
    http = new_http({"Authorization": aiohttp.encode_basic_auth(user, password)})
    reached: Reached | None = None
    try:
        answer = await ask(http, f"{url}/ari/asterisk/info", within=WITHIN)
        finding = judge(answer, url=url, user=user)
        if not finding.fault and isinstance(answer, Answered):
            ping = await ask(http, f"{url}/ari/asterisk/ping", within=WITHIN)
            clock = reading_of("Asterisk", ping) if isinstance(ping, Answered) else None
            reached = Reached(http, url, answer.json, clock)
    finally:
        if reached is None:
            await http.close()
    return finding, reached


def judge(answer: Answered | Unanswered, *, url: str, user: str) -> Finding:
    """Say how Asterisk was reached, or not."""
    host = urlsplit(url).hostname or "?"
    if isinstance(answer, Unanswered):
        return _UNANSWERED[answer.why](url=url, host=host, detail=answer.detail or answer.why, seconds=WITHIN)
    match answer.status:
        case 200 if _is_info(answer.json):
            took = round((answer.ended - answer.began) * 1000, 1)
            return ARI.ok(f"{url} answers in {took:g} ms, and knows the user {user}", ms=took, user=user)
        case status if not is_asterisks(answer):
            return OTHER(url=url, status=status)
        case 401:
            return UNAUTHORIZED(user=user)
        case 403:
            return ACL()
        case 404:
            return NOT_LOADED(url=url)
        case 503:
            return NOT_BOOTED()
        case status:
            return OTHER(url=url, status=status)


def is_asterisks(answer: Answered) -> bool:
    """Is it Asterisk's HTTP server that answers? Its name may be another one in http.conf, and its pages look the same.

    main/http.c ``ast_http_create_response``, res/res_ari.c ``ast_ari_response_error``.
    """
    named = next((value for name, value in answer.headers.items() if name.lower() == "server"), "")
    return (
        named.lower().startswith("asterisk")
        or b"<hr />\r\n<address>" in answer.body
        or (isinstance(answer.json, dict) and list(answer.json) == ["message"])
    )


def _is_info(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    system, status = document.get("system"), document.get("status")
    return isinstance(system, dict) and "version" in system and isinstance(status, dict)
