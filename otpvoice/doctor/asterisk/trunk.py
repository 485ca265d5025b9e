"""The trunks: is the endpoint there that each dials, and is it set up so that codes are heard and keys arrive?

Whether a carrier takes calls is seen by a call alone: ``otpvoice doctor --call``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from otpvoice.ari import errors
from otpvoice.ari.rest import AriRest
from otpvoice.doctor.finding import Check, Finding
from otpvoice.settings import TrunkSettings

TRUNK = Check("trunk", "Is the endpoint there that each trunk dials, and set up so that keys and codes get through?")
MISSING = TRUNK.fails(
    "missing",
    "the trunk {trunk} dials {dial}, and Asterisk has no endpoint {endpoint}",
    "Endpoints that there are: {others}. Name one of them in OTPVOICE_TRUNK (dial of [[trunk]]), or add [{endpoint}]"
    " to pjsip.conf (asterisk/pjsip.conf has one to copy) and asterisk -rx 'module reload res_pjsip.so'. If it stands"
    " there, Asterisk's log says what it does not like about it.",
)
OFFLINE = TRUNK.fails(
    "offline",
    "the trunk {trunk}: Asterisk calls the endpoint {endpoint} {state}",
    "asterisk -rx 'pjsip show endpoint {endpoint}': has it a contact, and does that answer OPTIONS (Avail)? A trunk"
    " that registers with us has none until then; for one with a fixed address set contact = sip:<host>:<port> in its"
    " aor. Firewall: UDP 5060 and the RTP ports, both ways.",
)
NO_AOR = TRUNK.fails(
    "no_contact",
    "the trunk {trunk}: the endpoint {endpoint} has no contact, so Asterisk does not know where to send calls",
    "In pjsip.conf: aors = {endpoint} in the endpoint, and a section [{endpoint}] with type = aor, contact ="
    " sip:<host of the carrier>:5060; then asterisk -rx 'module reload res_pjsip.so'.",
)
NO_KEYS = TRUNK.fails(
    "dtmf_none",
    "the trunk {trunk}: dtmf_mode of {endpoint} is none, so no key ever arrives",
    "dtmf_mode = rfc4733 in [{endpoint}] of pjsip.conf, then asterisk -rx 'module reload res_pjsip.so'.",
)
INBAND = TRUNK.warns(
    "dtmf_inband",
    "the trunk {trunk}: dtmf_mode of {endpoint} is inband: keys are guessed from the sound, our own prompts among it",
    "dtmf_mode = rfc4733 in [{endpoint}] of pjsip.conf (auto, if the carrier does not always offer telephone-event),"
    " then asterisk -rx 'module reload res_pjsip.so'.",
)
INFO = TRUNK.warns(
    "dtmf_info",
    "the trunk {trunk}: dtmf_mode of {endpoint} is info: keys arrive only from a carrier that sends SIP INFO, and most"
    " send RFC 4733",
    "Ask the carrier, or try otpvoice doctor --call. Usual is dtmf_mode = rfc4733 in [{endpoint}] of pjsip.conf, then"
    " asterisk -rx 'module reload res_pjsip.so'.",
)
DIRECT = TRUNK.warns(
    "direct_media",
    "the trunk {trunk}: direct_media of {endpoint} is on: while two parties talk, their audio passes Asterisk by, and"
    " nothing is heard, streamed or measured",
    "direct_media = no in [{endpoint}] of pjsip.conf, then asterisk -rx 'module reload res_pjsip.so'.",
)
CODEC = TRUNK.warns(
    "codec",
    "the trunk {trunk} speaks {law}, and {endpoint} allows {allowed}: every call is transcoded, or refused (488)",
    "allow = {law} in [{endpoint}] of pjsip.conf, or codec = {other} in [[trunk]]; the same on both sides costs"
    " nothing.",
)
SILENT = TRUNK.warns(
    "rtp_keepalive",
    "the trunk {trunk}: rtp_keepalive of {endpoint} is 0: while nothing is said nothing is sent, and some carriers and"
    " NATs end such a call after 30 s",
    "rtp_keepalive = 10 in [{endpoint}] of pjsip.conf, then asterisk -rx 'module reload res_pjsip.so'.",
)
GONE = TRUNK.fails(
    "technology",
    "the trunk {trunk} dials {technology}/…, which Asterisk 22 does not have any more",
    "Use PJSIP: a section in pjsip.conf (asterisk/pjsip.conf has one to copy), and PJSIP/{{number}}@trunk in"
    " OTPVOICE_TRUNK.",
)
UNSEEN = TRUNK.unsure(
    "unseen",
    "the trunk {trunk} dials {technology}/…, of which ARI tells nothing",
    "Try it: otpvoice doctor --call <your number>.",
)

_ENDPOINT: Final = re.compile(
    r"PJSIP/(?:[^/@]*@(?P<behind>[^/@;]+)(?:;[^/]*)?|(?P<before>[^/@]+))(?P<uri>/.*)?", re.IGNORECASE
)
"""chan_pjsip.c ``request``: behind the endpoint there may be a URI to dial, in place of its contact."""
_WITHOUT_NUMBER: Final = re.compile(r"[^{}]+")
_GONE: Final = frozenset({"SIP", "SCCP", "SKINNY", "MGCP"})
"""Channel drivers that left Asterisk by 21 (UPGRADE.txt)."""
_ON: Final = frozenset({"true", "yes", "on", "1"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What Asterisk says of one. ``options``, ``aors``: attributes; None: there is no such one."""

    name: str
    state: str | None
    options: Mapping[str, str] = field(default_factory=dict)
    aors: tuple[Mapping[str, str], ...] = ()


def dialled(dial: str) -> str | None:
    """Return the PJSIP endpoint that a dial string names; None: it names none that is always the same."""
    found = _ENDPOINT.fullmatch(dial)
    name = (found["behind"] or found["before"]) if found is not None else None
    return name if name is not None and _WITHOUT_NUMBER.fullmatch(name) else None


def names_uri(dial: str) -> bool:
    """Does a dial string say itself where a call goes? Then the endpoint needs no contact, and has no state."""
    found = _ENDPOINT.fullmatch(dial)
    return found is not None and re.match(r"/sips?:", found["uri"] or "", re.IGNORECASE) is not None


async def look(rest: AriRest, trunks: Iterable[TrunkSettings]) -> list[Finding]:
    """Ask for the endpoint of each trunk. Raises ``AriError``."""
    others = sorted(str(one["resource"]) for one in await rest.get("endpoints") if one.get("technology") == "PJSIP")
    found: list[Finding] = []
    for trunk in trunks:
        name = dialled(trunk.dial)
        found += judge(trunk, await _endpoint(rest, name) if name is not None else None, others)
    return found


async def _endpoint(rest: AriRest, name: str) -> Endpoint:
    try:
        state = (await rest.get(f"endpoints/PJSIP/{quote(name, safe='')}"))["state"]
    except errors.ChannelGone:
        return Endpoint(name, None)
    options = await _attributes(rest, "endpoint", name)
    aors = [word.strip() for word in options.get("aors", "").split(",") if word.strip()]
    return Endpoint(name, str(state), options, tuple([await _attributes(rest, "aor", aor) for aor in aors]))


async def _attributes(rest: AriRest, kind: str, name: str) -> dict[str, str]:
    """Return the attributes of an object that hold no secret."""
    try:
        rows = await rest.get(f"asterisk/config/dynamic/res_pjsip/{kind}/{quote(name, safe='')}")
    except errors.Refused:
        return {}
    named = {str(row["attribute"]): str(row["value"]) for row in rows}
    return {word: value for word, value in named.items() if word in SHOWN}


SHOWN: Final = frozenset(
    {"dtmf_mode", "direct_media", "allow", "rtp_keepalive", "rtp_timeout", "aors", "transport", "media_encryption",
     "contact", "qualify_frequency"}
)  # fmt: skip


def judge(trunk: TrunkSettings, endpoint: Endpoint | None, others: Iterable[str]) -> list[Finding]:
    """``endpoint`` None: the trunk dials something else. ``others``: the endpoints that there are."""
    technology = trunk.dial.partition("/")[0]
    if endpoint is None:
        fault = GONE if technology.upper() in _GONE else UNSEEN
        return [fault(trunk=trunk.name, technology=technology)]
    if endpoint.state is None:
        there = ", ".join(others) or "none"
        return [MISSING(trunk=trunk.name, dial=trunk.dial, endpoint=endpoint.name, others=there)]
    named: dict[str, Any] = {"trunk": trunk.name, "endpoint": endpoint.name}
    by_uri = names_uri(trunk.dial)
    found = [*([] if by_uri else _contacts(endpoint, named)), *_options(trunk, endpoint, named)]
    if found:
        return found
    state = "dialled by a URI" if by_uri else endpoint.state
    said = (
        f"{trunk.name}: PJSIP/{endpoint.name} is {state}, keys by {endpoint.options.get('dtmf_mode')},"
        f" {endpoint.options.get('allow', '').strip('()').replace('|', ', ')}"
    )
    return [TRUNK.ok(said, **named, state=endpoint.state, **endpoint.options)]


def _contacts(endpoint: Endpoint, named: Mapping[str, Any]) -> list[Finding]:
    contacts = [aor.get("contact") for aor in endpoint.aors if aor.get("contact")]
    if endpoint.options and not endpoint.options.get("aors"):
        return [NO_AOR(**named)]
    if endpoint.state != "online":
        # Nothing registered with us, or qualify_frequency has found out that nobody answers.
        fault = OFFLINE if contacts or endpoint.aors else NO_AOR
        return [fault(**named, state=endpoint.state)]
    return []


def _options(trunk: TrunkSettings, endpoint: Endpoint, named: Mapping[str, Any]) -> list[Finding]:
    options, found = endpoint.options, []
    if not options:
        return []
    by_mode = {"none": NO_KEYS, "inband": INBAND, "info": INFO}
    if (fault := by_mode.get(options.get("dtmf_mode", ""))) is not None:
        found.append(fault(**named))
    if options.get("direct_media", "").lower() in _ON:
        found.append(DIRECT(**named))
    allowed = [word for word in re.split(r"[|,]", options.get("allow", "").strip("()")) if word]
    # Asterisk offers what the channel is made with first, whatever the order here.
    if trunk.codec not in allowed and "all" not in allowed:
        other = "alaw" if trunk.codec == "ulaw" else "ulaw"
        found.append(CODEC(**named, law=trunk.codec, allowed=", ".join(allowed) or "none", other=other))
    if options.get("rtp_keepalive") == "0":
        found.append(SILENT(**named))
    return found
