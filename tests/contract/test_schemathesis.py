"""Whatever is sent, the answer is one of those that the document promises: against the live process, ringing nobody."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Final
from unittest.mock import MagicMock

import pytest

from otpvoice.testkit.redis import RedisInstance
from otpvoice.testkit.serve import ServeInstance
from otpvoice.web.app import Health, Hook, make_app
from otpvoice.web.reference import DOCUMENT
from otpvoice.web.server import listen
from tests.contract.attack import attack
from tests.web.world import FakeStore, Switchboard, logged

TEST_KEY: Final = "otp_test_0123456789abcdefghijklmn"
SMALL: Final = ("listCalls", "showCall", "eraseCall", "hangUpCall", "callEvents", "events", "alive", "document")
"""All but what has thousands of edges, the body of a call, and ``/readyz``: a 503 is what that is for."""

OTHERS: Final = ("sendCallflow", "registerWebhook")
"""What has a body of another spelling, but for the door that wants other keys."""


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """The document, in a folder in which files may be left."""
    return Path(shutil.copy(DOCUMENT, tmp_path))


@pytest.mark.timeout(180)
async def test_the_live_process_keeps_the_contract(tmp_path: Path, document: Path) -> None:
    async with (
        await RedisInstance.start(tmp_path / "redis") as redis,
        await ServeInstance.start(
            tmp_path / "service",
            {
                # Nobody is there: nobody is needed.
                "ari_url": "http://127.0.0.1:9",
                "ari_password": secrets.token_hex(16),
                "api_keys": TEST_KEY,
                "secret_key": base64.b64encode(secrets.token_bytes(32)).decode(),
                "redis_url": redis.url,
                "trunk": "PJSIP/{number}@trunk",
                "caller_ids": "+442079460000",
                # So that a good part of what the schema allows is taken.
                "allow_destinations": " ".join(f"+{digit}" for digit in range(1, 10)),
                "local_numbers": "[0-9*#]{1,9}",
                "drain_timeout": 0,
            },
        ) as service,
    ):
        found = await attack(document, service.url, TEST_KEY, examples=30, only=("placeCall", *SMALL, *OTHERS))
        edges = await attack(document, service.url, TEST_KEY, examples=1, phases=["coverage"], only=SMALL)
        log = [json.loads(line) for line in service.log_path.read_text().splitlines() if line.startswith("{")]
    assert not found.found, found.said
    assert not edges.found, edges.said
    answers = [line["status"] for line in log if line["event"] == "http.request" and line["method"] == "POST"]
    assert answers.count(202) > 20, "some were good"
    assert len(answers) - answers.count(202) > 20, "some were bad"
    assert [line for line in log if line["level"] in {"error", "critical"}] == [], "nothing broke"


async def test_a_door_that_answers_otherwise_is_found_out(document: Path) -> None:
    promised = json.loads(document.read_text())
    promised["components"]["schemas"]["Alive"]["properties"]["status"]["const"] = "well"
    document.write_text(json.dumps(promised))
    with logged():
        listener = await listen(make_app(health=Health(Switchboard(FakeStore()), FakeStore())), "127.0.0.1", 0)
        try:
            url = f"http://127.0.0.1:{listener.port}"
            came = await attack(document, url, TEST_KEY, examples=1, phases=["fuzzing"], only=["alive"])
        finally:
            await listener.close()
    assert came.found
    assert "Response violates schema" in came.said


def test_each_address_of_the_door_is_in_the_document_and_no_other() -> None:
    # Whatever the doors are made of: nothing is asked of it.
    hook = Hook(**{field.name: MagicMock() for field in fields(Hook)})
    app = make_app(hook=hook, health=Health(Switchboard(FakeStore()), FakeStore()))
    there = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    promised = json.loads(DOCUMENT.read_text())["paths"]
    said = {(method.upper(), path) for path, item in promised.items() for method in item if method != "parameters"}
    assert {one for one in there if one[0] != "HEAD" and of_the_api(one[1])} == {
        one for one in said if of_the_api(one[1])
    }
    assert len(said) == 17


def of_the_api(path: str) -> bool:
    """Is it for programs? Pages for people are not in the document, but for the one that shows it."""
    return path.startswith(("/v1/", "/api/v1/", "/healthz", "/readyz"))
