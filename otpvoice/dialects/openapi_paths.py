"""The addresses of the API and what each of them answers, for the reference.

It routes nothing. Shapes are referred to by name; they are made of the models in ``openapi_schemas``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from otpvoice.dialects import openapi_others as others
from otpvoice.dialects.native_events import TYPES

Json: TypeAlias = dict[str, Any]

PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("BadRequest", "Not HTTP as it should be, or a body that is not JSON."),
    401: ("Unauthorized", "No key, or one that is not known."),
    403: ("Forbidden", "A destination that this account may not call."),
    404: ("NotFound", "There is none of this name that is this account's."),
    408: ("RequestTimeout", "The body took too long to arrive."),
    409: ("Conflict", "Not while something else goes on; `code` says what."),
    410: ("Erased", "The call of this `Idempotency-Key` was placed, and erased since."),
    413: ("BodyTooLarge", "The body is too long."),
    415: ("UnsupportedEncoding", "The body is compressed."),
    422: ("Invalid", "All that is wrong with the request, each spot with a code of its own."),
    429: ("TooMany", "A limit is reached, of the account, the destination or the trunk."),
    503: ("Unavailable", "Not now. Nobody was called."),
}
"""Status → the name of its answer, and when it is given."""
_MAY_PASS: Final = (409, 429, 503)
"""Those that may say when to come back."""

HAPPENED: Final[Mapping[str, str]] = {
    "call.queued": "The call was taken",
    "call.dialing": "It is being dialled",
    "call.ringing": "It rings",
    "call.answered": "It was answered",
    "code.delivered": "One whole reading of the code was played",
    "code.replayed": "The callee wants the code again, and gets it",
    "action.completed": "An action is done",
    "digits.collected": "A gather is over",
    "media.started": "A media stream began",
    "media.stopped": "A media stream ended",
    "call.ended": "The call is over: this is its summary",
}
"""What each type of event says."""
WITHOUT_KEY: Final[list[Json]] = []
_ALWAYS: Final = (400, 401, 503)


def paths(body: str, requests: Mapping[str, Any]) -> Json:
    """Return the addresses. ``body``: the name of the schema of a call that is asked for, with examples of it."""
    return {
        "/v1/calls": {"post": _place(body, requests), "get": _list()},
        "/v1/calls/{id}": {"parameters": [_ref("parameters", "CallId")], "get": _show(), "delete": _erase()},
        "/v1/calls/{id}/hangup": {"parameters": [_ref("parameters", "CallId")], "post": _hang_up()},
        "/v1/calls/{id}/events": {
            "parameters": [_ref("parameters", "CallId")],
            "get": _events("callEvents", "Events of a call", 404),
        },
        "/v1/events": {"get": _events("events", "Events of all calls")},
        **_without_key(),
    }


def webhooks(instructions: str) -> Json:
    """Return what is posted to a webhook, by the type of event. ``instructions``: the schema of an answer."""
    return {kind: {"post": _webhook(kind, HAPPENED[kind], instructions)} for kind in TYPES}


def components(problems: Mapping[int, Any]) -> Json:
    """Return what several addresses have in common, but for the schemas."""
    return {
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer", "description": "A key of the account's."},
            **others.SECURITY,
        },
        "parameters": {
            "CallId": _parameter("path", "id", {"type": "string"}, "The call's, `call_…`."),
            "Limit": _parameter(
                "query", "limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "At most so many."
            ),
            **others.PARAMETERS,
        },
        "headers": {
            "RetryAfter": {"description": "Seconds after which to come back.", "schema": {"type": "integer"}},
        },
        "responses": {name: _problem(status, said, problems[status]) for status, (name, said) in PROBLEMS.items()}
        | others.other_responses(),
    }


# --- calls ------------------------------------------------------------------------------------------------------------


def _place(body: str, requests: Mapping[str, Any]) -> Json:
    examples = {name: {"summary": name.replace("_", " "), "value": value} for name, value in requests.items()}
    same = {"parameters": {"id": "$response.body#/id"}}
    return {
        "operationId": "placeCall",
        "tags": ["calls"],
        "summary": "Ask for a call",
        "description": "Everything is checked before anybody is called; what is wrong is told all at once.",
        "parameters": [
            _parameter(
                "header",
                "Idempotency-Key",
                # 255 characters, each of them escaped, in quotes.
                {"type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[ -~]*$"},
                "1 to 255 visible ASCII characters, bare or quoted. The same key with the same body is the same call, "
                "for 24 hours; with another body it is a 422.",
            )
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref("schemas", body), "examples": examples}},
        },
        "responses": {
            "202": {
                "description": "The call is taken.",
                "headers": {
                    "Location": {
                        "description": "Where it is.",
                        "required": True,
                        "schema": {"type": "string", "format": "uri-reference"},
                    },
                    "Idempotency-Replayed": {
                        "description": "The call was asked for before, with this key.",
                        "schema": {"type": "string", "const": "true"},
                    },
                },
                "content": {"application/json": {"schema": _ref("schemas", "Call")}},
                "links": {
                    "show": {"operationId": "showCall", **same},
                    "hangUp": {"operationId": "hangUpCall", **same},
                    "erase": {"operationId": "eraseCall", **same},
                    "events": {"operationId": "callEvents", **same},
                },
            },
            **_problems(*_ALWAYS, 403, 408, 409, 410, 413, 415, 422, 429),
        },
    }


def _list() -> Json:
    return {
        "operationId": "listCalls",
        "tags": ["calls"],
        "summary": "List calls",
        "description": "Newest first.",
        "parameters": [
            _ref("parameters", "Limit"),
            _parameter("query", "cursor", {"type": "string"}, "`next_cursor` of the page before."),
            _parameter("query", "state", _ref("schemas", "State"), "Only those in this state."),
        ],
        "responses": {"200": _json("A page of them.", "CallPage"), **_problems(*_ALWAYS, 422)},
    }


def _show() -> Json:
    return {
        "operationId": "showCall",
        "tags": ["calls"],
        "summary": "Look at a call",
        "responses": {"200": _json("The call as it stands.", "Call"), **_problems(*_ALWAYS, 404)},
    }


def _erase() -> Json:
    return {
        "operationId": "eraseCall",
        "tags": ["calls"],
        "summary": "Erase a call that ended",
        "description": "Its record, summary and events. A call that has not ended is a 409.",
        "responses": {"204": {"description": "It is forgotten."}, **_problems(*_ALWAYS, 404, 409)},
    }


def _hang_up() -> Json:
    return {
        "operationId": "hangUpCall",
        "tags": ["calls"],
        "summary": "End a call",
        "description": "One that has ended stays as it is.",
        "responses": {
            "202": _json("It is being ended: the call as it stands.", "Call"),
            **_problems(*_ALWAYS, 404, 409),
        },
    }


# --- events -----------------------------------------------------------------------------------------------------------


def _events(operation: str, summary: str, *more: int) -> Json:
    return {
        "operationId": operation,
        "tags": ["events"],
        "summary": summary,
        "description": "As a page, or, with `Accept: text/event-stream`, as server-sent events that go on: `id` is the "
        "event's, `event` its type, `data` the event.",
        "parameters": [
            _ref("parameters", "Limit"),
            _parameter("query", "after", {"type": "string"}, "The id of the last event that is known."),
            _parameter("header", "Last-Event-ID", {"type": "string"}, "The same, as browsers send it on their own."),
        ],
        "responses": {
            "200": {
                "description": "Events, oldest first.",
                "content": {
                    "application/json": {"schema": _ref("schemas", "EventPage")},
                    "text/event-stream": {"schema": {"type": "string"}},
                },
            },
            "204": {"description": "Of a stream: the call is over, and all of it is known."},
            **_problems(*_ALWAYS, *more, 422, 429),
        },
    }


def _webhook(kind: str, said: str, instructions: str) -> Json:
    return {
        "operationId": kind,
        "summary": said,
        "description": "Signed as Standard Webhooks says, and posted again until it was taken. Any other answer than "
        "2xx is a failure, redirects too; 410 ends it all for this address.",
        "security": WITHOUT_KEY,
        "parameters": [
            _parameter("header", "webhook-id", {"type": "string"}, "The event's id, on every try.", required=True),
            _parameter("header", "webhook-timestamp", {"type": "integer"}, "Unix seconds of this try.", required=True),
            _parameter(
                "header", "webhook-signature", {"type": "string"}, "`v1,…`, one for each secret.", required=True
            ),
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("schemas", "Event")}}},
        "responses": {
            "200": {
                "description": "Taken. The body is read where the webhook is interactive: what to do next.",
                "content": {"application/json": {"schema": _ref("schemas", instructions)}},
            },
            "204": {"description": "Taken."},
            "410": {"description": "Nothing more is to be posted here."},
        },
    }


# --- without a key ----------------------------------------------------------------------------------------------------


def _without_key() -> Json:
    """Return what watchers and readers ask for. It may be on the admin's address."""
    alive = {"200": _json("It does.", "Alive")}
    ready = {"200": _json("Yes.", "Readiness"), "503": _json("No: `reasons` says why.", "Readiness")}
    document = {"200": {"description": "This.", "content": {"application/json": {"schema": {"type": "object"}}}}}
    page = {"200": {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}}
    rows = (
        ("/healthz", "alive", "health", "Does the process run?", alive),
        ("/readyz", "ready", "health", "Can a call be placed now?", ready),
        ("/openapi.json", "document", "reference", "This document", document),
        ("/docs", "reference", "reference", "This document as a page", page),
    )
    return {
        path: {
            "get": {
                "operationId": operation,
                "tags": [tag],
                "summary": summary,
                "security": WITHOUT_KEY,
                "responses": responses,
            }
        }
        for path, operation, tag, summary, responses in rows
    }


# --- parts ------------------------------------------------------------------------------------------------------------


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _parameter(where: str, name: str, schema: Json, said: str, *, required: bool = False) -> Json:
    return {"in": where, "name": name, "required": required or where == "path", "schema": schema, "description": said}


def _json(said: str, schema: str) -> Json:
    return {"description": said, "content": {"application/json": {"schema": _ref("schemas", schema)}}}


def _problems(*statuses: int) -> Json:
    return {str(status): _ref("responses", PROBLEMS[status][0]) for status in sorted(statuses)}


def _problem(status: int, said: str, example: Any) -> Json:
    answer: Json = {"description": said}
    if status in _MAY_PASS:
        answer["headers"] = {"Retry-After": _ref("headers", "RetryAfter")}
    content = {"schema": _ref("schemas", "Problem"), "example": example}
    return {**answer, "content": {"application/problem+json": content}}
