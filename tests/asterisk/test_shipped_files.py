"""The shipped files on a real Asterisk: it says nothing that nobody expects, and what is offered in comments works."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.configuration import source_folder
from otpvoice.testkit.ports import PortBlock
from tests.asterisk.certificates import Authority
from tests.asterisk.logs import complaints
from tests.asterisk.registrar import call_from

pytestmark = pytest.mark.asterisk

NOWHERE: Final = ("127.0.0.1", 9)
STRANGER: Final = "127.0.0.2"


def offered(name: str) -> str:
    """The lines of a shipped file that are offered in comments."""
    return "\n".join(re.findall(r"^;(\S.*)$", (source_folder() / name).read_text(), re.MULTILINE))


async def test_all_lines_that_are_offered_work_together(tmp_path: Path) -> None:
    """TLS for ARI, modules for phones of one's own, shorter timers: uncommented, and no new complaint."""
    authority = Authority(tmp_path / "keys", "authority")
    identity = authority.signs("asterisk", address="127.0.0.1")
    ports = PortBlock.claim(10)
    http = offered("http.conf").replace("0.0.0.0:8089", f"127.0.0.1:{ports.tcp}")
    http = http.replace("/etc/asterisk/keys/asterisk.pem", str(identity.certificate))
    http = http.replace("/etc/asterisk/keys/asterisk.key", str(identity.key))
    timers, rtp = re.findall(r"(timer.*\ntimer.*)\n(rtp_timeout.*)", offered("pjsip.conf"))[0]
    extra = {
        "http.conf": f"[general](+)\n{http}",
        "modules.conf": offered("modules.conf"),
        "pjsip.conf": f"[system](+)\n{timers}\n[trunk](+type=endpoint)\n{rtp}",
    }
    async with await AsteriskInstance.start(
        tmp_path / "asterisk", trunk=NOWHERE, extra_config=extra, rtp_ports=20
    ) as asterisk:
        trusting = ssl.create_default_context(cafile=authority.path)
        headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"https://127.0.0.1:{ports.tcp}/ari/asterisk/ping", ssl=trusting) as answer,
        ):
            assert answer.status == 200
        for module in re.findall(r"load = (\S+)\.so", extra["modules.conf"]):
            assert "Running" in await asterisk.cli(f"module show like {module}.so")
        # Phones are known by their names now; the trunk still is not.
        uri = f"sip:100@127.0.0.1:{asterisk.sip_port}"
        assert "401" in await call_from(STRANGER, uri, ("127.0.0.1", asterisk.sip_port), "trunk")
    expected = ("SSL_shutdown() failed", f"failed for '{STRANGER}:")  # http.conf says so; he is told of
    assert [line for line in complaints(asterisk) if not any(words in line for words in expected)] == []
    ports.release()


async def test_who_is_refused_at_the_sip_door_is_in_the_log(tmp_path: Path) -> None:
    """As fail2ban's filter asterisk wants it; and with the address, not with what he typed as a number."""
    async with await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOWHERE, rtp_ports=20) as asterisk:
        uri = f"sip:900441632960000@127.0.0.1:{asterisk.sip_port}"
        assert "401" in await call_from(STRANGER, uri, ("127.0.0.1", asterisk.sip_port), "1001")
    log = await asyncio.to_thread(asterisk.log_path.read_text)
    # filter.d/asterisk.conf of fail2ban, its line for PJSIP.
    refused = r"NOTICE\[\d+\][^:]*: Request '[^']*' from '[^']*' failed for '127\.0\.0\.2:\d+' \(callid: [^)]*\) - "
    assert re.search(refused + "No matching endpoint found$", log, re.MULTILINE)
    assert "900441632960000" not in log
