"""A whole installation that works: the doctor finds nothing, and the call that it places comes back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from otpvoice.cli import doctor_call
from otpvoice.cli.doctor import doctor
from otpvoice.service import Service
from otpvoice.settings import Settings
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent, Scenario
from otpvoice.testkit.callee.steps import HeardSilence
from otpvoice.testkit.redis import RedisInstance
from tests.ari.rig import eventually
from tests.cli.servers import run
from tests.doctor.installation import Installation
from tests.web.world import KEY, logged

pytestmark = pytest.mark.asterisk

CODE: Final = "482"
NUMBER: Final = "+442079460123"
THE_MACHINES_OWN: Final = {"disk", "limits", "voice", "voice.engines", "redis.latency"}
"""What a busy or small machine may be warned of, and rightly."""


@pytest.fixture
async def whole(
    phone: CalleeAgent, redis: RedisInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    """A running otpvoice, its Asterisk with a trunk to a telephone, its Redis."""
    asterisk = await AsteriskInstance.start(tmp_path / "asterisk", trunk=phone.address, rtp_ports=100)
    async with asterisk:
        installation = Installation(asterisk, redis, tmp_path / "otpvoice.toml")
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        installation.account["keys"] = [digest]
        installation.settings |= {"http_bind": "127.0.0.1:0", "lead_in": 0, "tail": 0, "drain_timeout": 0}
        # Every character ahead of need takes the cores for seconds, and this call needs three.
        installation.settings["warm_up"] = []
        monkeypatch.setenv("OTPVOICE_KEY", KEY)
        for name, value in installation.environ.items():
            monkeypatch.setenv(name, value)
        with logged():
            async with await Service.start(Settings.load(installation.environ)) as service:
                await eventually(lambda: service.node.ready and service.node.pool.free >= 2, within=20)
                installation.url = f"http://127.0.0.1:{service.port}"
                yield installation


def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call's code is known, and spoken without much ado."""
    order = doctor_call.order

    def short(to: str, code: str) -> dict[str, Any]:
        body = order(to, code)
        body["actions"][0] |= {"gap": 0.1, "template": "{code}"}
        body["actions"][1] |= {"prompt": "Type.", "success": "Thanks.", "inter_digit_timeout": 0.5}
        return body

    monkeypatch.setattr(doctor_call, "made_up", lambda: CODE)
    monkeypatch.setattr(doctor_call, "order", short)


async def test_where_all_is_right_nothing_is_found_and_a_call_comes_back(
    whole: Installation, phone: CalleeAgent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hurried(monkeypatch)
    phone.scenario = Scenario.answers(ring=0.1).presses(CODE, when=HeardSilence(0.8))
    code = await run(doctor, call=NUMBER, url=whole.url, as_json=True)
    report = json.loads(capsys.readouterr().out)
    wrong = [one for one in report["findings"] if one["status"] != "ok" and one["check"] not in THE_MACHINES_OWN]
    assert wrong == []
    assert (code, report["ok"], report["exit_code"]) == (0, True, 0)
    [call] = [one for one in report["findings"] if one["check"] == "call"]
    assert call["details"]["played"] == len(CODE)
    assert f"{len(CODE)} of {len(CODE)} keys exact" in call["message"]
    # The legs of the service are those that were reported: no other was opened beside them.
    [media] = [one for one in report["findings"] if one["check"] == "media"]
    assert set(media["details"]["legs"]) == {"test"}
    assert whole.asterisk.ari_password not in json.dumps(report)
