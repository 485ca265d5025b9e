"""The state of a dialog: who, where, and the next CSeq (RFC 3261 section 12).

It sends nothing. The caller's side makes it with its INVITE, and takes the rest from the responses (12.1.2).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from otpvoice.testkit.callee.address import MalformedMessage, NameAddress, Uri
from otpvoice.testkit.callee.sip import Address, Header, Request, Response


@dataclass(slots=True)
class Dialog:
    """``local`` and ``remote`` are whole header values, tags included; ``source`` is the peer's address.

    ``remote_cseq`` is -1 while the other side has sent no request.
    """

    call_id: str
    local: str
    remote: str
    local_tag: str
    remote_tag: str
    target: str
    routes: tuple[str, ...]
    remote_cseq: int
    source: Address
    local_cseq: int = 0

    @classmethod
    def as_callee(cls, invite: Request, tag: str, source: Address) -> Dialog:
        """Section 12.1.1; raises ``MalformedMessage`` when the INVITE has no usable Contact."""
        target = NameAddress.parse(invite.header("Contact")).uri
        Uri.parse(target)
        return cls(
            call_id=invite.call_id,
            local=f"{invite.header('To')};tag={tag}",
            remote=invite.header("From"),
            local_tag=tag,
            remote_tag=invite.from_tag,
            target=target,
            routes=invite.values("Record-Route"),
            remote_cseq=invite.cseq,
            source=source,
        )

    @classmethod
    def as_caller(cls, call_id: str, local: str, tag: str, uri: str, target: Address) -> Dialog:
        """Section 12.1.2, before any response: ``request`` makes the INVITE to ``uri``, which goes to ``target``."""
        return cls(
            call_id=call_id,
            local=f"{local};tag={tag}",
            remote=f"<{uri}>",
            local_tag=tag,
            remote_tag="",
            target=uri,
            routes=(),
            remote_cseq=-1,
            source=target,
        )

    def establish(self, response: Response) -> None:
        """Takes tag, target and routes from a response to the caller's INVITE; what has no tag makes no dialog.

        Without a usable Contact the INVITE's own URI stays the target.
        """
        if not response.to_tag:
            return
        self.remote, self.remote_tag = response.header("To"), response.to_tag
        self.routes = tuple(reversed(response.values("Record-Route")))
        with contextlib.suppress(MalformedMessage):
            target = NameAddress.parse(response.header("Contact")).uri
            Uri.parse(target)
            self.target = target

    def owns(self, request: Request) -> bool:
        """Whether the request is of this dialog (section 12.2.2)."""
        tags = (request.to_tag, request.from_tag)
        return request.call_id == self.call_id and tags == (self.local_tag, self.remote_tag)

    def refresh(self, request: Request) -> None:
        """Takes the CSeq of a request in the dialog, and the new target that a re-INVITE or UPDATE may bring."""
        self.remote_cseq = request.cseq
        contact = request.header("Contact")
        if contact and request.method in {"INVITE", "UPDATE"}:
            self.target = NameAddress.parse(contact).uri

    def request(self, method: str, *, headers: tuple[Header, ...] = (), body: bytes = b"") -> Request:
        """The next request (section 12.2.1.1), without the Via that its transaction adds."""
        self.local_cseq += 1
        return self._make(method, self.local_cseq, headers, body)

    def ack(self, cseq: int) -> Request:
        """The ACK for a success of our INVITE number ``cseq`` (13.2.2.4)."""
        return self._make("ACK", cseq, (), b"")

    def _make(self, method: str, cseq: int, headers: tuple[Header, ...], body: bytes) -> Request:
        routes = tuple(("Route", route) for route in self.routes)
        fixed: tuple[Header, ...] = (
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
        )
        return Request((*fixed, *routes, *headers), body, method=method, uri=self.target)

    @property
    def next_hop(self) -> Address:
        """The first route, else the target; names are not looked up: the peer's address stands for them."""
        try:
            uri = Uri.parse(NameAddress.parse(self.routes[0]).uri if self.routes else self.target)
        except MalformedMessage:
            return self.source
        numeric = uri.host.count(".") == 3 and uri.host.replace(".", "").isdecimal()
        return (uri.host, uri.port) if numeric else self.source
