"""``python -m tests.docs.openapi_document``: writes the OpenAPI document that is served, from the models.

Its examples are what the tests post (``tests/dialects/examples``), and answers as the core and the door make them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from aiohttp.test_utils import make_mocked_request

from otpvoice import __version__
from otpvoice.core.actions import SayCode
from otpvoice.core.events import CallAnswered, CallDialed, CallEnded, CallProgressed, OriginateAccepted, SpeakingStarted
from otpvoice.core.outcome import Ending, classify
from otpvoice.core.plan import CallPlan
from otpvoice.core.proof import Proof
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter
from otpvoice.dialects.native import Answer, CallBody, parse_call
from otpvoice.dialects.native_events import envelope
from otpvoice.dialects.openapi import Examples, document
from otpvoice.dialects.problems import ProblemFound
from otpvoice.web.auth import Keys
from otpvoice.web.problems import (
    Refusal,
    call_erased,
    destination_busy,
    not_found,
    of_problems,
    of_status,
    rate_limited,
    unavailable,
)
from tests.dialects.account import DEFAULTS, NOW

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "otpvoice" / "web" / "openapi.json"
GOOD: Final = ROOT / "tests" / "dialects" / "examples" / "native" / "good"
OTHERS: Final = ROOT / "tests" / "dialects"
FIRST: Final = ("code_alone", "code_with_everything", "actions_of_every_type")
"""What is shown first; the others follow by name."""


def text() -> str:
    """Return the file as it has to be."""
    return json.dumps(document(__version__, CallBody, Answer, examples()), ensure_ascii=False, indent=1) + "\n"


def examples() -> Examples:
    """Return what is shown."""
    queued, record = calls()
    ended = record.to_json()
    return Examples(
        requests=requests(),
        calls=(queued, ended),
        event=json.loads(envelope(ended, 6, "call.ended", {}, NOW + 15.5).body),
        problems=dict(refusals()),
        others=others(),
    )


def requests() -> dict[str, Any]:
    """Return the good examples, by name."""
    names = sorted(
        (path.stem for path in GOOD.glob("*.json")), key=lambda name: (*(name != one for one in FIRST), name)
    )
    return {name: json.loads((GOOD / f"{name}.json").read_text()) for name in names}


def others() -> dict[str, Any]:
    """Return a request of each other spelling, as the tests of its dialect send it."""
    return {
        "Callflow": json.loads((OTHERS / "callflow" / "examples" / "good" / "the_guides_message.json").read_text()),
        "Registration": {"type": "VCA", "url": "https://ivr.example/vca", "httpAuthHeader": "mdp1234"},
        "VoiceRequest": json.loads(
            (OTHERS / "jsonrpc" / "examples" / "dial" / "good" / "reference_example.json").read_text()
        ),
    }


def calls() -> tuple[dict[str, Any], CallRecord]:
    """Return a call when it was taken, and its record when it ended."""
    code = OtpCode("918273")
    record = CallRecord(
        id="call_0123456789abcdef01234567",
        account="default",
        door="http",
        plan=CallPlan("+442079460123", "+442079460000", "default", "en-US", (SayCode(code),), metadata={"order": 7}),
        proof=Proof(spoken=True, expected=1),
        node="http://127.0.0.1:8088",
        instance="otp-1",
        created_at=NOW,
        channel="call_0123456789abcdef01234567-1",
    )
    queued = record.to_json()
    for event in (
        CallDialed(NOW + 0.1),
        OriginateAccepted(NOW + 0.2, "5c2d6a@203.0.113.5"),
        CallProgressed(NOW + 1.4, ringing=True),
        CallAnswered(NOW + 6.0),
        SpeakingStarted("1", NOW + 6.02, 8.0),
        CallEnded(NOW + 15.5, cause=16),
    ):
        record.note(event)
    for position in range(1, len(code) + 1):
        record.proof.played(CodeCharacter("", 1, position, len(code), "en-US"), NOW + 7.0 + position)
    record.end(classify(Ending(answered=True, by_callee=True, cause=16)), NOW + 15.5)
    return queued, record


def refusals() -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield answers as the door gives them, by status."""
    for body in (b"{", b'{"to": "+442079460123", "code": "12"}', b'{"to": "+449098790000", "code": "918273"}'):
        try:
            parse_call(body, DEFAULTS, NOW)
        except ProblemFound as found:
            yield _body(of_problems(found))
    try:
        Keys(()).caller(make_mocked_request("GET", "/"))
    except Refusal as refusal:
        yield _body(refusal)
    yield _body(not_found("call"))
    yield _body(destination_busy("call_0123456789abcdef01234567"))
    yield _body(call_erased())
    yield _body(rate_limited("destination_rate", 30.0))
    yield _body(unavailable("no_media_leg", "All media legs are taken. Nobody was called.", 5))
    for status in (408, 413, 415):
        yield _body(of_status(status))


def _body(refusal: Refusal) -> tuple[int, dict[str, Any]]:
    answer = refusal.response()
    assert isinstance(answer.body, bytes)
    return answer.status, json.loads(answer.body)


if __name__ == "__main__":
    FILE.write_text(text())
