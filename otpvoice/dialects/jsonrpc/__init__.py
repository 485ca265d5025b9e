"""The spelling of calls as JSON-RPC: ``dial`` begins one, each event asks, and each answer is the next action.

It is Telesign's ("Voice - Actions", "Voice - Events"), and stands for what those pages say; what they leave open is
decided here once, or by the administrator (``offers.Keying``).
"""

from __future__ import annotations

from otpvoice.core.actions import Action
from otpvoice.core.plan import CallPlan
from otpvoice.dialects.jsonrpc.answering import actions_of
from otpvoice.dialects.jsonrpc.dialing import DialRequest, parse_dial, read_document
from otpvoice.dialects.jsonrpc.envelope import id_of
from otpvoice.dialects.jsonrpc.events import EXTERNAL_ID, SPELLING
from otpvoice.dialects.jsonrpc.inbound import inbound_plan
from otpvoice.dialects.jsonrpc.telling import JsonRpcTeller
from otpvoice.dialects.jsonrpc.words import WORDS, RequestId, RpcRefused, accepted
from otpvoice.dialects.offers import CallDefaults

__all__ = [
    "EXTERNAL_ID",
    "SPELLING",
    "WORDS",
    "DialRequest",
    "JsonRpcSpelling",
    "RequestId",
    "RpcRefused",
    "accepted",
    "id_of",
    "inbound_plan",
    "parse_dial",
    "read_document",
]


class JsonRpcSpelling:
    """``dialects.spelling.Spelling``."""

    def teller(self) -> JsonRpcTeller:
        """Return who tells one call."""
        return JsonRpcTeller()

    def actions(
        self, body: bytes, asked: str, plan: CallPlan, defaults: CallDefaults, now: float, /
    ) -> tuple[Action, ...]:
        """Return what an answer to the event ``asked`` says is to be done. Raises ``ProblemFound``."""
        return actions_of(body, asked, plan, defaults, now)
