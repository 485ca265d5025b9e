"""What the documents say is what the program does: their payloads, tables and commands are run."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest

from otpvoice.core.outcome import OutcomeClass
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native import CallDefaults, TrunkOffer, parse_call
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, Scenario
from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance

ROOT = Path(__file__).parents[2]
DEFAULTS = CallDefaults(
    trunks={"default": TrunkOffer("default", ("+12025550199",), 45.0)},
    destinations=Destinations(("+1202",), (), anywhere=False),
    local_numbers=None,
    language="en-US",
    lead_in=0.4,
    tail=0.6,
)


def read(name: str) -> str:
    return (ROOT / name).read_text()


def blocks(name: str, language: str) -> list[str]:
    """Return the fenced blocks that open with exactly this."""
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", read(name), re.MULTILINE | re.DOTALL)


def shape(value: object) -> object:
    """Return a JSON value's keys, all the way down."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else None


def first_cells(name: str, heading: str) -> list[str]:
    """Return the names in back quotes of the first column of the table below a heading."""
    table = re.split(r"\n##+ ", read(name).split(heading, 1)[1], maxsplit=1)[0]
    return [word for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for word in re.findall(r"`(\w+)`", row)]


@pytest.mark.parametrize("name", ["shorthand.json", "actions.json", "keys.json"])
def test_the_payloads_of_the_api_page_are_taken(name: str) -> None:
    (payload,) = blocks("docs/http.md", f"json file={name}")
    assert parse_call(payload.encode(), DEFAULTS, 0.0).plan.to == "+12025550123"


def test_the_table_of_outcomes_is_whole() -> None:
    heading, *listed = first_cells("docs/http.md", "\n### Outcomes\n")
    assert heading == "class"
    assert sorted(listed) == sorted(OutcomeClass)


def test_every_file_that_a_document_points_to_is_there() -> None:
    for page in (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"


@pytest.mark.asterisk
async def test_the_request_of_the_readme_places_a_call(tmp_path: Path) -> None:
    (command,) = [block for block in blocks("README.md", "console") if "curl" in block]
    (answer,) = blocks("README.md", "json")
    async with (
        await RedisInstance.start(tmp_path / "redis") as redis,
        CalleeAgent(Scenario.answers().without_rtcp().hangs_up(after=1)) as phone,
        await AsteriskInstance.start(tmp_path / "asterisk", trunk=phone.address) as asterisk,
        await ServeInstance.start(
            tmp_path / "service",
            {
                "ari_url": asterisk.ari_url,
                "ari_user": asterisk.ari_user,
                "ari_password": asterisk.ari_password,
                "trunk": "PJSIP/{number}@trunk",
                "caller_ids": "+12025550199",
                "allow_destinations": "+1202",
                "redis_url": redis.url,
            },
        ) as service,
    ):
        await service.ready()
        curl = await asyncio.create_subprocess_exec(
            "bash",
            "-c",
            command.replace("http://127.0.0.1:8080", service.url),
            env=os.environ | {"KEY": service.key},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await curl.communicate()
        record = json.loads(said)
        assert shape(record) == shape(json.loads(answer))
        assert record["state"] == "queued"
        call = await phone.next_call(within=10)
        assert call.invite.number == "12025550123"
        await call.ended(within=20)
