"""The ids that vendors give a call: made of ours, the same in every process."""

from __future__ import annotations

import uuid
from typing import Final

import pytest

from otpvoice.dialects.session_ids import reference_of, session_of, uuid_of
from otpvoice.stasis import new_call_id

CALL: Final = "call_a089b40df05911f0893799c7872ee3c4"


def test_a_session_is_called_by_the_digits_of_its_call() -> None:
    assert session_of(CALL) == "a089b40d-f059-11f0-8937-99c7872ee3c4"
    assert reference_of(CALL) == "A089B40DF05911F0893799C7872EE3C4"


def test_the_ids_of_calls_have_these_digits() -> None:
    made = new_call_id()
    assert session_of(made).replace("-", "") == made.removeprefix("call_")


OTHERS: Final = ["", "call_", "call_1", CALL.upper(), f"{CALL}0", CALL[5:], f"{CALL}-1", "call_é", "call_\ud800"]


@pytest.mark.parametrize("other", range(len(OTHERS)))
def test_any_other_id_has_a_session_of_its_own(other: int) -> None:
    session = session_of(OTHERS[other])
    assert uuid.UUID(session).version == 5
    assert str(uuid.UUID(session)) == session
    assert session == session_of(OTHERS[other])
    assert reference_of(OTHERS[other]) == session.replace("-", "").upper()
    assert len({session_of(one) for one in OTHERS}) == len(OTHERS)


def test_a_uuid_is_the_one_that_python_makes_of_the_same_name() -> None:
    namespace = uuid.UUID(hex="6f7470766f6963654c8f9d1f3b6a57c2")
    name = "".join("\0" * 7 + chr(len(word)) + word for word in ("a089b40d", "call", "1"))
    assert (
        uuid_of("a089b40d", "call", "1") == str(uuid.uuid5(namespace, name)) == "aa7c5f4a-1733-5bb0-acda-b7d92bcdd9a5"
    )


def test_where_one_word_ends_counts() -> None:
    assert len({uuid_of("ab", "c"), uuid_of("a", "bc"), uuid_of("abc"), uuid_of("abc", ""), uuid_of("c", "ab")}) == 5
