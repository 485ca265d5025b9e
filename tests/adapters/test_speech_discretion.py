"""Where the sound of words may stay: what a request wrote has to stand in many calls, a configured brand need not."""

from __future__ import annotations

import pytest

from otpvoice.adapters.speech.brands import Brands
from otpvoice.adapters.speech.discretion import Discretion
from otpvoice.adapters.speech.orders import Keeping
from otpvoice.adapters.speech.standing import ENOUGH, MOST, Standing
from otpvoice.adapters.speech.warm_up import sayings
from otpvoice.core.speech import Words
from tests.adapters.speech_stands import LOCALES

BRANDS = ("4711™", "Radio 538", "Yahoo 7!", "A1.", "X (24)", "Bank 100", "Acme")


def discreet(*known: str) -> Discretion:
    return Discretion(LOCALES, Brands(LOCALES), known)


@pytest.mark.parametrize("brand", BRANDS)
def test_a_configured_brand_is_kept_in_every_language(brand: str) -> None:
    discretion = discreet(brand)
    for tag in LOCALES.tags:
        words = sayings(tag, [brand], LOCALES).words
        assert any(brand.rstrip("!.)") in one.text for one in words)
        assert {discretion.keeping(one) for one in words} == {Keeping.DISK}, tag


@pytest.mark.parametrize("brand", BRANDS)
def test_a_brand_of_a_request_never_comes_to_the_disk(brand: str) -> None:
    discretion = discreet("Another")
    branded = [one for one in sayings("en", [brand], LOCALES).words if brand.rstrip("!.)") in one.text]
    for _ in range(ENOUGH):
        assert {discretion.keeping(one) for one in branded} == {Keeping.NOWHERE}
        discretion.want(branded)
    looks_like_none = brand == "Acme"
    assert {discretion.keeping(one) for one in branded} == {Keeping.MEMORY if looks_like_none else Keeping.NOWHERE}


def test_a_text_that_looks_like_a_code_never_stands() -> None:
    discretion = discreet()
    code, prompt = Words("Your code is 4821", "en"), Words("Welcome to the shop", "en")
    for _ in range(2 * ENOUGH):
        discretion.want([code, prompt])
    assert (discretion.keeping(code), discretion.keeping(prompt)) == (Keeping.NOWHERE, Keeping.MEMORY)


def test_a_text_stands_once_enough_calls_wanted_it() -> None:
    standing = Standing()
    for _ in range(ENOUGH):
        assert "kxwqz" not in standing
        standing.want(["kxwqz", "kxwqz", "\ud800"])
    assert {"kxwqz", "\ud800"} <= set(filter(standing.__contains__, ("kxwqz", "\ud800")))
    assert "kxwqzz" not in standing


def test_no_text_is_kept_to_count_it_and_no_two_processes_count_alike() -> None:
    one, other = Standing(), Standing()
    for standing in (one, other):
        standing.want(["kxwqz"])
        assert "kxwqz" not in repr(standing._wanted)
    assert one._wanted.keys() != other._wanted.keys()


def test_texts_without_number_take_no_memory_without_bound() -> None:
    standing = Standing()
    for number in range(MOST + 100):
        standing.want([f"text {number}"])
    assert len(standing._wanted) == MOST
