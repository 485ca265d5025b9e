"""The templates in ``asterisk/``: what is replaced, what is not, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from otpvoice.testkit.configuration import Unfit, defaults, render, source_folder

GIVEN = {"ARI_PASSWORD": "a", "TRUNK_HOST": "192.0.2.1", "TRUNK_USER": "u", "TRUNK_PASSWORD": "p"}
ALL_FILES = sorted(source_folder().rglob("*.conf"))


def rendered(folder: Path, values: Mapping[str, str]) -> dict[str, str]:
    """The files that these values give, by their names within ``folder``."""
    render(folder, {**GIVEN, **values})
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*.conf")}


@pytest.mark.parametrize("kind", ["ip", "password", "register"])
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("media", ["no", "sdes"])
def test_any_choice_goes_with_any_other(kind: str, transport: str, media: str, tmp_path: Path) -> None:
    values = {"TRUNK_KIND": kind, "TRUNK_TRANSPORT": transport, "TRUNK_MEDIA_ENCRYPTION": media}
    files = rendered(tmp_path / "etc", values)
    for text in files.values():
        for included in re.findall(r'^#include "(.*)"', text, re.MULTILINE):
            assert included in files
    all_of_it = "\n".join(files.values())
    assert ("type = registration" in all_of_it) is (kind == "register")
    assert ("type = auth" in all_of_it) is (kind != "ip")
    assert all_of_it.count("\nprotocol = ") == 1
    assert f"\nmedia_encryption = {media}\n" in all_of_it


def test_what_registers_and_encrypts_is_loaded_whatever_the_trunk(tmp_path: Path) -> None:
    """A pjsip.conf of one's own may register, though no variable says so; without the module nothing is said."""
    modules = rendered(tmp_path / "etc", {})["modules.conf"]
    for name in ("res_pjsip_outbound_registration", "res_pjsip_outbound_authenticator_digest", "res_srtp"):
        assert f"\nload = {name}.so" in modules


def test_behind_nat_nothing_shows_the_address_inside(tmp_path: Path) -> None:
    files = rendered(tmp_path / "etc", {"EXTERNAL_ADDRESS": "203.0.113.5"})
    assert "\nfrom_domain = 203.0.113.5\n" in files["choices/pjsip_trunk_ip.conf"]
    assert "from_domain" not in rendered(tmp_path / "without", {})["choices/pjsip_trunk_ip.conf"]


def test_what_can_not_be_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(Unfit) as refused:
        render(tmp_path / "etc", {"ARI_PASSWORD": "se\ncret", "TRUNK_KIND": "carrier-pigeon"})
    assert str(refused.value).splitlines() == [
        "ARI_PASSWORD must be one line without control characters, and without spaces around it",
        "TRUNK_HOST must be given",
        "TRUNK_KIND must be one of: ip, password, register",
    ]
    assert not (tmp_path / "etc").exists()


def test_defaults_list_what_the_files_use_and_nothing_else() -> None:
    used = {name for file in ALL_FILES for name in re.findall(r"@([A-Z][A-Z0-9_]*)\??@", file.read_text())}
    assert used == defaults(source_folder()).keys()


def test_what_has_no_default_is_what_only_an_admin_can_know() -> None:
    """All else that has none can be left out, or belongs to a kind of trunk."""
    needed = {name for file in source_folder().glob("*.conf") for name in re.findall(r"@(\w+)@", file.read_text())}
    without = {name for name, value in defaults(source_folder()).items() if not value}
    assert needed & without == {"ARI_PASSWORD", "TRUNK_HOST"}


@pytest.mark.parametrize("file", ALL_FILES, ids=lambda file: str(file.relative_to(source_folder())))
def test_each_file_says_what_it_is_for_and_each_choice_is_one_of_several(file: Path) -> None:
    first, *_ = file.read_text().splitlines()
    assert re.match(r"; [A-Z].*\.", first), first
    assert file.read_text().endswith("\n")
    assert max(len(line) for line in file.read_text().splitlines()) <= 130


def test_keys_that_a_callee_presses_are_not_logged() -> None:
    """The logger level ``dtmf`` would write each of them down."""
    lines = (source_folder() / "logger.conf").read_text().splitlines()
    levels = [line.split("=>")[1] for line in lines if "=>" in line and not line.startswith(";")]
    assert levels
    assert not any("dtmf" in line or "*" in line for line in [*levels, defaults(source_folder())["LOG_LEVELS"]])
