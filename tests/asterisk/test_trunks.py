"""Each kind of trunk on a real Asterisk: it starts without a complaint, registers, and carries a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import pytest_asyncio

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Call, CalleeAgent, Ending, Scenario
from tests.asterisk.carrier import PASSWORD, CarrierPorts, carried, start_carrier
from tests.asterisk.certificates import Authority
from tests.asterisk.logs import complaints

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

SOON: Final = 10.0
NUMBER: Final = "+15550100"
SHOWN: Final = "+15550199"
DIALPLAN: Final = """
[speak]
exten => s,1,Playtones(440)
 same => n,Wait(0.5)
[from-trunk]
exten => sealed,1,Answer()
 same => n,Wait(0.2)
 same => n,Log(NOTICE,called back media=${CHANNEL(rtp,secure)})
"""
SEALED: Final = {
    "TRUNK_KIND": "register",
    "TRUNK_USER": "sealed",
    "TRUNK_CALLER_ID": "sealed",
    "TRUNK_TRANSPORT": "tls",
    "TRUNK_MEDIA_ENCRYPTION": "sdes",
}
OPEN: Final = {"TRUNK_KIND": "password", "TRUNK_USER": "open", "TRUNK_CALLER_ID": "open", "TRUNK_TRANSPORT": "tcp"}
MODULES: Final = "load = app_playtones.so"


@dataclass(frozen=True, slots=True)
class Rig:
    """A carrier, the phone behind it, and what its certificate is signed by."""

    folder: Path
    agent: CalleeAgent
    carrier: AsteriskInstance
    ports: CarrierPorts
    authority: Authority

    async def ours(self, name: str, port: int, settings: dict[str, str]) -> AsteriskInstance:
        """Start an Asterisk of ours that has the carrier as its trunk."""
        return await AsteriskInstance.start(
            self.folder / name,
            trunk=("127.0.0.1", port),
            rtp_ports=20,
            settings={"TLS_CA_PATH": str(self.authority.path), "TRUNK_PASSWORD": PASSWORD} | settings,
            extensions=DIALPLAN,
            extra_config={"modules.conf": MODULES},
        )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    folder = tmp_path_factory.mktemp("trunks")
    authority = Authority(folder / "trusted", "authority")
    identity = authority.signs("carrier", address="127.0.0.1")
    other = authority.signs("other", dns="sip.example.net")
    ports = CarrierPorts()
    async with (
        CalleeAgent(Scenario.answers()) as agent,
        await start_carrier(folder / "carrier", agent, identity, other, ports) as carrier,
    ):
        yield Rig(folder, agent, carrier, ports, authority)
    ports.release()


async def place(asterisk: AsteriskInstance, endpoint: str = f"PJSIP/{NUMBER}@trunk", context: str = "speak") -> None:
    """Place a call that leads into the dialplan when it is answered."""
    order = {"endpoint": endpoint, "context": context, "extension": "s", "priority": 1, "callerId": SHOWN}
    headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
    async with (
        aiohttp.ClientSession(asterisk.ari_url, headers=headers) as session,
        session.post("/ari/channels", json=order) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def until(condition: Callable[[], bool]) -> None:
    """A process tells nobody when it has logged something: it is looked at."""
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def registered(asterisk: AsteriskInstance) -> None:
    """Nor does it tell over ARI when it has registered."""
    async with asyncio.timeout(SOON):
        while "Registered" not in await asterisk.cli("pjsip show registrations"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def heard_whole(call: Call) -> str:
    """The tone of half a second is heard without a gap; returns who called."""
    assert await call.ended(within=SOON) is Ending.CALLER_HUNG_UP
    (tone,) = call.recording.bursts()
    assert tone.seconds == pytest.approx(0.5, abs=0.05)
    assert call.recording.lost == 0
    return call.invite.request.header("From")


async def test_a_registered_trunk_is_spoken_to_over_srtp(rig: Rig) -> None:
    """A password, TLS whose certificate is verified, keys for SRTP within it; no certificate of our own."""
    so_far = len(carried(rig.carrier))
    async with await rig.ours("register", rig.carrier.sip_port, SEALED) as ours:
        await registered(ours)
        await place(ours)
        assert "<sip:sealed@127.0.0.1>" in await heard_whole(await rig.agent.next_call(within=SOON))
        await until(lambda: len(carried(rig.carrier)) > so_far)
        # And back, over the connection that we opened, to the extension that is named like the account.
        await place(rig.carrier, "PJSIP/sealed", "callback")
        await until(lambda: "called back media=1" in ours.log_path.read_text())
    assert carried(rig.carrier)[so_far:] == [{"from": "sealed", "signalling": "1", "media": "1"}]
    assert [line for line in complaints(ours) if "called back" not in line] == []


async def test_a_trunk_that_asks_for_a_password_gets_it(rig: Rig) -> None:
    so_far = len(carried(rig.carrier))
    async with await rig.ours("password", rig.ports.tcp, OPEN) as ours:
        await place(ours)
        assert "<sip:open@127.0.0.1>" in await heard_whole(await rig.agent.next_call(within=SOON))
        await until(lambda: len(carried(rig.carrier)) > so_far)
    assert carried(rig.carrier)[so_far:] == [{"from": "open", "signalling": "0", "media": "0"}]
    assert complaints(ours) == []


@pytest.mark.parametrize(
    ("misnamed", "trusted", "why"),
    [
        (False, "stranger", "The certificate is untrusted"),
        (True, "authority", "The server identity does not match"),
    ],
)
async def test_a_wrong_certificate_is_refused(rig: Rig, misnamed: bool, trusted: str, why: str) -> None:
    """One that nobody we trust has signed, or that is for another name. No password leaves the house."""
    authority = rig.authority if trusted == "authority" else Authority(rig.folder / "stranger", "stranger")
    so_far = len(rig.agent.calls)
    port = rig.ports.misnamed if misnamed else rig.carrier.sip_port
    async with await rig.ours(f"refuses-{trusted}", port, SEALED | {"TLS_CA_PATH": str(authority.path)}) as ours:
        await until(lambda: "on registration attempt" in ours.log_path.read_text())
        await place(ours)
        await until(lambda: ours.log_path.read_text().count(why) == 2)
    assert "retrying in '30'" in ours.log_path.read_text()
    assert len(rig.agent.calls) == so_far


async def test_a_wrong_password_is_not_tried_often(rig: Rig) -> None:
    async with await rig.ours("wrong", rig.carrier.sip_port, SEALED | {"TRUNK_PASSWORD": "wrong"}) as ours:
        await until(lambda: "on registration attempt" in ours.log_path.read_text())
    assert "retrying in '300' seconds" in ours.log_path.read_text()


async def test_audio_that_is_not_encrypted_is_refused(rig: Rig) -> None:
    so_far = len(rig.agent.calls)
    async with await rig.ours("plain", rig.carrier.sip_port, SEALED | {"TRUNK_MEDIA_ENCRYPTION": "no"}) as ours:
        await registered(ours)
        await place(ours)
        await until(lambda: "sealed: Couldn't negotiate stream" in rig.carrier.log_path.read_text())
    assert len(rig.agent.calls) == so_far
