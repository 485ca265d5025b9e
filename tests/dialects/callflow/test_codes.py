"""The codes: their texts to the letter, their HTTP statuses, and that each of them is what some document gets."""

from __future__ import annotations

import pytest

from otpvoice.dialects.callflow import MESSAGES, SESSION_ERRORS, UNKNOWN_ERROR, http_status
from tests.dialects.callflow.account import EXAMPLES

# 8x8, "Voice Status Codes and Status Messages": code, text, and the status that we answer with.
TABLE = [
    (1, "Created", 200),
    (-1001, "Invalid JSON request body", 400),
    (-1002, "Speech profile or language parameter invalid", 422),
    (-1003, "Valid maxDigits required when minDigits provided", 422),
    (-1004, "DTMF callback url not provided", 422),
    (-1005, "Valid overallTimeout is required when digitTimeout provided", 422),
    (-1006, "OverallTimeout should be greater than digitTimeout", 422),
    (
        -1007,
        "Invalid action type was used. Accepted action type is [say, sayAndcapture, makeCall, hangup, playFile]",
        400,
    ),
    (-1008, "Valid maxDigits is required when completeOnHash is false", 422),
    (-1009, "Invalid call flow entry provided.", 400),
    (-1010, "Some actions are provided beyond the allowed count", 422),
    (-1011, "Multiple destination phone numbers found in the request", 422),
    (-1012, "Invalid Callflow : Incorrect use of action Hangup", 422),
    (-1013, "Invalid Callflow : First action should be a MakeCall action", 422),
    (-1014, "Source or caller ID is not allowed", 422),
    (-1015, "The validity period of the call flow request has expired", 422),
    (-1016, "Invalid Callflow Content: Some special characters are invalid/unaccepted", 422),
    (-1017, "Invalid MSISDN format in Destination", 422),
    (-1018, "Execute Scenario cannot be processed together with other actions", 422),
    (-1019, "Invalid Callflow Content: scenarioName is null or empty", 422),
    (
        -1020,
        "Invalid Callflow: Invalid scenarioName or the account doesn't have permission to execute this scenario",
        422,
    ),
    (-9999, "An unknown error has occurred.", 500),
]

# 8x8, "Voice Error Codes".
SESSIONS = [
    (-2001, "An internal error has occurred"),
    (-2002, "An internal connectivity error has occurred"),
    (-2003, "The call flow provided is invalid"),
    (-2004, "No coverage available for requested area"),
    (-2005, "Unable to synthesize text to speech"),
    (-2006, "Unable to download file for playback"),
    (-2007, "The validity period of the call flow request has expired"),
    (-2008, "The provided source MSISDN or caller ID is not whitelisted"),
    (-2009, "The scenario parameters provided is invalid"),
    (-2010, "The trunk capacity has been exceeded"),
    (-9999, "An unknown error has occurred"),
]


def test_the_answers_codes_are_those_of_the_page() -> None:
    assert [(code, text, http_status(code)) for code, text in MESSAGES.items()] == TABLE


def test_the_sessions_codes_are_those_of_the_page() -> None:
    assert list(SESSION_ERRORS.items()) == SESSIONS


@pytest.mark.parametrize("code", [code for code, _, _ in TABLE])
def test_every_code_of_the_answers_has_its_document(code: int) -> None:
    if code == UNKNOWN_ERROR:
        # What a document can bring about is known: this one is for what breaks with us.
        assert not list((EXAMPLES / "bad").glob(f"{code}_*.json"))
    else:
        assert list((EXAMPLES / "good").glob("*.json") if code == 1 else (EXAMPLES / "bad").glob(f"{code}_*.json"))
