"""SIP messages over UDP: bytes to a frozen message and back (RFC 3261 sections 7, 18.2, 20, 25).

It knows no transaction, dialog or socket, and reads no header that a user agent on one hop does not need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from otpvoice.testkit.callee.address import MalformedMessage, NameAddress, parameters_of

Header = tuple[str, str]
Address = tuple[str, int]

# RFC 3261 section 20; the registered compact forms of later RFCs that Asterisk uses.
COMPACT: Final = {
    "c": "Content-Type",
    "f": "From",
    "i": "Call-ID",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "s": "Subject",
    "t": "To",
    "v": "Via",
    "x": "Session-Expires",
}
REASONS: Final = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    302: "Moved Temporarily",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    410: "Gone",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    607: "Unwanted",
    608: "Rejected",
}
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_REQUEST_LINE = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+) (\S+) SIP/2\.0")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*))?", re.DOTALL)
_CSEQ = re.compile(r"([0-9]{1,10})[ \t]+(\S+)")
_VIA = re.compile(r"SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*\w+[ \t]+([^;,\s]+)([^,]*)")


@dataclass(frozen=True, slots=True)
class Message:
    """What requests and responses share. Header names are spelled in full; Content-Length is not kept but computed."""

    headers: tuple[Header, ...]
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, ``""`` when it is absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    def values(self, name: str) -> tuple[str, ...]:
        """Each value of a header, one per line of the message."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    @property
    def call_id(self) -> str:
        return self.header("Call-ID")

    @property
    def cseq(self) -> int:
        return _cseq(self)[0]

    @property
    def cseq_method(self) -> str:
        return _cseq(self)[1]

    @property
    def from_tag(self) -> str:
        return NameAddress.parse(self.header("From")).tag

    @property
    def to_tag(self) -> str:
        return NameAddress.parse(self.header("To")).tag

    @property
    def sent_by(self) -> str:
        return _top_via(self)[0]

    @property
    def branch(self) -> str:
        return _top_via(self)[1]["branch"]

    def _encode(self, start_line: str) -> bytes:
        lines = [start_line, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(self.body)}"]
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
            raise ValueError("a line break inside a header")
        return f"{head}\r\n\r\n".encode("utf-8", "surrogateescape") + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Message):
    method: str
    uri: str

    def encode(self) -> bytes:
        return self._encode(f"{self.method} {self.uri} SIP/2.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Message):
    status: int
    reason: str = ""

    def encode(self) -> bytes:
        return self._encode(f"SIP/2.0 {self.status} {self.reason}")


def parse(datagram: bytes) -> Request | Response:
    """Reads one datagram; raises ``MalformedMessage``, and nothing else, for what a user agent cannot act on."""
    head, blank_line, body = datagram.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not blank_line:
        raise MalformedMessage("no blank line after the headers")
    start_line, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    if any("\r" in line or "\n" in line for line in (start_line, *lines)):
        raise MalformedMessage("a bare CR or LF")
    headers, length = _headers(lines)
    if length is not None:
        # Section 18.3: over UDP bytes beyond the length are dropped, a short body is an error.
        if length > len(body):
            raise MalformedMessage("the body is shorter than Content-Length")
        body = body[:length]
    message: Request | Response
    if found := _STATUS_LINE.fullmatch(start_line):
        message = Response(headers, body, status=int(found[1]), reason=found[2] or "")
    elif found := _REQUEST_LINE.fullmatch(start_line):
        message = Request(headers, body, method=found[1], uri=found[2])
    else:
        raise MalformedMessage("neither a request line nor a status line")
    _check(message)
    return message


def respond(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    tag: str = "",
    source: Address | None = None,
    headers: tuple[Header, ...] = (),
    body: bytes = b"",
) -> Response:
    """Builds a response (section 8.2.6): Via, From, To with our ``tag``, Call-ID and CSeq are the request's own.

    ``source`` is where the request came from; it goes into the topmost Via (section 18.2.1, RFC 3581).
    """
    first_via, *other_vias = request.values("Via")
    to = request.header("To")
    if tag and status > 100 and not request.to_tag:
        to = f"{to};tag={tag}"
    copied: list[Header] = [("Via", _stamped(first_via, source))]
    copied += [("Via", via) for via in other_vias]
    copied += [("From", request.header("From")), ("To", to), ("Call-ID", request.call_id)]
    copied.append(("CSeq", request.header("CSeq")))
    if request.method == "INVITE" and 100 < status < 300:
        copied += [("Record-Route", route) for route in request.values("Record-Route")]
    text = REASONS.get(status, "") if reason is None else reason
    return Response((*copied, *headers), body, status=status, reason=text)


def reply_address(request: Request, source: Address) -> Address:
    """Where responses go (section 18.2.2): the source, at the port of Via unless ``rport`` asks for the source's."""
    sent_by, parameters = _top_via(request)
    _, colon, port = sent_by.rpartition(":")
    if "rport" in parameters or not colon or not port.isdecimal() or int(port) > 0xFFFF:
        return source
    return source[0], int(port)


def _headers(lines: list[str]) -> tuple[tuple[Header, ...], int | None]:
    headers: list[Header] = []
    length: int | None = None
    for line in lines:
        if line[:1] in {" ", "\t"} and headers:
            # Section 7.3.1: a line that starts with white space continues the one before.
            name, value = headers[-1]
            headers[-1] = name, f"{value} {line.strip()}".strip()
            continue
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if not colon or not _TOKEN.fullmatch(name):
            raise MalformedMessage("a line that is no header")
        name = COMPACT.get(name.lower(), name)
        value = value.strip(" \t")
        if name.lower() != "content-length":
            headers.append((name, value))
        elif re.fullmatch(r"[0-9]{1,7}", value):
            length = int(value)
        else:
            raise MalformedMessage("Content-Length is no number")
    return tuple(headers), length


def _check(message: Request | Response) -> None:
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        if not message.header(name):
            raise MalformedMessage(f"{name} is missing")
    _top_via(message)
    NameAddress.parse(message.header("From"))
    NameAddress.parse(message.header("To"))
    _, method = _cseq(message)
    if isinstance(message, Request) and method != message.method:
        raise MalformedMessage("CSeq names another method")


def _cseq(message: Message) -> tuple[int, str]:
    found = _CSEQ.fullmatch(message.header("CSeq"))
    if found is None or int(found[1]) >= 2**31:
        raise MalformedMessage("CSeq is not a number below 2**31 and a method")
    return int(found[1]), found[2]


def _top_via(message: Message) -> tuple[str, dict[str, str]]:
    found = _VIA.match(message.header("Via"))
    parameters = parameters_of(found[2]) if found else {}
    if found is None or not parameters.get("branch"):
        raise MalformedMessage("Via has no branch")
    return found[1], parameters


def _stamped(via: str, source: Address | None) -> str:
    if source is None:
        return via
    top, comma, rest = via.partition(",")
    top = re.sub(r"(?i);[ \t]*rport[ \t]*(?=;|$)", f";rport={source[1]}", top.rstrip(" \t"), count=1)
    return f"{top};received={source[0]}{comma}{rest}"
