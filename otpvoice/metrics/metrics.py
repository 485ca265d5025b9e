"""All metrics of one service: what it counts, and what it tells of that when somebody scrapes.

Whatever goes wrong in counting costs no call: it is in the log, and the call goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog

from otpvoice.core.events import Event
from otpvoice.core.record import CallRecord
from otpvoice.metrics.calls import CallMetrics
from otpvoice.metrics.exposition import exposition
from otpvoice.metrics.gauges import Gauges
from otpvoice.metrics.instruments import new_registry
from otpvoice.metrics.lag import LoopLag
from otpvoice.metrics.ports import House
from otpvoice.metrics.records import CountedRecords, Records
from otpvoice.metrics.refusals import NO_OTHERS
from otpvoice.metrics.store import StoreWatch
from otpvoice.metrics.streams import StreamMetrics
from otpvoice.metrics.work import CountedAsker, HttpMetrics, SpeechMetrics, WebhookMetrics
from otpvoice.session import Asker

log = structlog.get_logger(__name__)


class Metrics:
    """``accounts``, ``trunks``, ``formats``: all that are configured, or that there are. ``version``: otpvoice's.

    ``doors``: names of doors besides our own two, and the closed list of reasons for which each refuses.
    """

    def __init__(
        self,
        *,
        accounts: Iterable[str],
        trunks: Iterable[str],
        formats: Iterable[str],
        version: str,
        doors: Mapping[str, Iterable[str]] = NO_OTHERS,
    ) -> None:
        self.registry = new_registry()
        self._version = version
        self._calls = CallMetrics(self.registry, accounts=accounts, trunks=trunks, doors=doors)
        self._http = HttpMetrics(self.registry)
        self._store: StoreWatch | None = None
        self.webhooks = WebhookMetrics(self.registry)
        self.streams = StreamMetrics(self.registry, formats)
        self.speech = SpeechMetrics(self.registry)
        self.lag = LoopLag(self.registry)

    def counted_records(self, records: Records) -> CountedRecords:
        """Return records that count, too."""
        return CountedRecords(records, self._ended)

    def counted_asker(self, asker: Asker) -> CountedAsker:
        """Return an asker that counts, too. Once."""
        return CountedAsker(asker, self.registry)

    def watch(self, house: House) -> None:
        """Say what is to be asked when somebody scrapes. Once."""
        store = self._store = StoreWatch(house.store, house.posting)
        self.streams.watch(house.streams)
        self.registry.register(Gauges(house, self._version, lambda: store.known))

    # --- what is told -----------------------------------------------------------------------------------------------

    def follow(self, record: CallRecord, event: Event) -> None:
        """Something happened to a call."""
        try:
            self._calls.follow(record, event)
        except Exception:
            log.exception("metrics.broken")

    def answered(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """A request is over; see ``web.ports.Counts``."""
        self._http.answered(method, route, status, seconds)

    def refused(self, door: str, reason: str) -> None:
        """A call was asked for and not taken."""
        self._calls.refused(door, reason)

    def recovered(self, becomes: str) -> None:
        """A call of a former life was ended, or goes on; see ``recovery``."""
        self._calls.recovered(becomes)

    def _ended(self, record: CallRecord) -> None:
        try:
            self._calls.ended(record)
        except Exception:
            log.exception("metrics.broken")

    # --- what is asked ----------------------------------------------------------------------------------------------

    async def expose(self, accept: str) -> tuple[bytes, str]:
        """Return all of it as text, and its content type. ``accept``: what the client would take."""
        if self._store is not None:
            await self._store.look()
        return exposition(self.registry, accept)
