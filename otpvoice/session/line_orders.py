"""What a command for the line comes down to, as something to be carried out.

It starts nothing and waits for nothing; when that is done is the session's business.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, assert_never

from otpvoice.core.commands import (
    Answer,
    Connect,
    Dial,
    DialSecond,
    HangUp,
    HangUpSecond,
    Part,
    Release,
    SendDigits,
    SendDigitsToSecond,
)
from otpvoice.core.record import CallRecord
from otpvoice.core.result import Result
from otpvoice.session.ports import Line

LineCommand: TypeAlias = (
    Dial | Answer | Release | DialSecond | HangUpSecond | Connect | Part | SendDigits | SendDigitsToSecond | HangUp
)


def ordered(
    command: LineCommand, line: Line, record: CallRecord, result: Callable[[], Result]
) -> Coroutine[Any, Any, None]:
    """Return an order to the line. A second line is taken down; ``result``: what the call has come to by now."""
    match command:
        case Dial():
            return line.dial()
        case Answer():
            return line.answer()
        case SendDigits(digits=digits):
            return line.send_digits(digits)
        case SendDigitsToSecond(number=number, digits=digits):
            return line.send_digits_to_second(number, digits)
        case DialSecond(number=number, to=to, caller_id=caller_id, ring_timeout=ring_timeout):
            record.second(number, to, caller_id)
            return line.dial_second(number, to, caller_id, ring_timeout)
        case HangUpSecond(number=number):
            return line.hang_up_second(number)
        case Connect(number=number):
            return line.connect(number)
        case Part():
            return line.part()
        case Release():
            return line.release(result())
        case HangUp():
            return line.hang_up(result())
        case _:
            assert_never(command)
