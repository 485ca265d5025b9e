"""The page of settings: its tables are the code's, and what they call required is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from otpvoice.settings import Settings, SettingsError
from otpvoice.settings.model import KEYS
from tests.docs import settings_table
from tests.docs.settings_table import PAGE, TABLES_OF_THE_PAGE, with_tables

TEXT = PAGE.read_text()
LEAST = {
    "OTPVOICE_ARI_PASSWORD": "at least sixteen characters",
    "OTPVOICE_TRUNK": "PJSIP/{number}@trunk",
    "OTPVOICE_API_KEYS": "0123456789abcdefghijklmnopqrstuvwxyz",
    "OTPVOICE_ALLOW_DESTINATIONS": "+44",
    "OTPVOICE_REDIS_URL": "redis://127.0.0.1:6379/0",
}


def variables() -> Iterator[tuple[str, str]]:
    """Yield each variable of the page, with its default."""
    for row in re.findall(r"^\| `OTPVOICE_.*$", TEXT, re.MULTILINE):
        names, _, default, _ = re.split(r" (?<!\\)\| ", row.strip("| "))
        yield from ((name, default) for name in re.findall(r"`(\w+)`", names) if not name.endswith("_FILE"))


def test_the_tables_are_those_of_the_code() -> None:
    assert with_tables(TEXT) == TEXT, "make docs"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    stale = TEXT.replace("how long calls may finish after SIGTERM", "as long as it takes")
    assert stale != TEXT
    assert with_tables(stale) == TEXT


@pytest.mark.parametrize("name", sorted(TABLES_OF_THE_PAGE))
def test_a_page_without_its_markers_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_tables(TEXT.replace(f"<!-- {name}: begin -->\n", ""))


def test_a_setting_without_a_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {**settings_table.GROUPS, "How it runs": ("admin_bind",)}
    monkeypatch.setattr(settings_table, "GROUPS", groups)
    with pytest.raises(ValueError, match="drain_timeout"):
        settings_table.variables()


def test_a_setting_without_a_description_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings.model_fields["tail"], "description", None)
    with pytest.raises(ValueError, match="tail has no description"):
        settings_table.variables()


def test_every_variable_is_there_once() -> None:
    listed = [name for name, _ in variables()]
    assert sorted(listed) == sorted(f"OTPVOICE_{key.upper()}" for key in KEYS)


def test_what_is_called_required_is_all_that_is() -> None:
    assert {name for name, default in variables() if default == "required"} == LEAST.keys()
    assert Settings.load(LEAST).warnings


@pytest.mark.parametrize("name", LEAST)
def test_nothing_starts_without_what_is_required(name: str) -> None:
    with pytest.raises(SettingsError, match="is required") as raised:
        Settings.load({other: value for other, value in LEAST.items() if other != name})
    assert [problem.name for problem in raised.value.problems] == [name]


def test_what_the_page_says_of_writing_them_down_is_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("settings")
    (folder / "password").write_text("from a file of its own\n")
    (folder / "otpvoice.toml").write_text('deny_destinations = ["+4479", "JM"]\nari_user = "of-the-file"')
    environ = {**LEAST, "OTPVOICE_CONFIG": str(folder / "otpvoice.toml"), "OTPVOICE_ARI_USER": ""}
    del environ["OTPVOICE_ARI_PASSWORD"]
    settings = Settings.load(environ | {"OTPVOICE_ARI_PASSWORD_FILE": str(folder / "password")})
    assert settings.ari_password.reveal() == "from a file of its own"
    assert (settings.ari_user, settings.deny_destinations) == ("of-the-file", ("+4479", "JM"))
    assert Settings.load(LEAST | {"OTPVOICE_DENY_DESTINATIONS": "+4479,JM"}).deny_destinations == ("+4479", "JM")
    with pytest.raises(SettingsError, match="one of them is enough"):
        Settings.load(LEAST | {"OTPVOICE_ARI_PASSWORD_FILE": str(folder / "password")})
