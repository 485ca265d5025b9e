"""The whole examination: what is dead holds up nobody, what stumbles hides nothing, and what is wrong is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from otpvoice.adapters.locales import load_locales
from otpvoice.doctor import CHECKS, Finding, Patient, Status, examination, examine, room, salvage, webhooks
from otpvoice.doctor.looks import Examination
from otpvoice.doctor.speech.voices import MOST_PROBLEMS
from tests.doctor.words import name_of

NOWHERE = "http://127.0.0.1:9"
RIGHT = {
    "OTPVOICE_ARI_URL": "http://127.0.0.1:9",
    "OTPVOICE_ARI_PASSWORD": "0123456789abcdef-secret",
    "OTPVOICE_TRUNK": "PJSIP/{number}@trunk",
    "OTPVOICE_API_KEYS": "0123456789abcdef0123-key",
    "OTPVOICE_ALLOW_DESTINATIONS": "+44",
    "OTPVOICE_REDIS_URL": "redis://:s3cret@127.0.0.1:9/0",
}


async def examined(environ: dict[str, str], *only: str) -> list[Finding]:
    return [finding async for finding in examine(Patient(environ, NOWHERE, []), only)]


@asynccontextmanager
async def black_hole() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A server that takes connections, and answers nothing until it is told to hang up."""
    hang_up, over = asyncio.Event(), asyncio.Event()
    there: set[asyncio.StreamWriter] = set()

    async def swallow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.add(writer)
        await hang_up.wait()
        writer.close()
        await writer.wait_closed()
        there.remove(writer)
        if not there:
            over.set()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        try:
            yield server.sockets[0].getsockname()[1], hang_up
        finally:
            hang_up.set()
            await over.wait()


async def test_a_redis_that_is_dead_holds_up_nobody() -> None:
    async with black_hole() as (port, hang_up):
        environ = RIGHT | {"OTPVOICE_REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        seen: list[str] = []
        async for finding in examine(Patient(environ, NOWHERE, []), ["ari", "trunk", "redis"]):
            seen.append(name_of(finding))
            if finding.check == "trunk":
                # All of Asterisk is told, and Redis has not said a word yet.
                hang_up.set()
    assert seen[:4] == ["ari.refused", "ari.credentials.skipped", "trunk.skipped", "redis.other"]


async def test_where_nothing_is_there_everything_else_says_so() -> None:
    found = await examined(RIGHT)
    words = [check.word for check in CHECKS]
    assert sorted({finding.check for finding in found}, key=words.index) == words[:-1]
    assert [words.index(finding.check) for finding in found] == sorted(words.index(one.check) for one in found)
    for finding in found:
        if finding.check.startswith(("asterisk", "media", "trunk", "ari.")):
            assert finding.message == "not looked at: Asterisk is not reached (see ari)"
        if finding.check.startswith("redis.") and finding.check != "redis.exposure":
            assert finding.message == "not looked at: Redis is not reached (see redis)"


async def test_no_secret_is_told_by_any_of_them() -> None:
    told = str([finding.to_json() for finding in await examined(RIGHT)])
    for secret in ("0123456789abcdef", "s3cret"):
        assert secret not in told


async def test_what_stumbles_is_a_finding_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, **__: object) -> list[Finding]:
        raise LookupError("with a s3cret in it")

    monkeypatch.setattr(room, "judge_limits", stumble)
    [disk, limits] = await examined(RIGHT, "disk", "limits")
    assert disk.status is not Status.UNKNOWN
    assert limits.status is Status.UNKNOWN
    assert "the doctor stumbled here: LookupError at " in limits.message
    assert "s3cret" not in limits.message


async def test_what_takes_too_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever(_: Examination) -> list[Finding]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(examination, "WITHIN", 0.01)
    monkeypatch.setattr(examination, "LOOKS", [([CHECKS[0]], forever)])
    [finding] = await examined(RIGHT)
    assert (name_of(finding), finding.status) == ("settings.no_answer", Status.FAILED)
    assert finding.message == "no answer within 0.01 s"


async def test_only_some_are_looked_at() -> None:
    assert {finding.check for finding in await examined(RIGHT, "redis")} == {
        check.word for check in CHECKS if check.word.startswith("redis")
    }


async def test_settings_that_are_wrong_are_all_told_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    environ = {
        "OTPVOICE_ARI_URL": "http://127.0.0.1:9",
        "OTPVOICE_ARI_PASSWORD": "weak",
        "OTPVOICE_REDIS_URL": "nonsense",
        "OTPVOICE_TRUNK": "PJSIP/nobody",
        "OTPVOICE_MEDIA_LEGS": "8",
        "OTPVOICE_API_KEYS": RIGHT["OTPVOICE_API_KEYS"],
        "OTPVOICE_ALLOW_DESTINATIONS": "everywhere",
        "OTPVOICE_PROMPTS_DIR": str(tmp_path),
    }
    found = await examined(environ)
    wrong = {str(one.details["name"]) for one in found if one.fault == "wrong"}
    assert wrong == {
        "OTPVOICE_ARI_PASSWORD",
        "OTPVOICE_REDIS_URL",
        "OTPVOICE_TRUNK",
        "OTPVOICE_MEDIA_LEGS",
        "OTPVOICE_ALLOW_DESTINATIONS",
    }
    by_check = {one.check: one for one in found}
    # A weak password is wrong, and still the one to ask with.
    assert by_check["ari"].fault == "refused"
    assert by_check["prompts"].status is Status.OK
    assert by_check["redis"].message == "not looked at: OTPVOICE_REDIS_URL is wrong (see settings)"
    assert by_check["limits"].message == "not looked at: OTPVOICE_MEDIA_LEGS is wrong (see settings)"
    assert by_check["destinations"].message == "not looked at: OTPVOICE_ALLOW_DESTINATIONS is wrong (see settings)"
    assert by_check["trunk"].status is Status.SKIPPED


async def test_wrong_settings_are_told_whatever_is_looked_at() -> None:
    found = await examined({"OTPVOICE_ARI_URL": "nowhere"}, "disk")
    assert {one.check for one in found} == {"settings", "disk"}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", set()),
        ("this is no TOML", set()),
        ("ari_url = 1", {"ari_url"}),
        ('[[trunk]]\nname = "a"', {"trunks"}),
        ('[[trunk]]\nname = "a"\ndial = "PJSIP/{number}@a"\nring_timeout = 1', {"trunks"}),
        ('[[account]]\nkeys = ["x"]', {"accounts"}),
        ('[[account]]\nid = "a"\nlimits = 5', {"accounts"}),
        ('[[account]]\nid = "a"\nlimits = { calls = 5 }', {"accounts"}),
        ('trunk = "x"\n[[trunk]]\nname = "b"\ndial = "PJSIP/{number}@b"', {"trunks"}),
    ],
)
def test_something_is_left_of_any_settings(tmp_path: Path, text: str, wrong: set[str]) -> None:
    path = tmp_path / "otpvoice.toml"
    path.write_text(text)
    salvaged = salvage.load({"OTPVOICE_CONFIG": str(path)})
    assert salvaged.settings is not None
    assert salvaged.problems
    # Where no trunk is set at all, there is one that lacks its dial string.
    assert salvaged.wrong - {"trunks"} == wrong - {"trunks"}
    assert wrong <= salvaged.wrong


async def test_whoever_stops_listening_leaves_nothing_behind() -> None:
    """Ctrl-C, say. What is still asked for is let go; a warning would fail this test."""
    async with black_hole() as (port, _):
        environ = RIGHT | {"OTPVOICE_REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        examining = examine(Patient(environ, NOWHERE, []))
        assert (await anext(examining)).check == "settings"
        await examining.aclose()
        assert {task for task in asyncio.all_tasks() if not task.get_name().startswith("Task-")} == set()


async def test_several_hooks_that_hang_are_all_told_within_the_time_of_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    signing = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
    monkeypatch.setattr(webhooks, "WITHIN", 0.5)
    monkeypatch.setattr(examination, "WITHIN", 2.0)
    async with black_hole() as (port, _):
        path = tmp_path / "otpvoice.toml"
        path.write_text(
            "".join(
                f'[[account]]\nid = "a{number}"\nkeys = ["{number:064x}"]\nwebhook_url = "http://127.0.0.1:{port}/"\n'
                f'webhook_secrets = ["{signing}"]\n'
                for number in range(20)
            )
        )
        plain = {name: value for name, value in RIGHT.items() if name != "OTPVOICE_API_KEYS"}
        found = await examined(plain | {"OTPVOICE_CONFIG": str(path)}, "webhook")
    assert [name_of(one) for one in found][:20] == ["webhook.unreached"] * 20


async def test_where_calls_of_json_rpc_are_told_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "WITHIN", 0.5)
    async with black_hole() as (port, _):
        found = await examined(RIGHT | {"OTPVOICE_EVENT_URL": f"http://127.0.0.1:{port}/"}, "webhook")
    assert [name_of(one) for one in found][:1] == ["webhook.unreached"]
    assert found[0].message.startswith("the webhook of default (event_url): ")


async def test_a_wrong_webhook_url_is_not_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = await examined(RIGHT | {"OTPVOICE_WEBHOOK_URL": "hooks.example"}, "webhook")
    assert [one.message for one in found if one.check == "webhook"] == [
        "not looked at: an account is wrong (see settings)"
    ]


def test_a_row_that_is_left_out_moves_no_other(tmp_path: Path) -> None:
    path = tmp_path / "otpvoice.toml"
    trunk = '[[trunk]]\nname = "{}"\ndial = "PJSIP/{{number}}@{}"\nring_timeout = {}\n'
    path.write_text('[[trunk]]\nname = "a"\n' + trunk.format("b", "b", 1) + trunk.format("c", "c", 33))
    salvaged = salvage.load({"OTPVOICE_CONFIG": str(path)} | {k: v for k, v in RIGHT.items() if "TRUNK" not in k})
    assert salvaged.settings is not None
    assert [(one.name, one.ring_timeout == 33) for one in salvaged.settings.trunks] == [("b", False), ("c", True)]


@pytest.mark.parametrize(
    ("environ", "remedy"),
    [
        ({"OTPVOICE_FOO": "1"}, "Take it out"),
        ({"OTPVOICE_CONFIG": "/nowhere.toml"}, "Make the file that it names one that can be read"),
        ({"OTPVOICE_CONFIG": "{no_toml}"}, "Mend the file there"),
        ({"OTPVOICE_CONFIG": "{limits}"}, "Take it out"),
        ({"OTPVOICE_API_KEYS_FILE": "{no_toml}"}, "Take one of them out"),
        ({"OTPVOICE_TRUNK": "x"}, "Set it (for example: "),
    ],
)
async def test_what_to_do_about_a_setting_depends_on_what_is_wrong(
    tmp_path: Path, environ: dict[str, str], remedy: str
) -> None:
    files = {"no_toml": tmp_path / "no.toml", "limits": tmp_path / "limits.toml"}
    files["no_toml"].write_text("this is no TOML")
    files["limits"].write_text('[[account]]\nid = "default"\nlimits = { calls = 5 }')
    given = {name: value.format(**files) for name, value in environ.items()}
    [wrong] = [one for one in await examined(RIGHT | given, "settings") if one.fault == "wrong"]
    assert wrong.remedy.startswith(remedy)


async def test_language_packs_that_are_wrong_are_told_once(tmp_path: Path) -> None:
    for name in ("de", "fr"):
        (tmp_path / f"{name}.toml").write_text(f'tag = "{name}"\nagain = 5\n')
    found = await examined(RIGHT | {"OTPVOICE_LOCALES_DIR": str(tmp_path)}, "voice")
    by_name = {name_of(finding): finding for finding in found}
    told = [finding.message for finding in found if name_of(finding) == "voice.packs"]
    assert len(told) == MOST_PROBLEMS + 1
    assert told[0].startswith(f"language packs are wrong: {tmp_path}/de.toml: ")
    assert not [message for message in told if "\n" in message]
    with pytest.raises(ValueError, match=r"de\.toml") as caught:
        load_locales(tmp_path)
    more = len(str(caught.value).splitlines()) - MOST_PROBLEMS
    assert told[-1] == f"language packs are wrong: {more} more things; otpvoice voices says all of them"
    assert by_name["voice.engines.skipped"].message == "not looked at: the language packs are wrong (see voice)"
    assert "voice.recordings.skipped" in by_name
