"""The codes that answer a request for a callflow, and those that a session ends with: 8x8, "Voice Status Codes and
Status Messages" and "Voice Error Codes", their texts to the letter.

It judges nothing: which rule has which code is in ``wrongs``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final

CREATED: Final = 1
NOT_JSON: Final = -1001
UNKNOWN_VOICE: Final = -1002
NO_MOST_DIGITS: Final = -1003
NOBODY_TO_TELL: Final = -1004
NO_OVERALL_TIMEOUT: Final = -1005
DIGIT_TIMEOUT_TOO_LONG: Final = -1006
UNKNOWN_ACTION: Final = -1007
ENDLESS: Final = -1008
INVALID_ENTRY: Final = -1009
TOO_MANY_ACTIONS: Final = -1010
SEVERAL_DESTINATIONS: Final = -1011
HANGUP_MISUSED: Final = -1012
NO_CALL_FIRST: Final = -1013
SOURCE_NOT_ALLOWED: Final = -1014
EXPIRED: Final = -1015
UNSPEAKABLE_CHARACTERS: Final = -1016
INVALID_DESTINATION: Final = -1017
SCENARIO_NOT_ALONE: Final = -1018
NO_SCENARIO_NAME: Final = -1019
UNKNOWN_SCENARIO: Final = -1020
UNKNOWN_ERROR: Final = -9999

MESSAGES: Final[Mapping[int, str]] = MappingProxyType(
    {
        CREATED: "Created",
        NOT_JSON: "Invalid JSON request body",
        UNKNOWN_VOICE: "Speech profile or language parameter invalid",
        NO_MOST_DIGITS: "Valid maxDigits required when minDigits provided",
        NOBODY_TO_TELL: "DTMF callback url not provided",
        NO_OVERALL_TIMEOUT: "Valid overallTimeout is required when digitTimeout provided",
        DIGIT_TIMEOUT_TOO_LONG: "OverallTimeout should be greater than digitTimeout",
        UNKNOWN_ACTION: "Invalid action type was used. Accepted action type is "
        "[say, sayAndcapture, makeCall, hangup, playFile]",
        ENDLESS: "Valid maxDigits is required when completeOnHash is false",
        INVALID_ENTRY: "Invalid call flow entry provided.",
        TOO_MANY_ACTIONS: "Some actions are provided beyond the allowed count",
        SEVERAL_DESTINATIONS: "Multiple destination phone numbers found in the request",
        HANGUP_MISUSED: "Invalid Callflow : Incorrect use of action Hangup",
        NO_CALL_FIRST: "Invalid Callflow : First action should be a MakeCall action",
        SOURCE_NOT_ALLOWED: "Source or caller ID is not allowed",
        EXPIRED: "The validity period of the call flow request has expired",
        UNSPEAKABLE_CHARACTERS: "Invalid Callflow Content: Some special characters are invalid/unaccepted",
        INVALID_DESTINATION: "Invalid MSISDN format in Destination",
        # The page gives two texts, of which this is the one that says something.
        SCENARIO_NOT_ALONE: "Execute Scenario cannot be processed together with other actions",
        NO_SCENARIO_NAME: "Invalid Callflow Content: scenarioName is null or empty",
        UNKNOWN_SCENARIO: "Invalid Callflow: Invalid scenarioName or the account doesn't have permission to execute "
        "this scenario",
        UNKNOWN_ERROR: "An unknown error has occurred.",
    }
)
"""What answers a request at once. Behind ``INVALID_ENTRY``'s text comes what is wrong, and where."""


class Error(IntEnum):
    """What a session ends with: ``errorCode``; ``SESSION_ERRORS`` has the messages."""

    INTERNAL = -2001
    CONNECTIVITY = -2002
    CALLFLOW_INVALID = -2003
    NO_COVERAGE = -2004
    SPEECH = -2005
    DOWNLOAD = -2006
    EXPIRED = -2007
    SOURCE_NOT_ALLOWED = -2008
    SCENARIO_INVALID = -2009
    TRUNK_CAPACITY = -2010
    UNKNOWN = -9999


SESSION_ERRORS: Final[Mapping[Error, str]] = MappingProxyType(
    {
        Error.INTERNAL: "An internal error has occurred",
        Error.CONNECTIVITY: "An internal connectivity error has occurred",
        Error.CALLFLOW_INVALID: "The call flow provided is invalid",
        Error.NO_COVERAGE: "No coverage available for requested area",
        Error.SPEECH: "Unable to synthesize text to speech",
        Error.DOWNLOAD: "Unable to download file for playback",
        Error.EXPIRED: "The validity period of the call flow request has expired",
        Error.SOURCE_NOT_ALLOWED: "The provided source MSISDN or caller ID is not whitelisted",
        Error.SCENARIO_INVALID: "The scenario parameters provided is invalid",
        Error.TRUNK_CAPACITY: "The trunk capacity has been exceeded",
        Error.UNKNOWN: "An unknown error has occurred",
    }
)
"""What the summary of a session has in ``errorDetails``."""

_OF_THE_FORM: Final = frozenset({NOT_JSON, UNKNOWN_ACTION, INVALID_ENTRY})


def http_status(code: int) -> int:
    """Return the HTTP status of an answer with this code: 200, 400 for the form, 422 for any other rule, 500.

    8x8's OpenAPI file has an example of each: 400 with -1007, 422 with -1013.
    """
    if code == CREATED:
        return 200
    if code == UNKNOWN_ERROR:
        return 500
    return 400 if code in _OF_THE_FORM else 422
