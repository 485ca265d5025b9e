"""What is sealed is opened with the same key, bound to the same, unchanged; anything else opens nothing."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from otpvoice.adapters.sealing import OVERHEAD, Sealer, Unsealable
from otpvoice.core.actions import SayCode
from otpvoice.core.plan import CallPlan
from otpvoice.core.plan_text import plan_from_text, plan_to_text
from otpvoice.core.secret import OtpCode
from tests.faults import leaks

KEY = bytes(range(64, 96))
CALL = "call_7Hq2mZ"
CODE = "918273"
PLAN = CallPlan("+15550100", "+15550199", "default", "en-US", (SayCode(OtpCode(CODE)),))
TEXT = plan_to_text(PLAN)


def unopened(sealed: bytes, *, bound_to: str = CALL, key: bytes = KEY) -> bool:
    """Say that it can't be opened, in words that have nothing of it, or of the key."""
    with pytest.raises(Unsealable) as found:
        Sealer(key).open(bound_to, sealed)
    assert isinstance(found.value, ValueError)
    assert found.value.__context__ is found.value.__cause__ is None
    assert str(found.value) == "this can't be opened with this key, bound to this"
    return True


@pytest.mark.parametrize("text", [TEXT, b"", b"\x00", b"x" * 400_000], ids=["a plan", "nothing", "a byte", "much"])
def test_what_was_sealed_is_opened(text: bytes) -> None:
    sealed = Sealer(KEY).seal(CALL, text)
    assert Sealer(KEY).open(CALL, sealed) == text, "by another life that has the key"
    assert len(sealed) == len(text) + OVERHEAD


def test_a_plan_comes_back() -> None:
    assert plan_from_text(Sealer(KEY).open(CALL, Sealer(KEY).seal(CALL, TEXT))) == PLAN


def test_nothing_of_it_is_seen() -> None:
    sealed = Sealer(KEY).seal(CALL, TEXT)
    assert leaks.in_text(TEXT, (CODE,))
    assert not leaks.in_text(sealed, (CODE, "+15550100", "SayCode", CALL))


def test_two_seals_of_one_plan_have_nothing_in_common() -> None:
    sealer = Sealer(KEY)
    seals = [sealer.seal(CALL, TEXT) for _ in range(1000)]
    assert len({sealed[1:13] for sealed in seals}) == 1000, "a nonce twice gives both plans away"
    assert len({sealed[13:] for sealed in seals}) == 1000


def test_it_is_the_contract_to_the_letter() -> None:
    """AES-256-GCM under the key itself, what it is bound to as associated data: what others may have to open."""
    sealed = Sealer(KEY).seal(CALL, TEXT)
    assert sealed[:1] == b"\x01"
    assert AESGCM(KEY).decrypt(sealed[1:13], sealed[13:], CALL.encode()) == TEXT


def test_another_key_or_another_call_opens_nothing() -> None:
    sealed = Sealer(KEY).seal(CALL, TEXT)
    assert unopened(sealed, key=KEY[::-1])
    assert unopened(sealed, key=KEY[:-1] + bytes([KEY[-1] ^ 1]))
    assert unopened(sealed, bound_to=f"{CALL}x")
    assert unopened(sealed, bound_to=CALL.swapcase())
    assert unopened(sealed, bound_to="")


def test_one_bit_changed_anywhere_opens_nothing() -> None:
    sealed = Sealer(KEY).seal(CALL, TEXT)
    for bit in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        assert unopened(bytes(changed)), bit


def test_a_part_of_it_opens_nothing() -> None:
    sealed = Sealer(KEY).seal(CALL, TEXT)
    for length in range(len(sealed)):
        assert unopened(sealed[:length]), length
    for more in (sealed[1:], sealed + b"\x00", sealed + sealed, b"\x01" + sealed):
        assert unopened(more)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" * OVERHEAD, bytes(OVERHEAD), TEXT], ids=repr)
def test_what_was_never_sealed_opens_nothing(sealed: bytes) -> None:
    assert unopened(sealed)


def test_what_a_later_version_sealed_opens_nothing() -> None:
    sealed = Sealer(KEY).seal(CALL, TEXT)
    for version in {*range(256)} - {1}:
        assert unopened(bytes([version]) + sealed[1:])


def test_a_sealer_shows_nothing_of_its_key() -> None:
    sealer = Sealer(KEY)
    assert repr(sealer) == str(sealer) == "Sealer(…)"
    assert not hasattr(sealer, "__dict__")


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    """Also 16 and 24 bytes, of which AES would make do."""
    with pytest.raises(ValueError, match=r"^a key is 32 bytes long$"):
        Sealer(b"k" * length)
