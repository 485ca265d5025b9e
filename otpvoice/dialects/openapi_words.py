"""What the reference says of each field of a request, for people; and rules that no model has.

It names fields and never lists them: the models do. One without a word here can't be documented (``make docs`` stops).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from otpvoice.dialects import fields
from otpvoice.dialects.stream_rules import RATES

Words: TypeAlias = str | Mapping[str, Any]
"""A sentence; or keywords, the sentence among them."""

NUMBER: Final[Mapping[str, Any]] = {
    # E.164 with plus, or one word that LOCAL_NUMBERS may allow.
    "pattern": "^(\\+[1-9][0-9]{5,14}|[0-9A-Za-z*#][0-9A-Za-z*#_.-]{0,39})$"
}
_KEYS: Final = {"pattern": "^[0-9*#A-D]*$"}

COMMON: Final[Mapping[str, Words]] = {
    "id": "A name of yours for this action; it comes back in what is told of it.",
    "tag": "A label of yours; it comes back with what was collected.",
    "type": "Which action it is.",
    "language": "BCP 47. Where it is not given, the call's, else the configured one.",
    "voice": "`engine`, `engine:voice`, or a hosted product's name of a voice, for which the nearest stands in. "
    "It speaks the languages that it has; others are spoken by their own.",
    "speed": "1 is the voice's own speed.",
    "times": "How often it is said.",
    "brand": "Who sends the code; takes the place of `{brand}`.",
    "template": {
        "description": "The sentence around the code, with `{code}` once. Where it is not given, the language's own.",
        "pattern": "\\{code\\}",
    },
    "code": "The code. It is spoken, and found nowhere else: in no log, record or webhook.",
    "ring_timeout": "Seconds that it may ring. Where it is not given, the trunk's.",
    "prompt": "What is said before: a text, or a list. Where it is not given, nothing.",
    "gate": "A key before the code: nothing secret is said until it is pressed.",
    "replay": "A key by which the code is heard again.",
}
"""Fields that mean the same wherever they are."""

WORDS: Final[Mapping[str, Mapping[str, Words]]] = {
    "CallBody": {
        "dial": "False: nobody is dialled. The plan waits for a channel that the dialplan hands over by the call's id.",
        "to": {
            **NUMBER,
            "description": "Whom to call: E.164 with plus, or an allowed extension. Required unless `dial` is false.",
            "examples": ["+442079460123"],
        },
        "trunk": "One of the account's; the first where it is not given.",
        "from": "The caller ID to show: one that may be used on the trunk; the first where it is not given.",
        "sip_headers": f"Up to 10 headers of the INVITE, `X-…`, up to {fields.LARGEST_HEADER} bytes each.",
        "max_duration": "Seconds from the answer until the call is ended.",
        "valid_until": "From then on the code is stale. A call that is stale before it is dialled rings nobody; one "
        "that is stale at the answer is ended without a word.",
        "metadata": f"Anything of yours, up to {fields.LARGEST_METADATA} bytes as JSON; it comes back in the call.",
        "webhook": "Where to tell what happens; the configured address where it is not given.",
        "actions": "What to do once it is answered, in order. This, or `code`; or neither, where the webhook is asked.",
        "code": "The shorthand: one `say_code`, then the `gather` if there is one. This, or `actions`.",
        "gather": "Keys to collect once the code was said.",
    },
    "Say": {"text": "What to say.", "gap": "Seconds between readings."},
    "SayCode": {
        "group": {
            "type": ["integer", "null"],
            "description": "Characters in a group; 0: no groups. Null, as where it is not given: as the language does.",
        },
        "gap": "Seconds between characters.",
        "group_gap": "Seconds between groups.",
        "slow_down": "How much slower each further reading is.",
        "spelling": "Letters are said with a word that begins with them: B as in Bravo.",
        "languages": "A choice of languages before anything is said: which key stands for which.",
    },
    "Play": {
        "prompt": "The name of a recording in the folder of prompts, without `.wav`.",
        "url": "Where to fetch the recording; it is fetched before anybody is called.",
        "times": "How often it is played.",
    },
    "Pause": {"seconds": "How long."},
    "SendDigits": {"digits": "Keys to press; `w` waits for half a second."},
    "Dial": {
        "to": "As the call's own.",
        "from": "A caller ID of the call's trunk; where it is not given, the one that the call shows.",
    },
    "Gather": {
        "success": "What is said when the keys are valid; as `prompt`.",
        "failure": "What is said when they are not, and no try is left; as `prompt`.",
        "min_digits": "Fewer are not valid.",
        "max_digits": "So many end it. Required where there are no terminators.",
        "terminators": {**_KEYS, "description": "Keys that end it, and are no part of it."},
        "valid_digits": {**_KEYS, "description": "Keys that count. Others are counted as ignored and move no timer."},
        "first_digit_timeout": "Seconds from the end of the prompt to the first key.",
        "inter_digit_timeout": "Seconds from one key to the next.",
        "overall_timeout": "Seconds from the end of the prompt to the end of it all.",
        "tries": "How often it is asked until the keys are valid.",
        "barge_in": "A key cuts the prompt.",
        "type_ahead": "`keep` counts keys that were pressed before the question, `flush` forgets them.",
        "sensitive": "The keys are told to nobody but the webhook of this call.",
    },
    "Stream": {
        "name": "By which it is stopped. Two that run have different ones.",
        "format": "How it is spoken there.",
        "mode": "`listen`: it runs beside the plan until it is stopped or the call ends. `talk`: the other side has "
        "the callee, both ways; the plan goes on when its socket ends.",
        "url": {
            "pattern": "^([Ww][Ss]|[Hh][Tt][Tt][Pp])[Ss]?:",
            "description": "Where: `wss` or `ws`; in a format that asks for it, `https` or `http`, whose answer names "
            "the `wss` URL. A user name and password in it, percent-encoded, are sent as Basic.",
            "examples": ["wss://voice.example/calls"],
        },
        "tracks": {
            "uniqueItems": True,
            "description": "What is heard: `inbound` from the phone, `outbound` to it, `second` from the other leg. "
            "Of one that talks `inbound` alone.",
        },
        "sample_rate": {"enum": [*RATES], "description": "Hz, one of the format's; its first where it is not given."},
        "parameters": "Anything of yours, told to whoever listens: names and texts. Formats have narrower bounds.",
        "auth": "How we say who we are. Not beside a user name in the URL.",
    },
    "StopStream": {"name": "Which."},
    "BasicAuth": {"type": "A name and a password.", "username": "Who.", "password": "With which password."},
    "BearerAuth": {"type": "A token.", "token": "What is sent as `Authorization: Bearer`."},
    "SignatureAuth": {
        "type": "A signature.",
        "secret": "What signs the moment and the URL of each handshake (HMAC-SHA256).",
    },
    "Replay": {"key": "Which.", "limit": "How often."},
    "Gate": {
        "key": "Which; `any`, or `random`: a digit that is announced.",
        "tries": "How often it is asked.",
        "timeout": "Seconds to press it.",
        "failure": "What is said when nobody did: a text, or a list.",
    },
    "LanguageKey": {"key": "Which.", "language": "BCP 47."},
    "Webhook": {
        "url": "Where to post.",
        "events": "Which types, or `*`.",
        "interactive": "Whoever answers there says what to do next.",
        "timeout": "Seconds for such an answer.",
        "fallback": "What to do where there is none; hang up where this is not given.",
    },
    "Answer": {"actions": "What to do next; nothing: the plan is over."},
}
"""Fields by model."""

JOINT: Final[Mapping[str, Mapping[str, Any]]] = {
    "CallBody": {
        "not": {"required": ["actions", "code"]},
        "anyOf": [
            {"required": ["actions"]},
            {"required": ["code"]},
            {
                "required": ["webhook"],
                "properties": {
                    "webhook": {"required": ["interactive"], "properties": {"interactive": {"const": True}}}
                },
            },
        ],
        "dependentRequired": {
            name: ["code"] for name in ("brand", "template", "times", "speed", "replay", "gate", "gather")
        },
        "if": {"properties": {"dial": {"const": False}}, "required": ["dial"]},
        "then": {"properties": {"ring_timeout": False, "sip_headers": False}},
        "else": {"required": ["to"]},
    },
    "Stream": {
        "if": {"properties": {"mode": {"const": "talk"}}, "required": ["mode"]},
        "then": {"properties": {"tracks": {"const": ["inbound"]}}},
    },
    "Play": {"oneOf": [{"required": ["prompt"]}, {"required": ["url"]}]},
}
"""Which fields of a model go together, in JSON Schema's words."""
