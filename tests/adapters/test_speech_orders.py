"""An order's address on the disk: what changes it, and that it tells nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otpvoice.adapters.speech import orders
from otpvoice.adapters.speech.clips.record import is_address
from otpvoice.adapters.speech.orders import Keeping, Order, in_steps
from otpvoice.media.clip import FINISHING_EDITION

ORDER = Order("espeak", None, "en", 0.9, "seven", Keeping.DISK, character=True)


def test_an_address_is_a_digest_and_the_same_every_time() -> None:
    address = ORDER.address("1.52")
    assert is_address(address)
    assert address == replace(ORDER).address("1.52")


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, engine="flite"),
        replace(ORDER, voice="en-us"),
        replace(ORDER, voice=""),
        replace(ORDER, language="en-GB"),
        replace(ORDER, speed=0.8),
        replace(ORDER, text="Seven"),
        replace(ORDER, language="e", text="nseven"),
        replace(ORDER, text="\ud800"),
    ],
)
def test_what_sounds_different_lies_elsewhere(other: Order) -> None:
    assert other.address("1") != ORDER.address("1")


def test_another_edition_of_the_engine_or_of_the_finishing_lies_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    address = ORDER.address("1")
    assert ORDER.address("2") != address
    monkeypatch.setattr(orders, "FINISHING_EDITION", FINISHING_EDITION + 1)
    assert ORDER.address("1") != address


def test_the_same_sound_for_a_character_and_a_text_is_one() -> None:
    assert replace(ORDER, character=False).address("1") == ORDER.address("1")


def test_an_order_does_not_print_its_text() -> None:
    assert "seven" not in repr(ORDER)


@pytest.mark.parametrize(
    ("asked", "given"), [(0.98, 1.0), (1.0, 1.0), (1.02, 1.0), (1.03, 1.05), (0.1, 0.5), (9.0, 2.0), (0.9, 0.9)]
)
def test_speeds_come_in_steps(asked: float, given: float) -> None:
    assert in_steps(asked) == given
