"""What a trunk sees of an Asterisk behind NAT that registers at it: who we are, where, and who may call back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.asterisk.logs import complaints
from tests.asterisk.registrar import Registrar, call_from

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]

OUTSIDE: Final = "203.0.113.5"
# Outside, as LOCAL_NETS has it.
CARRIER: Final = "127.0.0.3"
# Behind CARRIER, who is its proxy: nobody is there.
SERVER: Final = "127.0.0.9"
DOMAIN: Final = "sip.example.net"
STRANGER: Final = "127.0.0.2"
SETTINGS: Final = {
    "TRUNK_KIND": "register",
    "TRUNK_USER": "account",
    # All that is syntax elsewhere in Asterisk's files.
    "TRUNK_PASSWORD": 'correct;horse[battery]"\\;-- staple\\',
    "TRUNK_AUTH_USER": "login",
    "TRUNK_HOST": SERVER,
    "TRUNK_PROXY": CARRIER,
    "TRUNK_DOMAIN": DOMAIN,
    "TRUNK_CALLER_ID": "+15550142",
    "TRUNK_QUALIFY": "1",
    "EXTERNAL_ADDRESS": OUTSIDE,
    "LOCAL_NETS": "10.0.0.0/8,127.0.0.1/32",
}


class Rig(NamedTuple):
    """The trunk, and the Asterisk that registers at it."""

    trunk: Registrar
    asterisk: AsteriskInstance

    async def registered(self) -> None:
        """The trunk took the password; Asterisk tells nobody, so it is asked."""
        async with asyncio.timeout(10):
            while "Registered" not in await self.asterisk.cli("pjsip show registrations"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def contact(self) -> str:
        """The URI at which it wants to be called."""
        register = await self.trunk.request("REGISTER", having="Authorization:")
        found = re.search(r"<(sip:[^>]*)>", register["Contact"])
        assert found is not None
        return found[1]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def rig(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Rig]:
    trunk = await Registrar.open("login", SETTINGS["TRUNK_PASSWORD"], CARRIER)
    folder = tmp_path_factory.mktemp("registering") / "asterisk"
    async with await AsteriskInstance.start(
        folder,
        trunk=trunk.address,
        rtp_ports=20,
        settings=SETTINGS,
        extensions="[from-trunk]\nexten => account,1,Hangup(17)\n",
    ) as asterisk:
        yield Rig(trunk, asterisk)
    # The strangers of these tests are told of; nothing else is.
    assert [line for line in complaints(asterisk) if f"failed for '{STRANGER}:" not in line] == []
    trunk.close()


async def test_it_registers_with_its_password(rig: Rig) -> None:
    register = await rig.trunk.request("REGISTER", having="Authorization:")
    host, port = rig.trunk.address
    assert register.first_line == f"REGISTER sip:{SERVER}:{port} SIP/2.0"
    assert register["Route"] == f"<sip:{host}:{port};lr>"
    assert register["To"] == f"<sip:account@{DOMAIN}>"
    assert 'username="login"' in register["Authorization"]
    await rig.registered()
    assert register["Expires"] == "300"
    assert SETTINGS["TRUNK_PASSWORD"] not in register
    assert re.match(rf"sip:account@{OUTSIDE}:{rig.asterisk.sip_port};line=[a-z]{{7}}$", await rig.contact())


async def test_it_asks_whether_the_trunk_is_there(rig: Rig) -> None:
    assert (await rig.trunk.request("OPTIONS"))["From"]
    assert "Avail" in await rig.asterisk.cli("pjsip show contacts")


async def test_a_call_shows_our_number_and_our_outside_address(rig: Rig) -> None:
    headers = {"Authorization": aiohttp.encode_basic_auth(rig.asterisk.ari_user, rig.asterisk.ari_password)}
    order = {"endpoint": "PJSIP/15550100@trunk", "app": "nobody", "callerId": "+15550199"}
    async with (
        aiohttp.ClientSession(rig.asterisk.ari_url, headers=headers) as session,
        session.post("/ari/channels", json=order) as answer,
    ):
        assert answer.status == 200, await answer.text()
    invite = await rig.trunk.request("INVITE")
    host, port = rig.trunk.address
    assert invite.first_line == f"INVITE sip:15550100@{SERVER}:{port} SIP/2.0"
    assert invite["Route"] == f"<sip:{host}:{port};lr>"
    assert f"<sip:+15550142@{DOMAIN}>" in invite["From"]
    assert f"<sip:+15550199@{DOMAIN}>" in invite["P-Asserted-Identity"]
    # As pjsip.conf has it: reliable provisional responses, and no session timers.
    assert {word.strip() for word in invite["Supported"].split(",")} & {"100rel", "timer"} == {"100rel"}
    assert OUTSIDE in invite["Via"]
    assert f"@{OUTSIDE}:{rig.asterisk.sip_port}>" in invite["Contact"]
    assert f"\r\nc=IN IP4 {OUTSIDE}\r\n" in invite.body
    assert invite["User-Agent"] == "Asterisk"


async def test_by_the_line_of_the_registration_a_call_is_the_trunks(rig: Rig) -> None:
    """Carriers call from more addresses than the one they are registered at."""
    to = ("127.0.0.1", rig.asterisk.sip_port)
    assert await call_from(STRANGER, await rig.contact(), to, "somebody") == "SIP/2.0 486 Busy Here"


@pytest.mark.parametrize("from_user", ["somebody", "trunk", "trunk-auth", "account"])
async def test_a_stranger_is_none_of_the_trunk_whatever_he_calls_himself(rig: Rig, from_user: str) -> None:
    to = ("127.0.0.1", rig.asterisk.sip_port)
    uri = (await rig.contact()).partition(";")[0]
    assert await call_from(STRANGER, uri, to, from_user) == "SIP/2.0 401 Unauthorized"
