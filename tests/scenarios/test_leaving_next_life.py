"""We die in the middle of calls that came by the vendors' doors: the next life tells their ends, in the same words."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from otpvoice.testkit.asterisk import AsteriskInstance
from tests.faults.sites import verdict
from tests.scenarios.vendors.application_8x8 import action, application
from tests.scenarios.vendors.application_telesign import customer, method
from tests.scenarios.vendors.documents_8x8 import ERRORS
from tests.scenarios.vendors.site import VIRTUAL, key_of, left, number_of, summary_of

COLLECTS = method("speak", tts={"message": "Key five digits.", "language": "en-US"}, collect_digits={"max": 5})


@pytest.mark.asterisk
async def test_whose_service_is_killed_is_told_the_end_by_its_next_life(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(customer())
        accounts: dict[str, dict[str, Any]] = {"shop": {}, "mall": {"event_url": own.url("/mall")}}
        site = await stack.enter_async_context(left(tmp_path, asterisk, accounts))
        own.base = site.service.url
        own.replies["/mall"] = lambda event: COLLECTS if event["event"] == "dial_completed" else 200
        shop = await stack.enter_async_context(application(site.service.url, "shop", key_of("shop")))
        await shop.register()
        keying, listening = site.answers(), site.answers()
        prompt = {"promptMessage": "Key five digits.", "voiceProfile": "en-US-ZiraRUS", "maxDigits": 5}
        made = action("makeCall", source=VIRTUAL, destination=number_of(keying))
        session = await shop.send(made, action("sayAndCapture", **prompt), clientRequestId="order-4711")
        reference = await own.dial("mall", key_of("mall"), to=number_of(listening), external_id="order-4712")
        await own.told("dial_completed", reference)
        for phone in (keying, listening):
            await phone.heard(0.3)
        await shop.until(lambda: (keying.number, "CALL_CONNECTED") in shop.statuses(session))
        site.service.kill()
        await site.service.restart()
        summary = await shop.summary(session)
        assert (summary["sessionStatus"], summary["clientRequestId"]) == ("ERROR", "order-4711")
        assert summary["errorDetails"] == {"errorCode": -2001, "errorMsg": ERRORS[-2001]}
        leg = summary["details"]["callA"]
        assert (leg["destination"], leg["callId"]) == (keying.number, shop.events("VCS", session)[0]["callId"])
        assert "connectedTimestamp" in leg
        completed = await own.told("call_completed", reference)
        assert completed["external_id"] == "order-4712"
        assert completed["data"]["answered_on_utc"] is not None
        assert [event["event"] for event in own.of(reference)] == ["dial_completed", "call_completed"]
        for account, call in (("shop", session.replace("-", "")), ("mall", reference.lower())):
            assert verdict(await summary_of(site, account, f"call_{call}")) == ("failed", "app_lost", "us")
        for phone in (keying, listening):
            await phone.over()
            assert phone.rung == 1
