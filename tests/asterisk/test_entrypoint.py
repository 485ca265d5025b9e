"""How the container starts: whose files count, what is refused, and that no password is anywhere else."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from otpvoice.testkit.ports import PortBlock
from otpvoice.testkit.programs import find
from tests.asterisk.container import ROOT, Container

GIVEN = {"ARI_PASSWORD": "correct-horse-battery", "TRUNK_HOST": "sip.example.net"}


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container.make(tmp_path / "container")


def test_an_empty_mount_gets_the_defaults_and_is_told_so(container: Container) -> None:
    started = container.start(GIVEN)
    assert (started.returncode, started.stderr) == (0, "")
    assert container.arguments == ["-f", "-C", str(container.etc / "asterisk.conf")]
    first, second = started.stdout.splitlines()
    assert first.startswith(f"otpvoice-asterisk: {container.own} holds no .conf file: all are ours")
    assert " pjsip.conf " in first
    assert " choices/pjsip_trunk_ip.conf" in first
    assert "extensions_local.conf" in second
    assert "\ncontact = sip:sip.example.net:5060\n" in (container.etc / "choices/pjsip_transport_udp.conf").read_text()


def test_no_password_is_anywhere_but_in_files_of_its_own_user(container: Container, tmp_path: Path) -> None:
    secret = tmp_path / "ari_password"
    secret.write_text("correct-horse-battery\n")
    given = {"ARI_PASSWORD_FILE": str(secret), "TRUNK_KIND": "register", "TRUNK_USER": "account"}
    otpvoices = {"OTPVOICE_SECRET_KEY": "secret-horse", "OTPVOICE_TEXT": "a\nOTPVOICE_B=horse"}
    started = container.start({**GIVEN, **given, **otpvoices, "ARI_PASSWORD": "", "TRUNK_PASSWORD": "trunk-horse"})
    assert started.returncode == 0
    assert "horse" not in started.stdout + started.stderr + "".join(container.arguments)
    environment = container.asterisks_environment
    assert "horse" not in environment
    assert "ARI_" not in environment
    assert "TRUNK_" not in environment
    assert "OTPVOICE_" not in environment
    holding = [path for path in container.run.rglob("*") if path.is_file() and "horse" in path.read_text()]
    assert {path.name for path in holding} == {"ari.conf", "pjsip_trunk_password.conf"}
    assert {path.stat().st_mode & 0o777 for path in holding} == {0o600}
    assert container.etc.stat().st_mode & 0o777 == 0o700


def test_a_file_of_the_admins_takes_the_place_of_ours(container: Container) -> None:
    """As it is, edited or not, and what it does not need need not be given."""
    (container.own / "pjsip.conf").write_text("; mine, with @NAME@ and ${EXTEN}\n")
    (container.own / "extensions_local.conf").write_text('#include "otpvoice/pin.conf"\n')
    (container.own / "otpvoice").mkdir()
    (container.own / "otpvoice" / "pin.conf").write_text("; my PINs\n")
    started = container.start({"ARI_PASSWORD": GIVEN["ARI_PASSWORD"]})
    assert (started.returncode, started.stderr) == (0, "")
    his, ours = started.stdout.splitlines()
    assert his == f"otpvoice-asterisk: from {container.own}: extensions_local.conf pjsip.conf otpvoice/pin.conf"
    assert " pjsip.conf" not in ours
    (container.own / "pjsip.conf").write_text("; edited: a reload is enough\n")
    assert (container.etc / "pjsip.conf").read_text() == "; edited: a reload is enough\n"
    assert (container.etc / "otpvoice" / "pin.conf").read_text() == "; my PINs\n"
    assert "[otpvoice-common]" in (container.etc / "otpvoice" / "common.conf").read_text()
    assert "[@" not in (container.etc / "ari.conf").read_text()


def test_a_file_of_the_admins_may_use_our_choices(container: Container) -> None:
    (container.own / "pjsip.conf").write_text('#include "choices/pjsip_trunk_password.conf"\n')
    (container.own / "choices").mkdir()
    (container.own / "choices" / "mine.conf").write_text("; mine\n")
    assert "TRUNK_USER must be given" in container.start(GIVEN).stderr
    assert container.start({**GIVEN, "TRUNK_USER": "account", "TRUNK_PASSWORD": "secret"}).returncode == 0
    assert "username = account" in (container.etc / "choices" / "pjsip_trunk_password.conf").read_text()
    assert (container.etc / "choices" / "mine.conf").read_text() == "; mine\n"


def test_with_an_asterisk_conf_all_is_the_admins(container: Container) -> None:
    (container.own / "asterisk.conf").write_text(f"[directories]\nastdbdir => {container.folder}/my/db ; mine\n")
    started = container.start({})
    assert started.returncode == 0
    assert "nothing is rendered" in started.stdout
    assert container.arguments == ["-f", "-C", str(container.own / "asterisk.conf")]
    assert not container.run.exists()
    assert (container.folder / "my" / "db").is_dir()


def test_a_file_that_is_not_there_where_it_leads_is_named(container: Container) -> None:
    (container.own / "pjsip.conf").symlink_to(container.own / "nowhere")
    started = container.start(GIVEN)
    assert started.returncode == 1
    assert f"{container.own}/pjsip.conf can't be read" in started.stderr


def test_files_that_cannot_be_read_are_named(container: Container) -> None:
    """Whoever mounts a file of root's, closed to all others, is told; and by which number to open it."""
    for name in ("pjsip.conf", "extensions_local.conf"):
        (container.own / name).write_text("; mine\n")
        (container.own / name).chmod(0)
    started = container.start(GIVEN)
    assert (started.returncode, started.stdout) == (1, "")
    for name in ("pjsip.conf", "extensions_local.conf"):
        assert f"{container.own}/{name} can't be read by user {os.geteuid()}\n" in started.stderr


@pytest.mark.parametrize("closed", ["", "choices", "otpvoice"])
@pytest.mark.parametrize("mode", [0o600, 0o300])
def test_a_folder_of_own_files_that_cannot_be_looked_into_does_not_count_as_empty(
    container: Container, closed: str, mode: int
) -> None:
    """Cloned with umask 077, say: root's folder, and another user within."""
    (container.own / "choices").mkdir()
    (container.own / "otpvoice").mkdir()
    (container.own / "pjsip.conf").write_text("; mine\n")
    folder = container.own / closed if closed else container.own
    folder.chmod(mode)
    try:
        started = container.start(GIVEN)
    finally:
        folder.chmod(0o700)
    assert (started.returncode, started.stdout) == (1, "")
    assert f"{folder} can't be read by user {os.geteuid()}" in started.stderr
    assert not (container.folder / "told" / "arguments").exists()


@pytest.mark.parametrize("name", ["asterisk.conf", "pjsip.conf"])
def test_a_whole_configuration_that_cannot_be_read_is_not_started(container: Container, name: str) -> None:
    for file in ("asterisk.conf", "pjsip.conf"):
        (container.own / file).write_text("; mine\n")
    (container.own / name).chmod(0)
    started = container.start({})
    assert started.returncode == 1
    assert started.stderr == f"otpvoice-asterisk: {container.own}/{name} can't be read by user {os.geteuid()}\n"
    assert not (container.folder / "told" / "arguments").exists()


def test_asterisk_on_the_path_knows_which_configuration_runs(container: Container) -> None:
    """asterisk -rx "…" by hand; and what comes with a -C of its own keeps it."""
    wrapper = container.folder / "asterisk.sh"
    text = (ROOT / "docker" / "asterisk" / "asterisk.sh").read_text()
    assert "/usr/sbin/asterisk" in text
    wrapper.write_text(text.replace("/usr/sbin/asterisk", str(container.bin / "asterisk")))

    def told(*words: str) -> list[str]:
        environment = {"OWN_CONFIG_DIR": str(container.own), "AST_ETC_DIR": str(container.etc)}
        subprocess.run(["sh", wrapper, *words], env={"PATH": os.defpath, **environment}, check=True, timeout=20)
        return container.arguments

    assert told("-V") == ["-V"]
    (container.own / "asterisk.conf").touch()
    assert told("-rx", "core show uptime") == ["-C", f"{container.own}/asterisk.conf", "-rx", "core show uptime"]
    container.etc.mkdir(parents=True)
    (container.etc / "asterisk.conf").touch()
    assert told("-C", "other", "-r") == ["-C", f"{container.etc}/asterisk.conf", "-C", "other", "-r"]


def test_all_that_is_wrong_is_said_before_anything_starts(container: Container, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "no_text").write_bytes(b"a\0b")
    (tmp_path / "two_lines").write_text("a\nb\n")
    given = {
        "ARI_PASSWORD_FILE": str(tmp_path / "empty"),
        "ARI_USER": "one",
        "ARI_USER_FILE": str(tmp_path / "two_lines"),
        "TRUNK_HOST_FILE": str(tmp_path / "nowhere"),
        "TRUNK_PORT_FILE": str(tmp_path),
        "TRUNK_CALLER_ID_FILE": str(tmp_path / "two_lines"),
        "SYSTEM_NAME_FILE": str(tmp_path / "no_text"),
        "TRUNK_KIND": "both",
    }
    started = container.start(given)
    assert (started.returncode, started.stdout) == (1, "")
    assert started.stderr.replace("otpvoice-asterisk: ", "").splitlines() == [
        "ARI_USER_FILE is set as well as ARI_USER: one of them is enough",
        "ARI_PASSWORD_FILE names a file that is empty",
        f"TRUNK_HOST_FILE names a file that user {os.geteuid()} can't read",
        f"TRUNK_PORT_FILE names a file that user {os.geteuid()} can't read",
        "SYSTEM_NAME_FILE names a file that holds no text",
        "TRUNK_KIND must be one of: ip, password, register",
        "TRUNK_CALLER_ID must be one line without control characters, and without spaces around it",
    ]
    assert not container.etc.exists()
    assert not (container.folder / "told" / "arguments").exists()


def test_the_white_space_around_a_secret_is_none_of_it(container: Container, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("\n  in the middle\t\r\n\n")
    assert container.start({**GIVEN, "ARI_PASSWORD": " ", "ARI_PASSWORD_FILE": str(tmp_path / "password")}).stderr == ""
    assert "\npassword = in the middle\n" in (container.etc / "ari.conf").read_text()


def test_a_second_start_renders_anew(container: Container) -> None:
    assert container.start(GIVEN).returncode == 0
    (container.own / "rtp.conf").write_text("; mine\n")
    assert container.start({**GIVEN, "TRUNK_HOST": "192.0.2.1"}).returncode == 0
    assert (container.etc / "rtp.conf").read_text() == "; mine\n"
    assert "192.0.2.1" in (container.etc / "pjsip.conf").read_text()
    assert not (container.run / "etc.new").exists()


def test_what_was_not_rendered_here_is_not_touched(container: Container) -> None:
    container.etc.mkdir(parents=True)
    (container.etc / "pjsip.conf").write_text("; years of work\n")
    started = container.start(GIVEN)
    assert started.returncode == 1
    assert f"{container.etc} is no configuration that was rendered here" in started.stderr
    assert (container.etc / "pjsip.conf").read_text() == "; years of work\n"


def test_a_folder_that_cannot_be_written_is_named(container: Container) -> None:
    started = container.start({**GIVEN, "AST_DB_DIR": "/dev/null/db"})
    assert started.returncode == 1
    assert "/dev/null/db can't be written" in started.stderr
    assert "tmpfs" in started.stderr


def test_more_open_files_than_the_container_may_have_are_not_asked_for(container: Container) -> None:
    assert container.start({**GIVEN, "MAX_FILES": "2000000000"}).returncode == 0
    limit = container.start({}, "sh", "-c", "ulimit -Hn").stdout.strip()
    assert f"\nmaxfiles = {limit}\n" in (container.etc / "asterisk.conf").read_text()


def test_logs_are_the_containers_output_and_no_file(container: Container) -> None:
    container.start(GIVEN)
    text = (container.etc / "logger.conf").read_text()
    assert "\nconsole => notice,warning,error\n" in text
    assert "messages.log" not in text


def test_another_command_is_run_in_its_place(container: Container) -> None:
    assert container.start({}, "echo", "one", "two").stdout == "one two\n"
    assert container.start(GIVEN, "asterisk", "-v").returncode == 0
    assert container.arguments[3:] == ["-v"]


ANSWERS = """#!/bin/sh
case $4 in
'core waitfullybooted') echo 'Asterisk has fully booted.' ;;
'http show status') echo 'Server: Enabled and Bound to 127.0.0.1:8088' ;;
'pjsip show transports') echo 'Transport:  transport-udp' ;;
'pjsip show endpoint trunk') echo 'Unable to find object trunk.' ;;
esac
"""


@pytest.mark.parametrize(("own", "said"), [(False, "the endpoint trunk is not there"), (True, "healthy")])
def test_without_our_trunk_it_is_not_healthy_and_without_his_it_may_be(tmp_path: Path, own: bool, said: str) -> None:
    container = Container.make(tmp_path / "container", ANSWERS)
    if own:
        (container.own / "pjsip.conf").write_text("; mine, with an endpoint of another name\n")
    assert container.start(GIVEN).returncode == 0
    environment = container.environment({})
    asked = subprocess.run(
        [container.share / "healthy.sh"], env=environment, capture_output=True, text=True, check=False, timeout=20
    )
    assert (asked.returncode, asked.stdout) == (0 if own else 1, f"{said}\n")


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock.claim(30)
    yield block
    block.release()


def real(container: Container) -> None:
    """Have it start the rig's Asterisk, told where its modules are; an installed one knows."""
    program = find("asterisk")
    folders = program.with_name("asterisk.directories")
    more = f'[ "$1" != -f ] || cat \'{folders}\' >>"$3"\n' if folders.exists() else ""
    (container.bin / "asterisk").write_text(f"#!/bin/sh\n{more}exec '{program}' \"$@\"\n")


def said(process: subprocess.Popen[str], text: str) -> str:
    """All that it has said until it said this."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            break
    return "".join(lines)


@pytest.mark.asterisk
def test_a_real_asterisk_is_healthy_and_stops(container: Container, ports: PortBlock) -> None:
    """And is not healthy while somebody else has its SIP port."""
    real(container)
    first, last = ports.media
    given = {**GIVEN, "TRUNK_HOST": "127.0.0.1", "ARI_PORT": str(ports.tcp), "SIP_PORT": str(ports.udp)}
    given |= {"SIP_BIND": "127.0.0.1", "RTP_START": str(first), "RTP_END": str(last)}
    environment = container.environment(given)

    def health() -> tuple[int, str]:
        asked = subprocess.run(
            [container.share / "healthy.sh"], env=environment, capture_output=True, text=True, check=False, timeout=20
        )
        return asked.returncode, asked.stdout.strip()

    assert health()[0] != 0
    for taken, expected in ((True, (1, "no SIP transport is up")), (False, (0, "healthy"))):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            if taken:
                other.bind(("127.0.0.1", ports.udp))
            with subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", container.share / "entrypoint.sh"],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as asterisk:
                try:
                    log = said(asterisk, "Asterisk Ready")
                    assert health() == expected
                finally:
                    asterisk.terminate()
                log += said(asterisk, "\0")
                assert asterisk.wait(20) == 0
        assert "\x1b" not in log
        assert "Asterisk cleanly ending" in log
        assert ("Address already in use" in log) is taken
        assert "horse" not in log
