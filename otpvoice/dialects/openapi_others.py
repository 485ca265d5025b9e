"""What the reference says of the doors that are spelled as others spell them: addresses, and shapes of answers.

It is short on purpose: what their fields mean is in their vendors' documents, and how ours differ in ``docs/``. A body
is told by its outline, and read by the dialect alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]

ACCOUNT: Final = "/api/v1/subaccounts/{subAccountId}"
_UUID: Final = {"type": "string", "format": "uuid"}
_OBJECT: Final = {"type": "object"}
_IDEMPOTENT: Final = "As at `/v1/calls`: the same key with the same body is the same call."
_CALLFLOW_STATUSES: Final = (400, 401, 404, 405, 408, 409, 410, 413, 415, 422, 429, 500)
_RESOURCE_STATUSES: Final = (400, 401, 404, 405, 408, 413, 415, 422, 500)
_VOICE_STATUSES: Final = (400, 401, 405, 408, 409, 410, 413, 415, 422, 429, 500, 503)

TAGS: Final[list[Json]] = [
    {"name": "callflows", "description": "As 8x8 has it. What differs: docs/8x8.md."},
    {"name": "json-rpc", "description": "As Telesign has it. What differs: docs/telesign.md."},
]
SECURITY: Final[Json] = {
    "basic": {"type": "http", "scheme": "basic", "description": "The account's id, and one of its keys."}
}
PARAMETERS: Final[Json] = {
    "SubAccountId": {
        "in": "path",
        "name": "subAccountId",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "description": "The account's id. Any other is a 404.",
        "example": "default",
    },
}


def other_paths(requests: Mapping[str, Any]) -> Json:
    """Return the addresses. ``requests``: an example of a callflow, of an endpoint, and of a call, by schema."""
    own = {"parameters": [_ref("parameters", "SubAccountId")]}
    kind = {
        "in": "path",
        "name": "type",
        "required": True,
        "schema": {"enum": ["VCA", "VSS", "VCS", "VRU", "VNU"]},
        "description": "Of which type.",
    }
    return {
        f"{ACCOUNT}/callflows": {**own, "post": _send_callflow(requests["Callflow"])},
        f"{ACCOUNT}/webhooks": {
            **own,
            "get": _of_resource("listWebhooks", "List webhooks", "RegistrationList"),
            "post": {
                **_of_resource("registerWebhook", "Register a webhook", "RegistrationList"),
                "description": "In place of the one of that type. A test key has registrations of its own.",
                "requestBody": _body("Registration", requests["Registration"]),
            },
        },
        f"{ACCOUNT}/webhooks/{{type}}": {
            "parameters": [*own["parameters"], kind],
            "delete": _of_resource("deleteWebhook", "Delete a webhook", "RegistrationDeleted"),
        },
        f"{ACCOUNT}/speech-profiles": {
            **own,
            "get": _of_resource("listSpeechProfiles", "List voices", "SpeechProfileList"),
        },
        "/v2/voice": {"post": _dial(requests["VoiceRequest"])},
    }


def other_responses() -> Json:
    """Return the answers that several addresses have in common."""
    return {
        "CallflowRefused": _refused("Nothing was created; `statusCode` says why.", "CallflowRefusal"),
        "ResourceFailed": _refused("It can't be done; `statusMessage` says why.", "ResourceError"),
        "VoiceRefused": _refused("Nobody was called; `status` says why.", "VoiceRefusal"),
    }


def other_schemas() -> Json:
    """Return the shapes, by name."""
    registration = _object(
        {
            "type": {"type": "string"},
            "url": {"type": "string"},
            "enabled": {"type": "boolean"},
            "httpAuthHeaderAvailable": {"type": "boolean"},
        },
        "An endpoint. The header itself is shown to nobody.",
    )
    done = {"statusCode": {"const": 0}, "statusMessage": {"type": "string"}}
    status = {"reference_id": {"type": "string", "pattern": "^[0-9A-F]{32}$"}, "status": {"type": "string"}}
    rpc: Json = {"jsonrpc": {"const": "2.0"}, **status}
    return {
        "Callflow": {
            "type": "object",
            "description": "What to do: `makeCall` first, then the others in order; or one `scenario`.",
            "required": ["callflow"],
            "properties": {
                "validUntil": {"type": ["string", "null"], "format": "date-time"},
                "clientRequestId": {"type": ["string", "null"], "maxLength": 255},
                "callflow": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 50,
                    "items": _ref("schemas", "CallflowAction"),
                },
            },
        },
        "CallflowAction": {
            "type": "object",
            "description": "One action.",
            "required": ["action"],
            "properties": {
                "action": {"type": "string", "examples": ["makeCall", "say", "playFile", "sayAndCapture", "hangup"]},
                "params": {"description": "An object; of which fields, the action says."},
            },
        },
        "CallflowCreated": _object(
            {
                "sessionId": _UUID,
                "sessionStatus": {"const": "CREATED"},
                "callFlowRequestId": _UUID,
                "validUntil": {"type": "string"},
                "statusCode": {"const": 1},
                "statusMessage": {"const": "Created"},
            },
            "A session was created. `validUntil` is there where it was given.",
            optional=("validUntil",),
        ),
        "CallflowRefusal": _object(
            {
                "sessionStatus": {"const": "NOT_CREATED"},
                "callFlowRequestId": _UUID,
                "statusCode": {"type": "integer", "description": "A negative code of 8x8's, or HTTP's own status."},
                "statusMessage": {"type": "string"},
            },
            "No session was created.",
        ),
        "Registration": {
            "type": "object",
            "description": "An endpoint as it is asked for.",
            "required": ["type", "url"],
            "properties": {
                "type": {"enum": ["VCA", "VSS", "VCS", "VRU", "VNU"]},
                "url": {"type": "string", "minLength": 1, "maxLength": 2048},
                "httpAuthHeader": {"type": ["string", "null"], "writeOnly": True},
                "enabled": {"type": ["boolean", "null"]},
                "active": {"type": ["boolean", "null"], "description": "The same; `enabled` counts."},
            },
        },
        "RegistrationList": _object(
            {
                "subAccountId": {"type": "string"},
                "count": {"type": "integer", "minimum": 0},
                "webhooks": {"type": "array", "items": registration},
                **done,
            },
            "Endpoints: all; or the one that was registered.",
        ),
        "RegistrationDeleted": _object(
            {"subAccountId": {"type": "string"}, **registration["properties"], **done}, "The one that there was."
        ),
        "ResourceError": _object(
            {
                "errorId": _UUID,
                "statusCode": {"type": "string"},
                "statusMessage": {"type": "string"},
                "timestamp": {"type": "string", "format": "date-time"},
            },
            "An error of a webhook or of the list of voices.",
        ),
        "SpeechProfileList": _object(
            {
                "speechProfiles": {
                    "type": "array",
                    "items": _object(
                        {
                            "speechProfileCode": {"type": "string"},
                            "localeCode": {"type": "string"},
                            "localeDescription": {"type": "string"},
                            "gender": {"enum": ["F", "M"]},
                        },
                        "A voice. `gender` is there where it is known.",
                        optional=("gender",),
                    ),
                },
                **done,
            },
            "Voices, by language.",
        ),
        "VoiceRequest": {
            "type": "object",
            "description": "`dial`, the one method that begins a call.",
            "required": ["method"],
            "properties": {
                "method": {"type": "string", "examples": ["dial"]},
                "params": {"description": "An object: `to`, and what else there is to say."},
            },
        },
        "VoiceAccepted": _object(
            {**rpc, "id": {"type": ["string", "number"]}, "external_id": {"type": "string"}, "result": _OBJECT},
            "The call is taken.",
            optional=("id", "external_id"),
        ),
        "VoiceRefusal": _object(
            {
                **rpc,
                "id": {"type": ["string", "number", "null"]},
                "error": _object(
                    {"code": {"type": "integer"}, "message": {"type": "string"}, "data": _OBJECT}, "JSON-RPC's own."
                ),
            },
            "The call is not taken.",
            optional=("id",),
        ),
    }


def _send_callflow(example: Any) -> Json:
    return {
        "operationId": "sendCallflow",
        "tags": ["callflows"],
        "summary": "Ask for a callflow",
        "parameters": [_idempotency_key()],
        "requestBody": _body("Callflow", example),
        "responses": {"200": _json("A session was created.", "CallflowCreated")}
        | _by_status("CallflowRefused", *_CALLFLOW_STATUSES),
    }


def _of_resource(operation: str, summary: str, schema: str) -> Json:
    return {
        "operationId": operation,
        "tags": ["callflows"],
        "summary": summary,
        "responses": {"200": _json("Done.", schema)} | _by_status("ResourceFailed", *_RESOURCE_STATUSES),
    }


def _dial(example: Any) -> Json:
    taken = _json("The call is taken.", "VoiceAccepted")
    blocked = _json("The destination may not be called.", "VoiceRefusal")
    return {
        "operationId": "dialByJsonRpc",
        "tags": ["json-rpc"],
        "summary": "Ask for a call by JSON-RPC",
        "security": [{"basic": []}],
        "parameters": [_idempotency_key()],
        "requestBody": _body("VoiceRequest", example),
        "responses": {"200": blocked, "202": taken} | _by_status("VoiceRefused", *_VOICE_STATUSES),
    }


# --- parts ------------------------------------------------------------------------------------------------------------


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _object(properties: Json, said: str, *, optional: tuple[str, ...] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": said, "required": required, "properties": properties}


def _body(schema: str, example: Any) -> Json:
    content = {"schema": _ref("schemas", schema), "example": example}
    return {"required": True, "content": {"application/json": content}}


def _json(said: str, schema: str) -> Json:
    return {"description": said, "content": {"application/json": {"schema": _ref("schemas", schema)}}}


def _refused(said: str, schema: str) -> Json:
    return {**_json(said, schema), "headers": {"Retry-After": _ref("headers", "RetryAfter")}}


def _by_status(name: str, *statuses: int) -> Json:
    return {str(status): _ref("responses", name) for status in statuses}


def _idempotency_key() -> Json:
    schema = {"type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[ -~]*$"}
    return {
        "in": "header",
        "name": "Idempotency-Key",
        "required": False,
        "schema": schema,
        "description": _IDEMPOTENT,
    }
