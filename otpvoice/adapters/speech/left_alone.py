"""Engines that hang: after a few in a row that were waited for in vain, calls go on to the next voice at once.

After a pause one call asks again. It is for candidates that another one stands behind; time is an argument, and an
engine's failures that cost no time are none of its business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import Context
from typing import Final

import structlog

from otpvoice.adapters.speech.counts import Counts
from otpvoice.adapters.speech.engines.circuit import Circuit

ONE_ASKS: Final = 10.0
"""Seconds for the one call that asks again: longer than it waits."""
LONG: Final = 1.0
"""Seconds: an engine that took longer to fail was waited for."""

log = structlog.get_logger(__name__)


class LeftAlone:
    """``engines``: their names; none is left alone at first. ``now``: monotonic, in seconds."""

    def __init__(self, engines: Iterable[str]) -> None:
        self._circuits: Final = {engine: Circuit() for engine in engines}
        self._asked_again: dict[str, float] = {}

    @property
    def open(self) -> Mapping[str, bool]:
        """Is it left alone? For each engine."""
        return {engine: circuit.open for engine, circuit in self._circuits.items()}

    def may_ask(self, engine: str, now: float) -> bool:
        """Return whether to ask it. Of a pause that is over, the first one to come asks, and the others do not."""
        circuit = self._circuits[engine]
        if not circuit.open:
            return True
        asked_at = self._asked_again.get(engine)
        if not circuit.may_ask(now) or (asked_at is not None and now < asked_at + ONE_ASKS):
            return False
        self._asked_again[engine] = now
        return True

    def hung(self, engine: str, began: float, now: float) -> None:
        """It was waited for in vain since ``began``."""
        circuit = self._circuits[engine]
        was_open = circuit.open
        # Those that asked before it was left alone are many, and say nothing new.
        if was_open and began < self._asked_again.get(engine, now):
            return
        circuit.failed(now)
        if circuit.open and not was_open:
            # In a context of its own: which call was the last straw says nothing.
            Context().run(lambda: log.warning("speech.engine_left_alone", engine=engine))

    def spoke(self, engine: str) -> None:
        """It was asked, and answered."""
        circuit = self._circuits[engine]
        if circuit.open:
            Context().run(lambda: log.info("speech.engine_speaks_again", engine=engine))
        circuit.succeeded()
        self._asked_again.pop(engine, None)


class Heard:
    """What is counted, told to ``left_alone``, too: an engine that has made sound does not hang."""

    def __init__(self, counts: Counts, left_alone: LeftAlone) -> None:
        self._counts, self._left_alone = counts, left_alone

    def rendered(self, engine: str, result: str, seconds: float, /) -> None:
        """See ``Counts``."""
        if result != "failed":
            self._left_alone.spoke(engine)
        self._counts.rendered(engine, result, seconds)

    def had(self, source: str, clips: int = 1, /) -> None:
        """See ``Counts``."""
        self._counts.had(source, clips)

    def stood_in(self, engine: str, /) -> None:
        """See ``Counts``."""
        self._counts.stood_in(engine)
