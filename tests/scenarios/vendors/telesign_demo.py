# The library is not installed: a stand-in is found beside it when it runs.
# mypy: ignore-errors
"""Three applications of the kind that Telesign's public demos show, for the library bottle: a table, not their code.

``survey``: who answers is connected with an agent, and asked how it was when the agent has hung up. ``menu``: whoever
calls is asked where to, and connected. ``transfer``: whoever calls the number that it has is connected with one desk
at once, as who he is, and then with another one. As in the demo, ``data.from`` is read at every event, a language that
is not known is null, keys are asked for by ``max`` alone, and nothing is answered to ``call_completed``, so that the
server says 500; ``transfer`` reads ``to`` and ``from`` at the top of an event. What is in capitals below is filled in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import bottle

Event = Mapping[str, Any]

OUR_NUMBER = "1111111"
FIRST_DEPARTMENT = "3333333"
SECOND_DEPARTMENT = "2222222"
APPLICATION = "survey"
TRANSFERRED = "4444444"
FIRST_DESK = "5555555"
SECOND_DESK = "6666666"

HOW_WAS_IT = "How was our service today? Press a key from one to five."
WHERE_TO = "Good day. Press one for customers, or two for accounts."
DEPARTMENTS = {"1": FIRST_DEPARTMENT, "2": SECOND_DEPARTMENT}


def action(method: str, **params: object) -> dict[str, object]:
    """Return an action as it is answered."""
    return {"jsonrpc": "2.0", "method": method, "params": params}


def question(text: str, language: str | None) -> dict[str, object]:
    """Return what speaks a text and collects a key."""
    return action("speak", tts={"message": text, "language": language}, collect_digits={"max": 1})


def department(event: Event) -> dict[str, object]:
    """Return what connects with the one that was chosen."""
    to = DEPARTMENTS.get(event["data"]["collected_digits"])
    return action("hangup") if to is None else action("dial", to=to, caller_id_number=OUR_NUMBER)


def transferred(event: Event) -> dict[str, object]:
    """Return what connects with the second desk once the first one is done, and lets go after that."""
    if event["to"] != FIRST_DESK:
        return action("hangup")
    return action("dial", to=SECOND_DESK, caller_id_number=event["from"])


ANSWERS: Mapping[str, Mapping[str, Callable[[Event], dict[str, object]]]] = {
    "survey": {
        "dial_completed": lambda event: action("dial", to=FIRST_DEPARTMENT, caller_id_number=event["data"]["from"]),
        "call_leg_completed": lambda _: question(HOW_WAS_IT, None),
    },
    "menu": {
        "incoming_call": lambda _: question(WHERE_TO, "en-US"),
        "speak_completed": department,
    },
    "transfer": {
        "incoming_call": lambda event: action("dial", to=FIRST_DESK, caller_id_number=event["from"]),
        "call_leg_completed": transferred,
    },
}
CALLS: dict[str, str] = {}
"""Which application a call is for, by its reference: the first event says whom it was for."""

app = bottle.Bottle()


@app.post("/")
def told() -> bottle.HTTPResponse:
    """Answer an event."""
    event = bottle.request.json
    assert event["data"]["from"]
    if event["event"] == "call_completed":
        raise LookupError("there is no answer to this")
    application = "transfer" if event["to"] == TRANSFERRED else APPLICATION
    application = CALLS.setdefault(event["reference_id"], application)
    answer = ANSWERS[application].get(event["event"], lambda _: action("hangup"))(event)
    return bottle.HTTPResponse(body=json.dumps(answer), headers={"Content-Type": "application/json"})


bottle.run(app, host="0.0.0.0", port="8080")
