"""Where the commands ask, by the settings of the service."""

from __future__ import annotations

from pathlib import Path

import pytest

from otpvoice.cli import address


@pytest.mark.parametrize(
    ("environ", "hook", "admin"),
    [
        ({}, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ({"OTPVOICE_HTTP_BIND": "0.0.0.0:80"}, "http://127.0.0.1:80", "http://127.0.0.1:80"),
        ({"OTPVOICE_HTTP_BIND": "[::]:80"}, "http://[::1]:80", "http://[::1]:80"),
        ({"OTPVOICE_HTTP_BIND": "10.0.0.1:80"}, "http://10.0.0.1:80", "http://10.0.0.1:80"),
        ({"OTPVOICE_ADMIN_BIND": "127.0.0.1:9090"}, "http://127.0.0.1:8080", "http://127.0.0.1:9090"),
        ({"OTPVOICE_URL": "https://otp.example"}, "https://otp.example", "http://127.0.0.1:8080"),
        ({"OTPVOICE_HTTP_BIND": ""}, "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_addresses(environ: dict[str, str], hook: str, admin: str) -> None:
    assert (address.hook_url(environ), address.admin_url(environ)) == (hook, admin)


@pytest.mark.parametrize(
    ("text", "hook", "admin"),
    [
        ('http_bind = "[::]:81"\nadmin_bind = "127.0.0.1:82"', "http://[::1]:81", "http://127.0.0.1:82"),
        ("http_bind = 5", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http_bind = ", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_addresses_of_the_file(tmp_path: Path, text: str, hook: str, admin: str) -> None:
    path = tmp_path / "otpvoice.toml"
    path.write_text(text)
    environ = {"OTPVOICE_CONFIG": str(path)}
    assert (address.hook_url(environ), address.admin_url(environ)) == (hook, admin)
    assert address.hook_url(environ | {"OTPVOICE_HTTP_BIND": "a:1"}) == "http://a:1"


def test_a_file_that_is_not_there_is_for_the_service_to_complain_about(tmp_path: Path) -> None:
    assert address.hook_url({"OTPVOICE_CONFIG": str(tmp_path / "no")}) == "http://127.0.0.1:8080"


def test_the_key(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("from-a-file and-another\n")
    assert address.key({}) is None
    assert address.key({"OTPVOICE_API_KEYS": "one,two"}) == "one"
    assert address.key({"OTPVOICE_API_KEYS_FILE": str(path)}) == "from-a-file"
    assert address.key({"OTPVOICE_API_KEYS": "one", "OTPVOICE_KEY": "mine"}) == "mine"
    assert address.key({"OTPVOICE_API_KEYS": "one", "OTPVOICE_KEY_FILE": str(path)}) == "from-a-file"
    assert address.key({"OTPVOICE_KEY_FILE": str(tmp_path / "no"), "OTPVOICE_API_KEYS": "one"}) == "one"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('api_keys = "mine and-another"', "mine"),
        ('api_keys = ["mine", "and-another"]', "mine"),
        ('api_keys_file = "KEYS"', "from-a-file"),
        ('api_keys_file = "/no"', None),
        ("api_keys = [5]", None),
        ("api_keys = []", None),
        ("api_keys_file = 5", None),
        ('ari_url = "http://127.0.0.1:8088"', None),
    ],
)
def test_the_key_of_the_file(tmp_path: Path, text: str, key: str | None) -> None:
    (tmp_path / "keys").write_text("from-a-file and-another\n")
    (tmp_path / "otpvoice.toml").write_text(text.replace("KEYS", str(tmp_path / "keys")))
    environ = {"OTPVOICE_CONFIG": str(tmp_path / "otpvoice.toml")}
    assert address.key(environ) == key
    assert address.key(environ | {"OTPVOICE_API_KEYS": "of-the-variable"}) == "of-the-variable"
