"""The administrator's page: what it names is there, what it says of files is in them, what it has typed works."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from types import SimpleNamespace

import pytest

from otpvoice import __version__
from otpvoice.core.readiness import why_not_ready
from otpvoice.doctor import CHECKS, room
from otpvoice.doctor.asterisk import http_conf
from otpvoice.settings import Settings, SettingsError
from otpvoice.settings.model import KEYS
from otpvoice.settings.sources import _OTHERS as OTHERS
from otpvoice.settings.voices import ENGINES
from otpvoice.testkit.configuration import defaults
from tests.docs.admin_page import ROOT, TEXT, block, commands, part, rows

COMPOSE = (ROOT / "docker" / "compose.yaml").read_text()
SOURCES = "\n".join(path.read_text() for path in sorted((ROOT / "otpvoice").rglob("*.py")))
OF_COMPOSE = frozenset(re.findall(r"\$\{([A-Z_]+)", COMPOSE))


def names(cell: str) -> list[str]:
    """Return what stands in back quotes."""
    return re.findall(r"`([^`]+)`", cell)


# --- what is named is there -------------------------------------------------------------------------------------------


def test_every_variable_of_ours_is_one() -> None:
    named = {name.removesuffix("_FILE") for name in re.findall(r"\bOTPVOICE_[A-Z_]*[A-Z]", TEXT)}
    known = {f"OTPVOICE_{key.upper()}" for key in (*KEYS, *OTHERS, "config")}
    assert named <= known


def test_every_variable_of_the_compose_file_is_one() -> None:
    named = set(re.findall(r"`((?:STOP|IMAGE|CONFIG|SECRETS|HTTP|ADMIN)_[A-Z_]+)[`=]", TEXT))
    assert {"STOP_GRACE_PERIOD", "IMAGE_OTPVOICE"} <= named <= OF_COMPOSE


def test_every_variable_of_asterisk_is_one() -> None:
    of_asterisk = defaults(ROOT / "asterisk")
    named = {
        name.partition("=")[0]
        for name in re.findall(r"`((?:ARI|SIP|RTP|TRUNK|TLS|LOCAL|EXTERNAL|MAX)_[A-Z_]+(?:=[^`]*)?)`", TEXT)
    } - {"ARI_APP"}
    assert named
    assert named <= of_asterisk.keys()


def test_the_ports_of_the_table_are_the_defaults() -> None:
    of_asterisk = defaults(ROOT / "asterisk")
    by_variable = {name: row[0] for row in rows("For whoever runs it") for name in names(row[3])}
    assert by_variable["ARI_PORT"] == f"{of_asterisk['ARI_PORT']} tcp"
    assert by_variable["SIP_PORT"].startswith(of_asterisk["SIP_PORT"])
    assert by_variable["RTP_START"] == f"{of_asterisk['RTP_START']}–{of_asterisk['RTP_END']} udp"
    assert by_variable["OTPVOICE_HTTP_BIND"] == f"{Settings.model_fields['http_bind'].default.port} tcp"
    minimal = block("toml file=minimal.toml")
    assert f':{by_variable["OTPVOICE_ADMIN_BIND"].removesuffix(" tcp")}"' in minimal
    picture = part("For whoever runs it").split("```")[1]
    for row in rows("For whoever runs it"):
        for port in re.findall(r"\d+", row[0]):
            assert port in picture


@pytest.mark.parametrize("row", rows("When it does not work"), ids=lambda row: row[0][:40])
def test_the_doctor_s_lines_are_there(row: list[str]) -> None:
    assert set(names(row[2])) <= {check.word for check in CHECKS}


def test_the_doctor_knows_most_of_what_does_not_work() -> None:
    with_a_line = [row for row in rows("When it does not work") if row[2]]
    assert len(with_a_line) >= 15


def test_every_reason_of_readiness_is_explained() -> None:
    health = (ROOT / "otpvoice" / "web" / "health.py").read_text()
    codes = set(re.findall(r'"code": "([a-z_]+)"', health))
    for connected in (True, False):
        pool = SimpleNamespace(wedged=True, free=0, taken=0)
        codes |= set(why_not_ready(SimpleNamespace(connected=connected, replaced=True, pool=pool)))
    assert codes > {"draining", "no_media_leg"}
    assert codes == {names(row[0])[0] for row in rows("What to watch")}


def test_every_line_of_the_log_is_written() -> None:
    table = part("What to watch").split("| line | level |")[1]
    listed = [name for row in re.findall(r"^\| (`.*?) \| (\w+) \|", table, re.MULTILINE) for name in names(row[0])]
    assert len(listed) > 8
    for line in listed:
        assert f'"{line}"' in SOURCES, line


def test_every_metric_is_one() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    named = set(re.findall(r"`(otpvoice_[a-z_]+)`", TEXT))
    assert named
    assert {name for name in named if f"`{name}`" not in page} == set()


def test_every_heading_that_a_link_goes_to_is_there() -> None:
    for page in ("admin.md", "settings.md", "quality.md", "licences.md"):
        text = (ROOT / "docs" / page).read_text()
        for target, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text):
            there = ROOT / "docs" / (target or page)
            headings = re.findall(r"^#+ (.*)", there.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert heading in slugs, f"{page} points to {target}#{heading}"


def test_every_file_that_is_named_is_there() -> None:
    listed = re.findall(r"`((?:asterisk|docker|docs|requirements|otpvoice)/[\w./-]+)`", TEXT)
    made = {f"docker/secrets/{name}" for name in ("ari_password", "trunk_password", "tls_key", "webhook_secrets")}
    for name in {*listed} - made:
        assert (ROOT / name).exists(), name


# --- Docker -----------------------------------------------------------------------------------------------------------


def test_what_is_typed_at_docker_is_in_the_compose_file() -> None:
    services = set(
        re.findall(r"^  ([a-z]+):$", COMPOSE.split("\nservices:\n")[1].split("\nnetworks:")[0], re.MULTILINE)
    )
    profiles = {name for row in re.findall(r"profiles: \[(.*?)\]", COMPOSE) for name in row.split(", ")}
    typed = [line for line in commands() if line.startswith("docker compose")]
    assert len(typed) > 5
    for line in typed:
        words = shlex.split(line.split(" >")[0])[2:]
        while words[0].startswith("-"):
            option, value, *words = words
            match option:
                case "--profile":
                    assert value in profiles | {"existing-asterisk"}
                case "-f":
                    assert (ROOT / "docker" / value).exists()
                case _:
                    pytest.fail(line)
        verb, *rest = words
        assert verb in {"up", "exec", "build", "stop", "start", "logs"}
        if verb in {"exec", "stop", "start", "logs"}:
            assert next(word for word in rest if not word.startswith("-")) in services


@pytest.mark.skipif(
    shutil.which("docker") is None
    or subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=20).returncode != 0,
    reason="there is no docker compose here",
)
def test_compose_takes_what_is_typed() -> None:
    """Each choice of files and profiles; it asks no engine. Whether it runs is tried in tests/images."""
    chosen = {re.split(r" (?:up|exec|build|stop|start|logs)\b", line)[0] for line in commands() if "compose" in line}
    chosen = {line for line in chosen if line.startswith("docker compose")}
    assert len(chosen) >= 4
    for line in chosen:
        done = subprocess.run(
            [*shlex.split(line), "config", "--quiet"],
            cwd=ROOT / "docker",
            # make-secrets.sh, which is typed before, writes it into .env.
            env={**os.environ, "COMPOSE_PROFILES": "asterisk"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, f"{line}: {done.stderr}"


def test_the_secrets_are_made_where_the_page_says(tmp_path: Path) -> None:
    assert "./make-secrets.sh\n" in "\n".join(commands()) + "\n"
    for name in ("make-secrets.sh", ".env.example"):
        shutil.copy(ROOT / "docker" / name, tmp_path / name)
    subprocess.run([tmp_path / "make-secrets.sh"], check=True, capture_output=True, timeout=20)
    assert (tmp_path / ".env").exists()
    for name in re.findall(r"docker/secrets/(\w+)", TEXT):
        assert (tmp_path / "secrets" / name).exists(), name


def test_the_grace_of_docker_is_the_one_of_the_page() -> None:
    assert "${STOP_GRACE_PERIOD:-90s}" in COMPOSE
    assert "`STOP_GRACE_PERIOD` (90 s)" in part("Stop and start")


# --- an Asterisk of one's own -----------------------------------------------------------------------------------------


def own_secrets(folder: Path) -> str:
    """Run the page's commands that make secrets, there; return the page's settings, which name them."""
    script = block("console secrets").replace("/etc/otpvoice", str(folder))
    subprocess.run(["bash", "-euc", script], check=True, timeout=20)
    return block("toml file=minimal.toml").replace("/etc/otpvoice", str(folder))


def test_the_secrets_that_are_made_and_the_least_settings_are_enough(tmp_path: Path) -> None:
    text = own_secrets(tmp_path / "etc")
    (tmp_path / "otpvoice.toml").write_text(text)
    settings = Settings.load({"OTPVOICE_CONFIG": str(tmp_path / "otpvoice.toml")})
    assert settings.trunks[0].dial == "PJSIP/{number}@trunk"
    assert settings.warnings == ()
    for path in (tmp_path / "etc" / "secrets").iterdir():
        assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("row", rows("Asterisk's side"), ids=lambda row: row[1][:30])
def test_the_lines_for_asterisk_are_in_the_files_that_we_ship(row: list[str]) -> None:
    (file,) = names(row[0])
    shipped = (ROOT / "asterisk" / file).read_text()
    for name in names(row[1]):
        if file == "modules.conf":
            assert re.search(rf"^(load|require) = {name.replace('*', '.*')}", shipped, re.MULTILINE), name
        elif " = " in name:
            key, value = name.split(" = ")
            assert re.search(rf"^{key} = (?:{re.escape(value)}|@ARI_BIND@)$", shipped, re.MULTILINE), name
        elif name.startswith("[") and name != "[otpvoice]":
            assert f"\n{name}\n" in shipped, name


# --- voices -----------------------------------------------------------------------------------------------------------


def test_the_engines_of_the_table_are_those_that_may_be_set() -> None:
    table = {names(row[0])[0]: row for row in rows("Voices")}
    assert tuple(table) == ("espeak", "flite", "recorded", "piper", "gtts")
    assert set(table) == set(ENGINES)
    for engine, setting in {"recorded": "RECORDINGS_DIR", "piper": "PIPER_DIR", "gtts": "GTTS"}.items():
        with pytest.raises(SettingsError, match=f"OTPVOICE_{setting} "):
            Settings.load(
                {"OTPVOICE_DEV": "1", "OTPVOICE_TRUNK": "PJSIP/{number}@trunk", "OTPVOICE_VOICE": engine},
            )
        assert f"`OTPVOICE_{setting}" in table[engine][4]


def test_what_is_typed_to_hear_a_code_makes_one_that_can_be_heard(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTPVOICE_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", block("console voices")],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert all(engine in done.stdout for engine in ENGINES)
    with wave.open(str(tmp_path / "code.wav")) as heard:
        assert heard.getnframes() / heard.getframerate() > 5


# --- figures ----------------------------------------------------------------------------------------------------------


def test_a_request_that_nginx_lets_through_is_one_that_we_read() -> None:
    from otpvoice.dialects.reader import LARGEST  # noqa: PLC0415

    assert f"client_max_body_size {LARGEST // 1024}k;" in block("nginx file=otpvoice.conf")


def test_the_drain_is_the_default() -> None:
    assert f"`OTPVOICE_DRAIN_TIMEOUT` ({Settings.model_fields['drain_timeout'].default:g} s)" in part("Stop and start")


def test_the_figures_of_capacity_are_the_doctor_s() -> None:
    said = {row[0]: row[1] for row in rows("Capacity")}
    assert said["connections to Asterisk's HTTP server"].startswith(f"{http_conf.NEEDED} ")
    assert f"of which one otpvoice may have {http_conf.NEEDED}" in part("Asterisk's side")
    assert said["open files of otpvoice"] == f"{room.OF_A_CALL} N + {room.BESIDES}"
    assert said["open files of Asterisk"].startswith(f"{room.OF_A_CALL_IN_ASTERISK} N")


def test_the_version_that_is_installed_is_this_one() -> None:
    assert block("console install").startswith(f"V={__version__}\n")
