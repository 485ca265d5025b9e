"""What happens to a call, as it happens: its events, and a line for people for each.

It takes the stream of events up again behind the last one where it breaks, and asks for the call itself only where they
do not tell of its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from otpvoice.cli.client import Client, Refused, Unanswered, printable
from otpvoice.cli.patience import Patience

END: Final = "call.ended"


def follow(client: Client, call_id: str) -> Iterator[Mapping[str, Any]]:
    """Yield the events of a call, each once, until it has ended; the last is ``call.ended``, unless that is forgotten.

    An event has a ``type`` and ``data``, an object. Raises ``Unanswered`` or ``Refused`` after a while of being told
    nothing.
    """
    patience, last, known = Patience(), "", set[str]()
    while True:
        try:
            behind = last
            for sent in client.events(call_id, last):
                patience.heard()
                if sent is None or (sent.id and sent.id in known):
                    continue
                last = sent.id
                known.add(last)
                if (event := _event(sent.data)) is not None:
                    yield event
                    if event["type"] == END:
                        return
            if last == behind and client.show(call_id)["state"] == "ended":
                # There was nothing more to tell: the end was told to somebody else, or is forgotten.
                return
            raise Unanswered("the stream of events ends before the call does")
        except (Unanswered, Refused) as error:
            patience.bear(error)


def followed(client: Client, record: dict[str, Any], tell: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """Hand on each event of a call; return the call as they tell of it, which may be short of its end.

    Raises as ``follow``.
    """
    for event in follow(client, record["id"]):
        tell(event)
        call = event["data"].get("call")
        # One that was too large for an event is asked for.
        if isinstance(call, dict) and call.get("id") == record["id"] and not call.get("truncated"):
            record = record | call
    return record


def until_ended(client: Client, record: dict[str, Any]) -> dict[str, Any]:
    """Return the call as it ended. Raises ``Unanswered`` or ``Refused`` after a while of being told nothing."""
    patience = Patience()
    while record["state"] != "ended":
        patience.pause()
        try:
            record = client.show(record["id"])
            patience.heard()
        except (Unanswered, Refused) as error:
            patience.bear(error)
    return record


def _event(data: str) -> Mapping[str, Any] | None:
    """Return what was sent as an event; None: it is none, and there is nothing to say of it."""
    try:
        event = json.loads(data)
    except ValueError:
        return None
    whole = isinstance(event, dict) and isinstance(event.get("type"), str) and isinstance(event.get("data"), dict)
    return event if whole else None


def line(event: Mapping[str, Any], since: object) -> str:
    """Return an event as a line. ``since``: the instant to count from (RFC 3339)."""
    return printable(f"{_after(event.get('timestamp'), since):>7} s  {_said(event['type'], event['data'])}")


def _said(kind: str, data: Mapping[str, Any]) -> str:
    match kind:
        case "call.queued" | "call.dialing" | "call.ringing" | "call.answered":
            return kind.removeprefix("call.")
        case "code.delivered":
            return "delivered  a whole reading was played"
        case "code.replayed":
            return "replayed   the code, by a key"
        case "action.completed":
            return f"completed  $.actions[{data.get('index')}] {data.get('type')}"
        case "digits.collected":
            return f"collected  {_collected(_part(data, 'collected'))}"
        case "call.ended":
            return f"ended      {_outcome(data)}"
        case _:
            return kind


# It may be another server that answers: nothing of what an event holds is taken for granted.


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _collected(collected: Mapping[str, Any]) -> str:
    """Return how many keys, and what ended them; never which."""
    count = collected.get("count")
    return f"{'•' * min(count, 64) if isinstance(count, int) else '?'} ({collected.get('ended_by')})"


def _outcome(data: Mapping[str, Any]) -> str:
    outcome = _part(_part(data, "call"), "outcome")
    return " / ".join(word for word in (outcome.get("class"), outcome.get("reason")) if isinstance(word, str))


def _after(instant: object, since: object) -> str:
    try:
        return f"{(datetime.fromisoformat(str(instant)) - datetime.fromisoformat(str(since))).total_seconds():.2f}"
    except (ValueError, TypeError):  # no instants; one with a zone and one without
        return "?"
