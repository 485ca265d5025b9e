"""The words that answers have for what became of a request, with the HTTP status and the JSON-RPC code of each.

They are the vendor's where he has one (Telesign, "Engage API (Voice)", POST /v2/voice), and stand where his stand: at
the top of each answer, as ``status`` beside ``reference_id``. What JSON-RPC 2.0 wants besides is beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

VERSION: Final = "2.0"
ACCEPTED: Final = "dial_accepted"
"""The call was taken. Nobody has been rung yet: whether somebody answers is told by an event."""

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
NOT_TAKEN: Final = -32000
"""Of those that JSON-RPC leaves to us (5.1): the request is right, and was not taken."""

RequestId: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Word:
    """``status``: HTTP's; ``code``: JSON-RPC's. ``theirs``: the vendor's documents have it. ``meaning``: for people."""

    status: int
    code: int
    theirs: bool
    meaning: str


def _theirs(status: int, code: int, meaning: str) -> Word:
    return Word(status, code, True, meaning)


def _ours(status: int, code: int, meaning: str) -> Word:
    return Word(status, code, False, meaning)


WORDS: Final[Mapping[str, Word]] = {
    # RFC 9110 has 4xx for what is refused; the vendor answers 200 here, and clients look at the word.
    "premium_to_number_rejected": _theirs(200, INVALID_PARAMS, "a costly kind of number that no list names"),
    "to_number_blocked_by_country": _theirs(
        200, INVALID_PARAMS, "on no list of allowed destinations, or of a denied region"
    ),
    "to_number_blocked_by_customer": _theirs(200, INVALID_PARAMS, "on the list of denied destinations"),
    "caller_id_number_not_owned": _theirs(400, INVALID_PARAMS, "none of the account's caller IDs"),
    "caller_id_number_not_provided": _theirs(400, INVALID_PARAMS, "none was sent, and the account has none"),
    "invalid_phone_number": _theirs(400, INVALID_PARAMS, "`to` is no number"),
    "to_number_not_provided": _theirs(400, INVALID_PARAMS, "there is no `to`"),
    "unsupported_call_state": _theirs(400, METHOD_NOT_FOUND, "a call begins with `dial` and nothing else"),
    "credentials_not_provided": _theirs(401, NOT_TAKEN, "no header Authorization: Basic, or one without id or key"),
    "not_authorized": _theirs(401, NOT_TAKEN, "no such account, or none of its keys"),
    "rate_limit_exceeded": _theirs(429, NOT_TAKEN, "a limit of the account, of its trunk or of this destination"),
    "parse_error": _ours(400, PARSE_ERROR, "the body is no JSON"),
    "invalid_request": _ours(400, INVALID_REQUEST, "no object, or one without a method"),
    "invalid_params": _ours(400, INVALID_PARAMS, "`params` is no object, or one of them is of another type"),
    "invalid_external_id": _ours(400, INVALID_PARAMS, "longer than 100 characters"),
    "invalid_max_call_duration": _ours(400, INVALID_PARAMS, "no whole number of seconds from 1 on"),
    "invalid_send_dtmf": _ours(400, INVALID_PARAMS, "not 1 to 64 of 0-9, A-D, *, # and w"),
    "invalid_event_url": _ours(400, INVALID_PARAMS, "no URL, or one that may not be asked"),
    "event_url_not_set": _ours(400, INVALID_PARAMS, "there is nowhere to tell the call, and nobody to ask"),
    "not_found": _ours(404, METHOD_NOT_FOUND, "there is no such address"),
    "method_not_allowed": _ours(405, INVALID_REQUEST, "it is not a POST"),
    "request_timeout": _ours(408, INVALID_REQUEST, "the body did not arrive in time"),
    "body_too_large": _ours(413, INVALID_REQUEST, "the body is too large"),
    "unsupported_encoding": _ours(415, INVALID_REQUEST, "the body is compressed"),
    "idempotency_in_progress": _ours(409, NOT_TAKEN, "the first request with this Idempotency-Key is being answered"),
    "idempotency_mismatch": _ours(422, NOT_TAKEN, "this Idempotency-Key was used for another request"),
    "idempotency_key_invalid": _ours(422, NOT_TAKEN, "this is no Idempotency-Key"),
    "not_supported": _ours(422, NOT_TAKEN, "Idempotency-Key needs a secret key, which is not set"),
    "call_erased": _ours(410, NOT_TAKEN, "the call of this Idempotency-Key was erased"),
    "internal_error": _ours(500, INTERNAL_ERROR, "a fault of ours; the log has it"),
    "service_unavailable": _ours(503, NOT_TAKEN, "it can't be taken now; Retry-After says when to come again"),
}
"""All words but ``ACCEPTED``. The vendor's ``to_number_blocked_by_telesign`` is never ours: nobody blocks for all."""


class RpcRefused(Exception):
    """A request that is not taken. ``word``: one of ``WORDS``; ``detail``: a sentence that repeats nothing sent.

    ``path``: where in the document (JSONPath). ``id``: the request's own, as far as it could be read.
    """

    def __init__(self, word: str, detail: str, path: str = "$", *, id: RequestId | None = None) -> None:  # noqa: A002
        super().__init__(f"{word}: {path} {detail}")
        self.word: Final = word
        self.detail: Final = detail
        self.path: Final = path
        self.id: Final = id

    @property
    def status(self) -> int:
        """HTTP's."""
        return WORDS[self.word].status

    def answer(self, reference: str) -> dict[str, Any]:
        """Return the body of the answer. ``reference``: how this refusal is called in our log."""
        code = WORDS[self.word].code
        error = {"code": code, "message": self.word, "data": {"path": self.path, "detail": self.detail}}
        # JSON-RPC 2.0, section 5: null where it could not be read.
        unread = {"id": None} if code in {PARSE_ERROR, INVALID_REQUEST} else {}
        return {"jsonrpc": VERSION, **(_named(self.id) or unread), "reference_id": reference, "status": self.word} | {
            "error": error
        }


def accepted(reference: str, external_id: str | None, request: RequestId | None) -> dict[str, Any]:
    """Return the body of the answer to a call that was taken. ``request``: the request's own id."""
    status = {"reference_id": reference, "status": ACCEPTED}
    if external_id is not None:
        status["external_id"] = external_id
    return {"jsonrpc": VERSION, **_named(request), **status, "result": status}


def _named(request: RequestId | None) -> dict[str, Any]:
    return {} if request is None else {"id": request}
