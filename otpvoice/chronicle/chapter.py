"""What is told of one call, event by event: the envelopes that are ours, and the messages of another spelling.

It makes them, numbers them and keeps none: they are written together with the call's record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from otpvoice.adapters.store import Message, StoredEvent
from otpvoice.core.events import (
    CharacterPlayed,
    Event,
    PiecePlayed,
    QualitySampled,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.dialects.native_events import ASKED, Envelope, envelope, event_id, message_id, told
from otpvoice.dialects.spelling import Spelling, Teller, Told
from otpvoice.dialects.telling import Telling

log = structlog.get_logger(__name__)

OFTEN: Final = (CharacterPlayed, PiecePlayed, QualitySampled, SpeakingFinished, SpeakingStarted)
"""What happens many times in a call, and is told in no spelling: no record is put together for it."""


class Chapter:
    """``telling``: where things are told; ``spelling``: how, besides ours; ``events``: so many were told already.

    ``call`` is ``CallRecord.to_json`` as it stands, ``at`` Unix seconds.
    """

    def __init__(self, telling: Telling, spelling: Spelling | None, events: int = 0) -> None:
        self._telling, self._events, self._messages = telling, events, 0
        self._teller = None if spelling is None else spelling.teller()
        self.question: Envelope | None = None  # keys are in it

    def may_tell(self, event: Event) -> bool:
        """Is this, which is no event of ours, perhaps one in the other spelling?"""
        return self._teller is not None and not isinstance(event, OFTEN)

    def event(
        self, call: dict[str, Any], about: tuple[str, Mapping[str, Any]], at: float, *, asks: bool = False
    ) -> StoredEvent:
        """Return the next event. ``asks``: it is no plain one, and not for the outbox."""
        self._events += 1
        made = envelope(call, self._events, *about, at)
        endpoint = None if asks else self._telling.to(made.type)
        return StoredEvent(made.id, made.number, made.type, made.body, endpoint)

    def messages(self, call: Mapping[str, Any], event: Event, at: float) -> tuple[Message, ...]:
        """Return what is told of an event in the other spelling."""
        return self._said(call, lambda teller: teller.told(call, event, at))

    def last_messages(self, call: Mapping[str, Any], at: float) -> tuple[Message, ...]:
        """Return what is told of the call's end."""
        return self._said(call, lambda teller: teller.ended(call, at))

    def ask(self, call: dict[str, Any], event: Event, at: float) -> None:
        """Somebody is asked by this event, the last one that was told."""
        if self._teller is not None:
            question = self._teller.question(call, event, at)
            identity = event_id(call["id"], self._events)
            self.question = Envelope(identity, self._events, question.name, question.body)
        elif (about := told(event, asks=True)) is not None:
            self.question = envelope(call, self._events, about[0], {**about[1], ASKED: True}, at)

    def _said(self, call: Mapping[str, Any], tell: Callable[[Teller], Sequence[Told]]) -> tuple[Message, ...]:
        """Return what a teller says, nothing where it fails: that costs nobody the record, nor the summary."""
        if self._teller is None:
            return ()
        try:
            return self._addressed(call, tell(self._teller))
        except Exception:
            # What a former life has written may be anything.
            log.exception("chronicle.not_spelled", call=call.get("id"), account=call.get("account"))
            return ()

    def _addressed(self, call: Mapping[str, Any], told: Sequence[Told]) -> tuple[Message, ...]:
        """Return what goes to those hooks that the call has, each with an id of its own."""
        hooks = {hook.name: hook for hook in self._telling.hooks}
        messages: list[Message] = []
        for one in told:
            if (hook := hooks.get(one.hook)) is not None:
                self._messages += 1
                identity = message_id(call["id"], self._events, self._messages)
                messages.append(Message(identity, one.type, hook.url, one.body, hook.auth))
        return tuple(messages)
