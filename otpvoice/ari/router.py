"""Which event is whose: ids are registered *before* the request that makes them is sent.

ARI may send an event before it answers the request that caused it, so there is no later moment that is early enough.
The router only looks ids up; whoever registered does the work, at once and without waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

AriEvent: TypeAlias = dict[str, Any]
Sink: TypeAlias = Callable[[AriEvent], None]

OTHER_HALF: Final = ";2"


class Router:
    """A table of channel and bridge ids, and who listens to each."""

    def __init__(self, stranger: Sink) -> None:
        """``stranger`` gets the events of channels that nobody registered."""
        self._sinks: dict[str, Sink] = {}
        self._stranger = stranger

    def __contains__(self, object_id: str) -> bool:
        """Has it an owner? A ``Local`` channel's other half has its own's (``main/core_unreal.c``)."""
        return object_id in self._sinks or object_id.removesuffix(OTHER_HALF) in self._sinks

    def __len__(self) -> int:
        return len(self._sinks)

    def register(self, object_id: str, sink: Sink) -> None:
        """Listen to a channel or bridge. Raises ``ValueError`` when somebody does already."""
        if object_id in self._sinks:
            raise ValueError(f"{object_id} is registered already")
        self._sinks[object_id] = sink

    def forget(self, object_id: str) -> None:
        """Listen no more. Unknown ids are fine."""
        self._sinks.pop(object_id, None)

    def route(self, event: AriEvent) -> None:
        """Hand an event to everybody whom it names."""
        found = False
        for object_id in ids_of(event):
            sink = self._sinks.get(object_id)
            if sink is not None:
                found = True
                sink(event)
        if not found:
            self._stranger(event)


def ids_of(event: AriEvent) -> tuple[str, ...]:
    """Return the channel and bridge ids that an event is about: its own, or for ``Dial`` the dialled peer's."""
    ids = (
        value["id"]
        for key in ("channel", "peer", "bridge")
        if isinstance(value := event.get(key), dict) and isinstance(value.get("id"), str)
    )
    return tuple(dict.fromkeys(ids))
