"""A call's name, on all that is logged for it: in this task, and in those that it begins."""

from __future__ import annotations

from contextlib import AbstractContextManager

from structlog.contextvars import bound_contextvars

from otpvoice.core.record import CallRecord


def named(record: CallRecord) -> AbstractContextManager[None]:
    """Do something for a call, in a task that is not its own."""
    return bound_contextvars(call=record.id, account=record.account)
