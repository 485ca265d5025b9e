"""The HTTP API as an OpenAPI 3.1 document, made of the models that read and the shapes that are answered.

It knows no door: the model of a request is handed in, and so are the examples. What is served is the file that
``make docs`` writes (``otpvoice/web/openapi.json``); nobody makes it at run time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from otpvoice.dialects.answers import ANSWERS
from otpvoice.dialects.openapi_others import TAGS, other_paths, other_schemas
from otpvoice.dialects.openapi_paths import components, paths, webhooks
from otpvoice.dialects.openapi_schemas import answer_schemas, request_schemas

_ABOUT: Final = """\
Calls a telephone through your Asterisk, speaks a code, collects keys, and says truly what happened.

JSON in, JSON out. Times in requests are **seconds** without a suffix; measured spans in answers are integers that end
in `_ms`; instants are RFC 3339. Unknown fields are errors, and so is `null` where a field has no value: leave it out.
Errors are `application/problem+json` (RFC 9457); `type` is the address of a page about the error. A method that an
address does not have is a 405, and `Allow` names those that it has.

What is spelled as others spell it (`/api/v1/subaccounts/…`, `/v2/voice`) keeps to their rules and shapes instead.

A key `otp_test_…` is for trying: nobody is called, and all else is as it would be.
"""


@dataclass(frozen=True, slots=True)
class Examples:
    """What is shown: requests by name, calls and an event as they are answered, problems by status.

    ``others``: a request of each other spelling, by the name of its schema.
    """

    requests: Mapping[str, Any]
    calls: Sequence[Any]
    event: Any
    problems: Mapping[int, Any]
    others: Mapping[str, Any]


def document(version: str, body: type[BaseModel], instructions: type[BaseModel], examples: Examples) -> dict[str, Any]:
    """Return the document. ``body``: the model of what asks for a call; ``instructions``: of what a webhook answers."""
    schemas = request_schemas((body, instructions)) | answer_schemas(ANSWERS) | other_schemas()
    schemas["Call"]["examples"] = list(examples.calls)
    schemas["Event"]["examples"] = [examples.event]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "otpvoice",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [
            {"name": "calls", "description": "Ask for calls, look at them, end them, erase them."},
            {"name": "events", "description": "What happened to calls."},
            *TAGS,
            {"name": "health", "description": "For whoever watches over it; perhaps on another address."},
            {"name": "reference", "description": "This document."},
        ],
        "paths": paths(body.__name__, examples.requests) | other_paths(examples.others),
        "webhooks": webhooks(instructions.__name__),
        "components": {"schemas": dict(sorted(schemas.items())), **components(examples.problems)},
    }
