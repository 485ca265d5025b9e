"""Registered endpoints: sealed for their account, listed without what is sealed, and handed on to calls as they are."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from otpvoice.adapters.registry import BadAuth, CannotSeal, Registry
from otpvoice.adapters.sealing import Sealer, Unsealable
from otpvoice.adapters.store import Registration
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.core.plan import Hook
from otpvoice.core.secret import Secret
from otpvoice.testkit.redis import RedisInstance
from otpvoice.trust.authorization import LONGEST, why_not

KEY = bytes(range(64, 96))
URL = "https://shop.example/hooks"


@pytest.fixture(params=["memory", "redis"])
async def registry(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Registry]:
    if request.param == "memory":
        yield Registry(MemoryStore(ttl=60), Sealer(KEY))
        return
    async with await RedisInstance.start(tmp_path / "redis") as instance:
        store = RedisStore(instance.url, ttl=60)
        yield Registry(store, Sealer(KEY))
        await store.close()


def opened(registry: Registry, account: str, hook: Hook | Registration) -> str:
    assert hook.auth is not None
    return registry.unseal(account, hook.auth)


async def test_what_was_registered_is_listed_and_its_header_can_be_opened_by_its_account(registry: Registry) -> None:
    assert registry.seals
    assert (await registry.listed("shop"), await registry.hooks("shop")) == ([], {})
    await registry.register("shop", "VSS", URL, Secret("Bearer x"))
    await registry.register("shop", "VCA", f"{URL}/ask")
    await registry.register("shop", "VCS", f"{URL}/off", Secret("mdp1234"), enabled=False)
    await registry.register("bank", "VSS", "https://bank.example/", Secret("mdp1234"))

    listed = await registry.listed("shop")
    assert [(one.name, one.url, one.auth is not None, one.enabled) for one in listed] == [
        ("VCA", f"{URL}/ask", False, True),
        ("VCS", f"{URL}/off", True, False),
        ("VSS", URL, True, True),
    ]
    hooks = await registry.hooks("shop")
    assert hooks == {"VCA": Hook("VCA", f"{URL}/ask"), "VSS": Hook("VSS", URL, listed[2].auth)}
    assert opened(registry, "shop", hooks["VSS"]) == "Bearer x"
    assert opened(registry, "shop", listed[1]) == "mdp1234"
    with pytest.raises(Unsealable):
        opened(registry, "bank", hooks["VSS"])


async def test_one_that_answered_410_is_sent_to_again_when_it_is_registered_anew(registry: Registry) -> None:
    store = registry.registrations
    assert isinstance(store, MemoryStore | RedisStore)
    for url in (URL, f"{URL}/off"):
        await store.disable("shop", url)
    await registry.register("shop", "VSS", URL)
    await registry.register("shop", "VCS", f"{URL}/off", enabled=False)
    assert list(await store.disabled("shop")) == [f"{URL}/off"], "what is registered as off stays off"


async def test_one_of_the_same_name_is_in_its_place_and_one_that_is_removed_is_gone(registry: Registry) -> None:
    first = await registry.register("shop", "VSS", URL, Secret("old"))
    again = await registry.register("shop", "VSS", URL, Secret("new"))
    assert first.auth != again.auth
    assert opened(registry, "shop", (await registry.hooks("shop"))["VSS"]) == "new"
    await registry.register("shop", "VSS", URL)
    assert (await registry.hooks("shop"))["VSS"].auth is None, "a header that is no longer wanted is not kept"
    assert await registry.remove("bank", "VSS") is None
    assert await registry.remove("shop", "VSS") == Registration("VSS", URL)
    assert await registry.remove("shop", "VSS") is None
    assert await registry.hooks("shop") == {}


async def test_two_seals_of_one_header_have_nothing_in_common() -> None:
    registry = Registry(MemoryStore(ttl=60), Sealer(KEY))
    seals = {(await registry.register("shop", "VSS", URL, Secret("mdp1234"))).auth for _ in range(50)}
    assert len(seals) == 50


async def test_it_is_sealed_as_the_rest_is_and_bound_to_its_account() -> None:
    """What others may have to open: base64 of version, nonce and AES-256-GCM."""
    one = await Registry(MemoryStore(ttl=60), Sealer(KEY)).register("shop", "VSS", URL, Secret("mdp1234"))
    assert one.auth is not None
    raw = base64.b64decode(one.auth, validate=True)
    assert AESGCM(KEY).decrypt(raw[1:13], raw[13:], b"hook:shop") == b"mdp1234"
    for changed in (one.auth + "\n", one.auth[:-1], "!" + one.auth, one.auth.swapcase()):
        with pytest.raises(Unsealable):
            Registry(MemoryStore(ttl=60), Sealer(KEY)).unseal("shop", changed)


async def test_without_a_key_no_header_is_kept_and_the_refusal_says_what_is_needed() -> None:
    registry = Registry(MemoryStore(ttl=60))
    assert not registry.seals
    await registry.register("shop", "VSS", URL)
    with pytest.raises(CannotSeal, match="OTPVOICE_SECRET_KEY is needed") as refused:
        await registry.register("shop", "VSS", f"{URL}/other", Secret("mdp1234"))
    assert "mdp1234" not in str(refused.value)
    assert isinstance(refused.value, ValueError), "the door lets these through, and tells them"
    assert await registry.listed("shop") == [Registration("VSS", URL)], "what was there is there"
    with pytest.raises(Unsealable):
        registry.unseal("shop", "QUJD")


BAD = {
    "empty": "",
    "blank": " ",
    "blank before": " mdp1234",
    "blank behind": "mdp1234 ",
    "CR LF": "mdp1234\r\nX-Evil: 1",
    "LF": "mdp1234\nX-Evil: 1",
    "CR": "mdp1234\rX",
    "LF at the end": "mdp1234\n",
    "NUL": "mdp1234\x00",
    "tab": "Bearer\tmdp1234",
    "DEL": "mdp1234\x7f",
    "latin-1": "mdp1234é",
    "not latin": "mdp1234ž",
    "NEL": "mdp1234\x85X",
    "surrogate": "mdp1234\ud800",
    "too long": "mdp1234" + "x" * (LONGEST - 6),
}


@pytest.mark.parametrize("value", BAD.values(), ids=BAD.keys())
async def test_what_could_split_a_header_or_is_read_by_each_in_its_own_way_is_refused(value: str) -> None:
    registry = Registry(MemoryStore(ttl=60), Sealer(KEY))
    with pytest.raises(BadAuth, match=r"^must be 1 to 4096 printable ASCII characters") as refused:
        await registry.register("shop", "VSS", URL, Secret(value))
    assert "mdp1234" not in str(refused.value)
    assert await registry.listed("shop") == []


@pytest.mark.parametrize("value", ["x", "mdp1234", "Bearer x.y-z_~", "Basic dTpw==", "a  b", '"q\\', "x" * LONGEST])
def test_what_any_server_reads_alike_is_taken(value: str) -> None:
    assert why_not(value) is None


async def test_nothing_shows_the_header_or_the_url() -> None:
    registry = Registry(MemoryStore(ttl=60), Sealer(KEY))
    one = await registry.register("shop", "VSS", f"{URL}?token=hush", Secret("mdp1234"))
    hooks = await registry.hooks("shop")
    for shown in (repr(one), str(hooks), repr(registry)):
        assert "mdp1234" not in shown
        assert "hush" not in shown
        assert one.auth is not None
        assert one.auth not in shown
