"""What is counted of the work beside the calls: webhooks, questions, speech, requests.

Each of these is told by whoever does the work, when it is done.
"""

from __future__ import annotations

import asyncio
from typing import Final

from prometheus_client import CollectorRegistry

from otpvoice.core.actions import Action
from otpvoice.core.record import CallRecord
from otpvoice.metrics import catalogue
from otpvoice.metrics.instruments import counter, histogram
from otpvoice.metrics.ports import Attempt
from otpvoice.session import Asker, NoAnswer

_CANCELED: Final = "canceled"
_ANSWERED: Final = "answered"
_UNUSABLE: Final = "answer_invalid"
"""Also for what a spelling of another door has a word of its own for."""
_UNANSWERED: Final = frozenset(catalogue.QUESTIONS.labels[0].values)
_RENDERED: Final = "rendered"


class WebhookMetrics:
    """Attempts to deliver, of all accounts, those for calls of test keys included: their posts are real."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._attempts = counter(catalogue.WEBHOOK_DELIVERIES, registry)
        self._seconds = histogram(catalogue.WEBHOOK_SECONDS, registry)
        self._lag = histogram(catalogue.WEBHOOK_LAG, registry)

    def attempted(self, attempt: Attempt) -> None:
        """One attempt is over."""
        self._attempts.labels(attempt.made).inc()
        self._seconds.observe(attempt.seconds)
        if attempt.lag is not None:
            self._lag.observe(attempt.lag)


class CountedAsker:
    """``session.Asker``, counted; nobody waits on the telephone in calls of test keys, so these are not."""

    def __init__(self, asker: Asker, registry: CollectorRegistry) -> None:
        self._asker = asker
        self._questions = counter(catalogue.QUESTIONS, registry)
        self._seconds = histogram(catalogue.QUESTION_SECONDS, registry)

    async def ask(self, record: CallRecord, /) -> tuple[Action, ...]:
        """Ask what a call is to do next. Raises what the asker raises."""
        if record.test:
            return await self._asker.ask(record)
        now = asyncio.get_running_loop().time
        began, result = now(), _CANCELED
        try:
            actions = await self._asker.ask(record)
            result = _ANSWERED
            return actions
        except NoAnswer as missing:
            result = missing.code if missing.code in _UNANSWERED else _UNUSABLE
            raise
        finally:
            self._questions.labels(result).inc()
            self._seconds.observe(now() - began)


class SpeechMetrics:
    """Texts that speech engines were asked for, and where the sound of calls came from."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._renders = counter(catalogue.SPEECH_RENDERS, registry)
        self._seconds = histogram(catalogue.SPEECH_RENDER_SECONDS, registry)
        self._clips = counter(catalogue.SPEECH_CLIPS, registry)
        self._fallbacks = counter(catalogue.SPEECH_FALLBACKS, registry)

    def rendered(self, engine: str, result: str, seconds: float, /) -> None:
        """An engine has spoken, has failed, or does not take such a text."""
        self._renders.labels(engine, result).inc()
        if result == _RENDERED:
            self._seconds.observe(seconds)

    def had(self, source: str, clips: int = 1, /) -> None:
        """A call wanted so many clips and has them."""
        self._clips.labels(source).inc(clips)

    def stood_in(self, engine: str, /) -> None:
        """An engine spoke where another voice was to."""
        self._fallbacks.labels(engine).inc()


class HttpMetrics:
    """Requests. What of them becomes a label is for the web to bound: patterns of routes, never paths."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = counter(catalogue.HTTP_REQUESTS, registry, known=())
        self._seconds = histogram(catalogue.HTTP_SECONDS, registry)

    def answered(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """A request is over."""
        self._requests.labels(method, route, str(status)).inc()
        if seconds is not None:
            self._seconds.labels(route).observe(seconds)
