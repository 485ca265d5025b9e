"""Session descriptions for one audio stream (RFC 8866), offered and answered (RFC 3264).

It negotiates G.711 and telephone-event, and refuses every other codec and medium.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from otpvoice.testkit.callee.rtp import SAMPLE_RATE, Law

# The payload type that Asterisk and most phones offer for telephone-event; ours where we offer first.
EVENT_TYPE: Final = 101
_DIRECTION = re.compile(r"a=(sendrecv|sendonly|recvonly|inactive)\s*$")
_RTPMAP = re.compile(r"a=rtpmap:([0-9]{1,3})[ \t]+([^/\s]+)/([0-9]{1,6})")


class MalformedDescription(ValueError):
    """The body is not a session description with an audio stream."""


class NoCommonCodec(ValueError):
    """Nothing of the offer is allowed by the callee: 488 Not Acceptable Here."""


class Direction(StrEnum):
    """Who sends, seen from the side that says it (RFC 8866 section 6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in {Direction.SENDRECV, Direction.SENDONLY}


# RFC 3264 section 6.1: what answers an offered direction.
_ANSWERED: Final = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}


@dataclass(frozen=True, slots=True)
class Description:
    """The other side's description: where it wants audio, the payload types in its order, and all its ``m=`` lines."""

    address: str
    port: int
    payload_types: tuple[int, ...]
    names: dict[int, str]
    direction: Direction
    media: tuple[str, ...]
    audio: int

    @property
    def event_type(self) -> int | None:
        """The payload type of telephone-event at the rate of G.711."""
        return next((t for t in self.payload_types if self.names.get(t) == f"telephone-event/{SAMPLE_RATE}"), None)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What one exchange of descriptions settled for our side."""

    law: Law
    event_type: int | None
    remote: tuple[str, int]
    direction: Direction


def parse(body: bytes) -> Description:
    """Reads a description; raises ``MalformedDescription`` and nothing else."""
    sections = re.split(r"^m=", body.decode("utf-8", "replace").replace("\r\n", "\n"), flags=re.MULTILINE)
    media = tuple(section.partition("\n")[0].strip() for section in sections[1:])
    audio = next((n for n, line in enumerate(media) if re.match(r"audio\s+[0-9]{1,5}\s+RTP/AVP\s", line)), None)
    if audio is None or any(len(line.split()) < 4 for line in media):
        raise MalformedDescription("no audio over RTP/AVP")
    _, port, _, *types = media[audio].split()
    if int(port) > 0xFFFF or not types or not all(re.fullmatch(r"[0-9]{1,3}", t) and int(t) < 128 for t in types):
        raise MalformedDescription("an impossible port or payload type")
    session, lines = sections[0].split("\n"), sections[audio + 1].split("\n")[1:]
    # Static payload types need no rtpmap (RFC 3551 table 4). Encoding names are not case-sensitive.
    names = {law.value: f"{law.name}/{SAMPLE_RATE}".lower() for law in Law}
    for found in filter(None, map(_RTPMAP.match, lines)):
        names[int(found[1])] = f"{found[2]}/{found[3]}".lower()
    directions = [Direction(line[2:].strip()) for line in (*session, *lines) if _DIRECTION.match(line)]
    return Description(
        _connection(lines) or _connection(session) or "0.0.0.0",
        int(port),
        tuple(int(t) for t in types),
        names,
        # The stream's own attribute comes last, and wins.
        directions[-1] if directions else Direction.SENDRECV,
        media,
        audio,
    )


def agree(
    theirs: Description, laws: tuple[Law, ...], *, telephone_event: bool = True, ours: Direction = Direction.SENDRECV
) -> Agreement:
    """Chooses the first of our ``laws`` that is in ``theirs``; raises ``NoCommonCodec``.

    ``ours`` is what our side wants just now: held by us stays held, whatever the other side offers.
    """
    law = next((law for law in laws if _offers(theirs, law)), None)
    if law is None or theirs.port == 0:
        raise NoCommonCodec("none of " + ", ".join(law.name for law in laws))
    answered = _ANSWERED[theirs.direction]
    if ours is not Direction.SENDRECV:
        answered = ours if answered in {Direction.SENDRECV, ours} else Direction.INACTIVE
    return Agreement(law, theirs.event_type if telephone_event else None, (theirs.address, theirs.port), answered)


def answer(agreement: Agreement, theirs: Description, host: str, port: int, version: int) -> bytes:
    """Our answer to ``theirs``; media other than the audio are refused by port 0 (RFC 3264 section 6)."""
    media: list[str] = []
    for number, line in enumerate(theirs.media):
        if number == theirs.audio:
            media += _stream((agreement.law,), agreement.event_type, port, agreement.direction)
        else:
            kind, _, *rest = line.split()
            media.append(" ".join([f"m={kind} 0", *rest]))
    return _session(host, version, media)


def offer(
    laws: tuple[Law, ...],
    event_type: int | None,
    host: str,
    port: int,
    version: int,
    *,
    direction: Direction = Direction.SENDRECV,
) -> bytes:
    """Our own offer: for hold, resume, and an INVITE that came without a description."""
    return _session(host, version, _stream(laws, event_type, port, direction))


def _session(host: str, version: int, media: list[str]) -> bytes:
    head = ["v=0", f"o=callee 1 {version} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    return "".join(f"{line}\r\n" for line in (*head, *media)).encode()


def _stream(laws: tuple[Law, ...], event_type: int | None, port: int, direction: Direction) -> list[str]:
    types = [law.value for law in laws] + ([] if event_type is None else [event_type])
    lines = [f"m=audio {port} RTP/AVP {' '.join(map(str, types))}"]
    lines += [f"a=rtpmap:{law.value} {law.name}/{SAMPLE_RATE}" for law in laws]
    if event_type is not None:
        lines += [f"a=rtpmap:{event_type} telephone-event/{SAMPLE_RATE}", f"a=fmtp:{event_type} 0-15"]
    return [*lines, "a=ptime:20", f"a={direction}"]


def _offers(theirs: Description, law: Law) -> bool:
    return law.value in theirs.payload_types and theirs.names.get(law.value) == f"{law.name}/{SAMPLE_RATE}".lower()


def _connection(lines: list[str]) -> str:
    for line in lines:
        words = line.split()
        if words[:2] == ["c=IN", "IP4"] and len(words) > 2:
            try:
                return str(ipaddress.IPv4Address(words[2]))
            except ValueError as error:
                raise MalformedDescription("the connection address is no IPv4 address") from error
    return ""
