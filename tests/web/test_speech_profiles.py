"""The list of voices, as 8x8 answers it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import pytest

from tests.web.subaccounts import PROFILES, ROOT, failed, opened_now
from tests.web.world import KEY, OTHER_KEY, TEST_KEY, Door


@pytest.fixture
async def door(log: io.StringIO) -> AsyncIterator[Door]:
    """The door."""
    async with opened_now() as door:
        yield door


@pytest.mark.parametrize("key", [KEY, TEST_KEY])
async def test_the_voices_that_there_are(door: Door, key: str) -> None:
    answer = await door.ask("GET", PROFILES, key=key)
    naja = {"speechProfileCode": "da-DK-Naja", "localeCode": "da-DK", "localeDescription": "Danish (Denmark)"}
    ours = {"speechProfileCode": "espeak:de", "localeCode": "de", "localeDescription": "German"}
    assert (answer.status, answer.body) == (
        200,
        {"speechProfiles": [{**naja, "gender": "F"}, ours], "statusCode": 0, "statusMessage": "ok"},
    )


async def test_they_are_for_whose_sub_account_it_is(door: Door) -> None:
    failed(await door.ask("GET", PROFILES, key=OTHER_KEY), 404, "404")
    failed(await door.ask("GET", PROFILES, key=None), 401, "401")
    assert (await door.ask("GET", f"{ROOT}/other/speech-profiles", key=OTHER_KEY)).status == 200
