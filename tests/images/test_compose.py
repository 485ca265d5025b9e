"""What compose makes of the files in ``docker/``: who is in which profile, and what belongs together."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otpvoice.service import LAST_WRITES
from otpvoice.settings import Settings
from tests.images.stack import DOCKER, ROOT, SECRETS, Stack, run

OF_THE_DEMO = ("demo-otpvoice", "demo-redis", "demo-asterisk", "callee", "caller")
SERVICES = ("otpvoice", "redis", "asterisk", *OF_THE_DEMO)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What an admin has who has set nothing; it is not started."""
    with Stack(tmp_path_factory.mktemp("plain")) as stack:
        for name in ("SUBNET", "HTTP_PUBLISH", "ADMIN_PUBLISH", "SIP_PORT", "RTP_START", "RTP_END"):
            del stack.environ[name]
        yield stack


def configuration(stack: Stack, *words: str | Path, profile: str | None = "*") -> dict[str, Any]:
    said = stack.compose(*words, "config", "--format", "json", profile=profile)
    return dict(json.loads(said[said.index("{") :]))


@pytest.mark.parametrize(
    ("profile", "services"),
    [
        ("existing-asterisk", {"otpvoice", "redis"}),
        ("asterisk", {"otpvoice", "redis", "asterisk"}),
        ("demo", {"demo-otpvoice", "demo-redis", "demo-asterisk", "callee", "caller"}),
    ],
)
def test_a_profile_has_these_services(plain: Stack, profile: str, services: set[str]) -> None:
    assert set(configuration(plain, profile=profile)["services"]) == services


def test_who_names_no_profile_gets_asterisk_too(plain: Stack) -> None:
    assert {"otpvoice", "redis", "asterisk"} == set(plain.compose("config", "--services", profile=None).split())


def test_who_has_not_made_the_secrets_is_told_to(plain: Stack, tmp_path: Path) -> None:
    with Stack(tmp_path) as fresh:
        (fresh.folder / ".env").unlink()
        for profile in (None, "demo"):
            assert "Run ./make-secrets.sh first" in fresh.compose("up", "--no-build", profile=profile, fails=True)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_held_tight(plain: Stack, service: str) -> None:
    said = configuration(plain)["services"][service]
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert said["init"] is True
    assert 0 < said["pids_limit"] <= 8192
    assert all("size=" in folder for folder in said.get("tmpfs", ()))
    assert said["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert "privileged" not in said
    assert "cap_add" not in said
    # Writable are memory and volumes of Redis and of speech, nothing of the host.
    assert all(mount.get("read_only") or mount["type"] == "volume" for mount in said.get("volumes", ()))


def test_a_stop_waits_longer_than_calls_may_take_to_finish(plain: Stack) -> None:
    said = configuration(plain)["services"]["otpvoice"]
    assert "OTPVOICE_DRAIN_TIMEOUT" not in said["environment"], "it would win over an otpvoice.toml"
    drain = Settings.model_fields["drain_timeout"].default
    minutes, seconds = re.fullmatch(r"(?:(\d+)m)?(\d+)s", said["stop_grace_period"]).groups("0")  # type: ignore[union-attr]
    assert int(minutes) * 60 + int(seconds) >= drain + LAST_WRITES + 10


def test_the_rtp_ports_are_the_same_on_both_sides(plain: Stack) -> None:
    said = configuration(plain)["services"]["asterisk"]
    first, last = int(said["environment"]["RTP_START"]), int(said["environment"]["RTP_END"])
    published = {int(port["published"]): port["target"] for port in said["ports"] if port["target"] >= first}
    assert published == {port: port for port in range(first, last + 1)}


def test_no_more_calls_are_placed_than_rtp_ports_carry(plain: Stack) -> None:
    services = configuration(plain)["services"]
    first, last = (int(services["asterisk"]["environment"][name]) for name in ("RTP_START", "RTP_END"))
    assert int(services["otpvoice"]["environment"]["OTPVOICE_MEDIA_LEGS"].split(":")[1]) == (last - first + 1) // 2


def test_inside_are_the_containers_alone(plain: Stack) -> None:
    said = configuration(plain)
    (inside,) = (config["subnet"] for config in said["networks"]["default"]["ipam"]["config"])
    assert said["services"]["asterisk"]["environment"]["LOCAL_NETS"] == inside
    hosts = configuration(plain, "--file", plain.folder / "compose.host.yaml", profile="asterisk")
    assert hosts["services"]["asterisk"]["environment"]["LOCAL_NETS"] == "", "Asterisk's default"


def test_the_demo_knows_nothing_of_what_is_set(tmp_path: Path) -> None:
    """No real carrier is called, or registered at, by who tries the demo once more; and it publishes no port."""
    with Stack(tmp_path, {"TRUNK_USER": "account-of-the-shell"}) as stack:
        before = demo(configuration(stack))
        stack.set(
            "TRUNK_HOST=sip.carrier.example", "TRUNK_KIND=register", "OTPVOICE_CONFIG=/etc/otpvoice/otpvoice.toml"
        )
        said = configuration(stack)
    assert said["services"]["asterisk"]["environment"]["TRUNK_HOST"] == "sip.carrier.example"
    assert demo(said) == before
    for service in before.values():
        assert set(service["networks"]) == {"demo"}
        assert not service.get("ports")
        assert not service.get("volumes")
    assert said["networks"]["demo"]["internal"] is True


def test_only_sip_and_rtp_are_open_to_others(plain: Stack) -> None:
    services = configuration(plain)["services"]
    opened = {
        name: {port["target"] for port in said.get("ports", ()) if port.get("host_ip") != "127.0.0.1"}
        for name, said in services.items()
    }
    assert opened.pop("asterisk") == {5060, *range(10000, 10100)}
    assert not any(opened.values()), opened
    assert "8088" not in json.dumps([said.get("ports") for said in services.values()]), "ARI is nobody's but otpvoice's"


def test_every_secret_is_a_file(plain: Stack) -> None:
    said = configuration(plain)
    assert {Path(secret["file"]).parent for name, secret in said["secrets"].items() if name != "ca_bundle"} == {
        plain.secrets_folder
    }
    for service in said["services"].values():
        for name, value in service.get("environment", {}).items():
            if name == "OTPVOICE_REDIS_URL":
                assert value == "redis://demo-redis:6379/0", "the demo's has no password"
            elif re.search(r"PASSWORD|SECRET|KEY|REDIS_URL", name):
                assert name.endswith("_FILE"), name
                assert not value or value.startswith("/run/secrets/"), name


def test_a_trunk_with_a_user_has_the_password_of_the_file(plain: Stack) -> None:
    assert configuration(plain)["services"]["asterisk"]["environment"]["TRUNK_PASSWORD_FILE"] == ""
    with Stack(plain.folder / "with-user", {"TRUNK_USER": "account"}) as with_user:
        environment = configuration(with_user)["services"]["asterisk"]["environment"]
    assert environment["TRUNK_PASSWORD_FILE"] == "/run/secrets/trunk_password"


def test_webhooks_are_signed_with_the_secret_of_the_file(plain: Stack) -> None:
    name = "OTPVOICE_WEBHOOK_SECRETS_FILE"
    assert configuration(plain)["services"]["otpvoice"]["environment"][name] == "", "an otpvoice.toml has the word"
    for variable in ("OTPVOICE_WEBHOOK_URL=https://hooks.example/otpvoice", f"{name}=/run/secrets/webhook_secrets"):
        with Stack(plain.folder / variable[:20], dict([variable.split("=")])) as stack:
            environment = configuration(stack)["services"]["otpvoice"]["environment"]
        assert environment[name] == "/run/secrets/webhook_secrets"


def test_valkey_may_take_the_place_of_redis(plain: Stack) -> None:
    assert configuration(plain)["services"]["redis"]["user"] == "redis"
    with Stack(plain.folder / "valkey", {"IMAGE_REDIS": "valkey/valkey:8", "REDIS_USER": "valkey"}) as stack:
        redis = configuration(stack)["services"]["redis"]
    assert (redis["image"], redis["user"]) == ("valkey/valkey:8", "valkey")


def test_on_the_hosts_network_nothing_is_published(plain: Stack) -> None:
    said = configuration(plain, "--file", plain.folder / "compose.host.yaml", profile="asterisk")["services"]
    for name in ("otpvoice", "asterisk"):
        assert said[name]["network_mode"] == "host"
        assert not said[name].get("ports")
    assert said["otpvoice"]["environment"]["OTPVOICE_ARI_URL"] == "http://127.0.0.1:8088"
    assert said["otpvoice"]["environment"]["OTPVOICE_HTTP_BIND"] == "127.0.0.1:8080"
    # The secret redis_url names redis.
    assert said["otpvoice"]["extra_hosts"] in (["redis=127.0.0.1"], ["redis:127.0.0.1"])
    assert [port["host_ip"] for port in said["redis"]["ports"]] == ["127.0.0.1"]
    assert (said["asterisk"]["environment"]["ARI_BIND"], said["asterisk"]["environment"]["ARI_PERMIT"]) == (
        "127.0.0.1",
        "127.0.0.1",
    )


def test_the_manual_lists_every_variable() -> None:
    named = {
        name
        for file in ("compose.yaml", "compose.host.yaml")
        for name in re.findall(r"(?<!\$)\$\{(\w+)", (DOCKER / file).read_text())
    }
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", (DOCKER / "README.md").read_text(), re.MULTILINE)
    assert named == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_secrets_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    folder, script = tmp_path / "secrets", copy_of_the_script(tmp_path)
    said = run([script])
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert made.keys() == {*SECRETS, "trunk_password", "tls_key"}
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["webhook_secrets"])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name, secret in made.items():
        assert (len(secret) >= 43) == (name not in {"trunk_password", "tls_key"}), name
        assert not secret or secret not in said
    assert f"made {tmp_path}/.env of .env.example" in said
    assert (tmp_path / ".env").read_text() == (DOCKER / ".env.example").read_text()
    (tmp_path / ".env").write_text("TRUNK_HOST=mine\n")
    assert run([script]) == "", "the second time there is nothing to do"
    assert {path.name: path.read_text() for path in folder.iterdir()} == made

    assert (tmp_path / ".env").read_text() == "TRUNK_HOST=mine\n"


def test_a_folder_that_was_there_before_stays_as_open_as_it_is(tmp_path: Path) -> None:
    folder, new, script = tmp_path / "shared", tmp_path / "new", copy_of_the_script(tmp_path)
    folder.mkdir()
    folder.chmod(0o755)
    assert "was there before" in run([script, folder])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert "was there before" not in run([script, new])
    assert stat.S_IMODE(new.stat().st_mode) == 0o700


def test_the_settings_and_secrets_of_an_admin_are_not_gits() -> None:
    for path in (
        "docker/.env",
        "docker/secrets/api_key",
        "docker/config/asterisk/pjsip.conf",
        "docker/config/otpvoice/otpvoice.toml",
    ):
        run(["git", "-C", ROOT, "check-ignore", "--quiet", path])


def copy_of_the_script(folder: Path) -> Path:
    for name in ("make-secrets.sh", ".env.example"):
        shutil.copy(DOCKER / name, folder / name)
    return folder / "make-secrets.sh"


def demo(said: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in said["services"].items() if "demo" in service["profiles"]}
