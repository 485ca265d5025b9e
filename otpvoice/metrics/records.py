"""Records that count a call when it ends; in all else they are the records that they are handed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from otpvoice.core.record import CallRecord


class Records(Protocol):
    """Where records are kept (``stasis.Records``)."""

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None: ...
    def save(self, record: CallRecord, /) -> None: ...
    def finish(self, record: CallRecord, /) -> None: ...


class CountedRecords:
    """``ended`` is told of each record that is finished."""

    def __init__(self, records: Records, ended: Callable[[CallRecord], None]) -> None:
        self._records, self._ended = records, ended

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None:
        """Keep a new call. Raises what the records raise."""
        await self._records.accept(record, token=token)

    def save(self, record: CallRecord, /) -> None:
        """Keep how far a call got."""
        self._records.save(record)

    def finish(self, record: CallRecord, /) -> None:
        """Keep how a call ended, and count it."""
        self._records.finish(record)
        self._ended(record)
