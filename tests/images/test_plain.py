"""What an admin starts: with nothing set, with settings and files of his own, with an Asterisk that is elsewhere."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.stack import Stack, inspect

SERVICES = ("otpvoice", "asterisk", "redis")
TOML = """\
allow_destinations = "+44"
drain_timeout = 45
media_legs = "2:7"

[[trunk]]
name = "carrier"
dial = "PJSIP/00{number}@trunk"
max_calls = 3

[[account]]
id = "default"
limits = { destination_calls_per_10_minutes = 5 }
"""
SHOW = """\
import os
from otpvoice.settings import Settings
s = Settings.load(os.environ)
print(s.drain_timeout, s.media_legs, [(t.name, t.dial, t.max_calls) for t in s.trunks], s.accounts[0].limits)
print(s.allow_destinations, len(s.accounts[0].webhook_secrets))
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Nothing is set but ports and the network; started as the manual says."""
    with Stack(tmp_path_factory.mktemp("plain"), project="-plain") as plain:
        try:
            up(plain)
            yield plain
        finally:
            plain.compose("down", "--volumes", "--timeout", "5", profile="*")


@pytest.fixture(scope="module")
def own(plain: Stack) -> Stack:
    """The same with an otpvoice.toml, and a carrier behind a VPN that is registered with over TLS."""
    plain.compose("down", "--timeout", "5", profile=None)
    (plain.folder / "config" / "otpvoice" / "otpvoice.toml").write_text(TOML)
    (plain.secrets_folder / "trunk_password").write_text("nobody-knows-0123456789")
    plain.set(
        "OTPVOICE_CONFIG=/etc/otpvoice/otpvoice.toml",
        "OTPVOICE_WEBHOOK_URL=https://hooks.example/otpvoice",
        "TRUNK_KIND=register",
        "TRUNK_TRANSPORT=tls",
        "TRUNK_PORT=5061",
        "TRUNK_HOST=10.99.0.1",
        "TRUNK_USER=account",
        "EXTERNAL_ADDRESS=203.0.113.10",
        # What .env says of them.
        without=("OTPVOICE_ALLOW_DESTINATIONS", "OTPVOICE_TRUNK", "OTPVOICE_MEDIA_LEGS"),
    )
    up(plain)
    return plain


def test_with_nothing_set_nothing_is_an_error(plain: Stack) -> None:
    ready(plain)
    for service in SERVICES:
        said = plain.compose("logs", "--no-color", "--no-log-prefix", service, profile=None)
        assert said
        assert not re.findall(r'^.*(?:\bERROR\b|"level": ?"(?:error|critical)").*$', said, re.MULTILINE), service


def test_it_answers_at_the_published_addresses(plain: Stack) -> None:
    for address, path in (
        ("HTTP_PUBLISH", "/openapi.json"),
        ("ADMIN_PUBLISH", "/readyz"),
        ("ADMIN_PUBLISH", "/metrics"),
    ):
        with urllib.request.urlopen(f"http://{plain.environ[address]}{path}", timeout=10) as answer:
            assert answer.status == 200


def test_what_redis_was_told_outlives_its_container(plain: Stack) -> None:
    before = plain.container("redis")
    redis(plain, "set", "told", "kept")
    plain.compose("down", "--timeout", "10", profile=None)
    up(plain)
    assert plain.container("redis") != before
    assert redis(plain, "get", "told") == "kept"


def test_an_own_file_of_settings_counts(own: Stack) -> None:
    said = own.compose("exec", "-T", "otpvoice", "python", "-", stdin=SHOW, profile=None)
    assert "45" in said.split()[0]
    assert "('carrier', 'PJSIP/00{number}@trunk', 3)" in said
    assert "'default'" not in said.splitlines()[0], "no trunk of .env's beside it"
    assert "7" in said
    assert re.search(r"destination_calls_per_10_minutes=\D*5", said), said
    assert re.search(r"\+?44", said.splitlines()[1])
    assert "12025550123" not in said
    assert said.split()[-1] == "1", "the webhook's secret"


def test_a_trunk_with_a_private_address_is_told_the_one_outside(own: Stack) -> None:
    ready(own)
    said = asterisk(own, "pjsip show transports") + asterisk(own, "pjsip show transport transport-tls")
    transport = re.search(r"^Transport: +(\S+) +tls", said, re.MULTILINE)
    assert transport is not None, said
    said = asterisk(own, f"pjsip show transport {transport[1]}")
    shown = dict(re.findall(r"^ *(\w+) +: *(.*?) *$", said, re.MULTILINE))
    assert shown["external_media_address"] == shown["external_signaling_address"] == "203.0.113.10", said
    subnet, bits = own.environ["SUBNET"].split("/")
    assert bits == "24"
    assert shown["local_net"] in {f"{subnet}/24", f"{subnet}/255.255.255.0"}, said
    assert "sip:10.99.0.1:5061" in asterisk(own, "pjsip show registrations")


def test_no_secret_shows_in_docker_inspect(own: Stack) -> None:
    known = json.dumps([inspect(own.container(service)) for service in SERVICES])
    for name, secret in {**own.secrets, "trunk_password": "nobody-knows-0123456789"}.items():
        assert secret not in known, name


def test_without_an_asterisk_of_ours_it_waits_for_yours(own: Stack) -> None:
    own.compose("down", "--timeout", "5", profile=None)
    own.set(
        "COMPOSE_PROFILES=existing-asterisk",
        "OTPVOICE_ARI_URL=http://host.docker.internal:9",
        without=("COMPOSE_PROFILES",),
    )
    up(own)
    assert own.compose("ps", "--services", profile="*").split() == ["otpvoice", "redis"]
    said = own.compose("exec", "-T", "otpvoice", "otpvoice", "check", "--ready", profile=None, fails=True)
    assert "asterisk_unavailable" in said


@pytest.mark.parametrize("password", ["", "two words", "a#b", 'a"b', "a@b", "a/b", "a:b"])
def test_a_password_that_redis_would_misread_is_refused(own: Stack, tmp_path: Path, password: str) -> None:
    (own.secrets_folder / "redis_password").chmod(0o644)
    kept = (own.secrets_folder / "redis_password").read_text()
    (own.secrets_folder / "redis_password").write_text(password)
    try:
        said = own.compose("run", "--rm", "-T", "--no-deps", "redis", profile=None, fails=True)
    finally:
        (own.secrets_folder / "redis_password").write_text(kept)
    assert "secrets/redis_password: letters, digits" in said
    assert not password or password not in said


def up(stack: Stack) -> None:
    stack.compose("up", "--detach", "--no-build", "--wait", profile=None)


def ready(stack: Stack) -> None:
    """Wait until calls can be placed; at most a minute."""
    deadline = time.monotonic() + 60
    url = f"http://{stack.environ['ADMIN_PUBLISH']}/readyz"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(stack.compose("logs", "--no-color", "--tail", "60", profile=None))


def redis(stack: Stack, *words: str) -> str:
    ask = 'REDISCLI_AUTH="$(cat /run/secrets/redis_password)" redis-cli --raw "$@"'
    return stack.compose("exec", "-T", "redis", "sh", "-c", ask, "sh", *words, profile=None).strip()


def asterisk(stack: Stack, command: str) -> str:
    words = ("asterisk", "-C", "/run/asterisk/etc/asterisk.conf", "-rx", command)
    return stack.compose("exec", "-T", "asterisk", *words, profile=None)
