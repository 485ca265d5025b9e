"""A real Asterisk that is set up wrongly: each time the doctor names what is wrong, and nothing else.

One Asterisk serves all: what a test breaks, it mends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from otpvoice.ari.rest import AriRest
from otpvoice.doctor import Finding, Status
from otpvoice.doctor.asterisk import files, media, reach, tenants, version
from otpvoice.doctor.asterisk.reach import Reached
from otpvoice.doctor.asterisk.tenants import MEASURES, Tenants
from otpvoice.doctor.asterisk.visit import visit
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.configuration import source_folder
from otpvoice.testkit.ports import PortBlock
from tests.asterisk.certificates import Authority
from tests.doctor.door import door_to
from tests.doctor.installation import OTHER, READER, Installation
from tests.doctor.words import name_of

pytestmark = pytest.mark.asterisk

HTTP = "module reload http"
ARI = "module reload res_ari.so"
NOBODY: Final = Tenants(frozenset(), {})


async def test_as_we_ship_it_nothing_is_wrong(installation: Installation) -> None:
    """Nobody is connected, so a leg is opened, measured, and gone again."""
    found = await installation.examined("ari", "asterisk", "media", "trunk")
    wrong = {name_of(finding) for finding in found if finding.status is not Status.OK}
    assert wrong - {"media.slow"} == {"asterisk.applications.nobody"}
    assert await installation.asterisk.cli("core show channels concise") == ""


@pytest.fixture
async def reached(asterisk: AsteriskInstance) -> AsyncIterator[Reached]:
    """The Asterisk, as a doctor has it."""
    _, there = await reach.reach(asterisk.ari_url, asterisk.ari_user, asterisk.ari_password)
    assert there is not None
    yield there
    await there.http.close()


async def measured(reached: Reached) -> Finding:
    return await media.look(reached, NOBODY, app="otpvoice", law="ulaw", service=None)


@pytest.mark.parametrize("there", ["otpvoice-a-", f"{MEASURES}-"])
async def test_no_leg_is_made_beside_whoever_came_in_meanwhile(reached: Reached, there: str) -> None:
    """An otpvoice that came back, or a doctor whose name comes before ours (`-` is below every hex digit)."""
    async with visit(reached, there) as other:
        found = await measured(reached)
    assert found.status is Status.SKIPPED
    assert other.app in found.message


async def test_of_two_doctors_the_earlier_name_waits(reached: Reached, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def ask(rest: AriRest) -> Tenants:
        there = await tenants.tenants(rest)
        asked.set()
        return there

    monkeypatch.setattr(media, "tenants", ask)
    async with visit(reached, f"{MEASURES}z"):
        waits = asyncio.create_task(measured(reached))
        await asked.wait()
        assert not waits.done()
    assert (await waits).status in {Status.OK, Status.WARNING}


async def test_what_a_doctor_that_was_killed_left_is_gone_by_itself_or_by_the_next(
    installation: Installation, reached: Reached, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = "otpvoice-doctor-media-dead-leg-1-bridge"
    rest = AriRest(reached.http, reached.url)
    await rest.post(f"bridges/{bridge}", {"type": "mixing"})
    assert await installation.faults("asterisk.files") == set()
    assert [one["id"] for one in await rest.get("bridges")] == [bridge], "it may be one of a doctor that lives"
    monkeypatch.setattr("otpvoice.doctor.asterisk.visit.DEAD_AFTER", -1.0)
    assert await installation.faults("asterisk.version", "asterisk.logger") == set()
    assert await rest.get("bridges") == []


async def test_a_doctor_that_is_terminated_leaves_no_channel(
    installation: Installation,
) -> None:
    """`timeout`, `docker stop`. Behind a door that lets nothing through from a moment on, so it is in the middle."""
    async with door_to(installation.asterisk.ari_url) as door:
        installation.settings["ari_url"] = door.url
        command = [sys.executable, "-m", "otpvoice", "doctor", "--only", "asterisk.files"]
        environ = os.environ | installation.environ
        doctor = await asyncio.create_subprocess_exec(*command, env=environ, stderr=asyncio.subprocess.PIPE)
        await door.reading.wait()
        assert "-files" in await installation.asterisk.cli("core show channels concise")
        doctor.send_signal(signal.SIGTERM)
        assert (await doctor.communicate())[1] == b"stopped\n"
    assert doctor.returncode == 130
    assert await installation.asterisk.cli("core show channels concise") == ""


async def test_a_wrong_password_is_named(installation: Installation) -> None:
    installation.settings["ari_password"] = "quite another password"
    assert await installation.faults("ari") == {"ari.unauthorized"}


async def test_nobody_at_the_port_is_named(installation: Installation, nobodys_port: int) -> None:
    installation.settings["ari_url"] = f"http://127.0.0.1:{nobodys_port}"
    assert await installation.faults("ari") == {"ari.refused"}


async def test_tls_to_a_plain_port_is_named(installation: Installation) -> None:
    installation.settings["ari_url"] = installation.asterisk.ari_url.replace("http", "https")
    assert await installation.faults("ari") == {"ari.tls"}


async def test_a_host_that_nobody_knows_is_named(installation: Installation) -> None:
    # RFC 6761: invalid is never resolved.
    installation.settings["ari_url"] = "http://asterisk.invalid:8088"
    assert await installation.faults("ari") == {"ari.dns"}


async def test_an_access_list_that_keeps_us_out_is_named(installation: Installation) -> None:
    deny = "[/ari](+)\ndeny = 0.0.0.0/0"
    async with installation.changed("http.conf", deny, HTTP):
        assert await installation.faults("ari") == {"ari.acl"}


async def test_ari_that_is_off_is_named(installation: Installation) -> None:
    async with installation.changed("ari.conf", "[general](+)\nenabled = no", ARI):
        assert await installation.faults("ari") == {"ari.not_loaded"}


async def test_a_user_who_may_only_read_is_named(installation: Installation) -> None:
    installation.settings |= {"ari_user": "reader", "ari_password": "a reader's password"}
    async with installation.changed("ari.conf", READER, ARI):
        assert await installation.faults("ari", "asterisk.files") == {
            "ari.credentials.read_only",
            "asterisk.files.unread",
        }


async def test_the_password_of_every_manual_is_named(installation: Installation) -> None:
    async with installation.changed("ari.conf", "[asterisk]\ntype = user\npassword = asterisk", ARI):
        assert await installation.faults("ari") == {"ari.credentials.well_known"}


async def test_a_module_that_is_missing_is_named_and_no_leg_is_tried(installation: Installation) -> None:
    async with installation.without_module("chan_websocket.so"):
        found = {name_of(finding): finding for finding in await installation.examined("asterisk.modules", "media")}
    assert set(found) == {"asterisk.modules.missing", "media.skipped"}
    assert found["asterisk.modules.missing"].message.startswith("chan_websocket.so is not loaded: ")
    assert "load = chan_websocket.so" in found["asterisk.modules.missing"].remedy


async def test_without_app_stasis_no_call_gets_in(installation: Installation) -> None:
    async with installation.without_module("app_stasis.so"):
        assert await installation.faults("asterisk.modules", "media") == {"asterisk.modules.missing"}


async def test_few_sessions_and_a_short_patience_are_named(installation: Installation) -> None:
    async with (
        installation.changed("http.conf", "[general](+)\nsessionlimit = 40", HTTP),
        installation.changed("ari.conf", "[general](+)\nwebsocket_write_timeout = 100\nchannelvars =", ARI),
    ):
        assert await installation.faults("asterisk") == {
            "asterisk.applications.nobody",
            "asterisk.sessions.too_few",
            "asterisk.write_timeout.short",
            "asterisk.channelvars.untold",
        }


async def test_without_func_config_it_says_what_to_look_at_by_hand(installation: Installation) -> None:
    async with installation.without_module(files.MODULE):
        found = {name_of(finding): finding for finding in await installation.examined("asterisk")}
    assert found["asterisk.files.no_function"].status is Status.UNKNOWN
    assert "sessionlimit = 1000" in found["asterisk.files.no_function"].remedy
    assert {"asterisk.sessions.skipped", "asterisk.write_timeout.skipped", "asterisk.channelvars.skipped"} < set(found)


async def test_a_log_with_keys_in_it_is_named(installation: Installation) -> None:
    async with installation.changed("logger.conf", "keys.log => dtmf", "logger reload"):
        [found] = [one for one in await installation.examined("asterisk.logger") if one.status is Status.FAILED]
    assert found.fault == "dtmf"
    assert "keys.log" in found.message


async def test_a_log_of_what_a_dialplan_says_is_named(installation: Installation) -> None:
    async with installation.changed("asterisk.conf", "[options](+)\nverbose = 4", "core reload"):
        assert await installation.faults("asterisk.logger") == {"asterisk.logger.verbose"}


async def test_a_log_with_a_level_of_its_own_is_named(installation: Installation) -> None:
    """Asterisk tells that it is there, and not how verbose it is: that stands in logger.conf alone."""
    own = "codes.log => notice,verbose(5)"
    async with installation.changed("logger.conf", own, "logger reload"):
        [found] = await installation.examined("asterisk.logger")
        async with installation.without_module(files.MODULE):
            [unseen] = await installation.examined("asterisk.logger")
    assert (found.fault, found.details["level"]) == ("verbose", 5)
    assert found.details["where"].endswith("/codes.log")
    assert (unseen.fault, unseen.status) == ("verbose_unseen", Status.UNKNOWN)


async def test_ari_that_is_open_to_the_net_is_named(installation: Installation) -> None:
    installation.others = [OTHER]
    everybody = "[general](+)\nbindaddr = 0.0.0.0\n[/ari](+)\npermit = 0.0.0.0/0\n[/media](+)\npermit = 0.0.0.0/0"
    async with installation.changed("http.conf", everybody, HTTP):
        [found] = await installation.examined("asterisk.exposure")
    assert name_of(found) == "asterisk.exposure.open"
    assert found.message.startswith(f"/ari and /media can be reached at http://{OTHER}:")


async def test_behind_its_access_list_it_may_listen_everywhere(installation: Installation) -> None:
    installation.others = [OTHER]
    async with installation.changed("http.conf", "[general](+)\nbindaddr = 0.0.0.0", HTTP):
        assert await installation.faults("asterisk.exposure") == set()


async def test_ari_that_is_open_behind_tls_is_named(installation: Installation, tmp_path: Path) -> None:
    """Whatever its certificate, and where we ourselves go to a plain port of loopback."""
    installation.others = [OTHER]
    identity = Authority(tmp_path, "authority").signs("asterisk", address=OTHER)
    ports = PortBlock.claim(10)
    everybody = (
        f"[general](+)\ntlsenable = yes\ntlsbindaddr = 0.0.0.0:{ports.tcp}\ntlscertfile = {identity.certificate}\n"
        f"tlsprivatekey = {identity.key}\n[/ari](+)\npermit = 0.0.0.0/0\n"
    )
    async with installation.changed("http.conf", everybody, HTTP):
        [found] = await installation.examined("asterisk.exposure")
    ports.release()
    assert name_of(found) == "asterisk.exposure.open"
    assert found.message.startswith(f"/ari can be reached at https://{OTHER}:{ports.tcp}")


@pytest.mark.parametrize(
    ("dial", "fault"),
    [
        ("PJSIP/{number}@carrier", "missing"),
        ("PJSIP/{number}@by-info", "dtmf_info"),
        ("PJSIP/{number}@by-sound", "dtmf_inband"),
        ("PJSIP/{number}@keyless", "dtmf_none"),
        ("PJSIP/{number}@passed-by", "direct_media"),
        ("PJSIP/{number}@in-a-law", "codec"),
        ("SIP/{number}@trunk", "technology"),
    ],
)
async def test_a_trunk_that_can_t_work_is_named(installation: Installation, dial: str, fault: str) -> None:
    installation.trunk["dial"] = dial
    assert await installation.faults("trunk") == {f"trunk.{fault}"}


async def test_an_endpoint_that_is_dialled_by_a_uri_needs_no_contact(installation: Installation) -> None:
    installation.trunk["dial"] = "PJSIP/uri-only/sip:{number}@127.0.0.1:5099"
    [found] = await installation.examined("trunk")
    assert (found.status, found.message.split(",")[0]) == (Status.OK, "default: PJSIP/uri-only is dialled by a URI")


async def test_endpoints_that_there_are_are_told(installation: Installation) -> None:
    installation.trunk["dial"] = "PJSIP/{number}@carrier"
    [found] = await installation.examined("trunk")
    assert "by-info, by-sound, in-a-law, keyless, passed-by, trunk, uri-only" in found.remedy


async def test_no_password_is_ever_told(installation: Installation, asterisk: AsteriskInstance) -> None:
    told = str([finding.to_json() for finding in await installation.examined("ari", "asterisk", "trunk", "settings")])
    assert asterisk.ari_user in told
    assert asterisk.ari_password not in told


def test_what_is_asked_for_is_in_the_configuration_that_we_ship() -> None:
    """A module that is wanted and not shipped would be a warning at everybody."""
    shipped = (source_folder() / "modules.conf").read_text()
    for module in (*version.NEEDED, *version.FOR_PJSIP, *version.WANTED, *version.WANTED_FOR_PJSIP, files.MODULE):
        assert f" = {module}" in shipped, module
