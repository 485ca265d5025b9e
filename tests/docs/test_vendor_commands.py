"""The commands of the pages for who leaves a vendor are run, as they stand, against a service that runs."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from tests.docs.vendor_page import ROOT, VendorPage
from tests.fakes import FakeAsterisk
from tests.faults.sites import Site
from tests.scenarios.vendors.application_telesign import Customer, customer
from tests.scenarios.vendors.site import key_of, left


async def said(site: Site, command: str) -> list[dict[str, Any]]:
    """Run commands in the repository's folder; return what was answered, one JSON each."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-ec", command.replace("http://127.0.0.1:8080", site.service.url)),
        env=os.environ | {"KEY": key_of("shop")},
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await shell.communicate()
    assert shell.returncode == 0
    return [json.loads(line) for line in answer.decode().replace("}{", "}\n{").splitlines()]


async def test_the_commands_of_the_pages_are_answered_as_the_pages_say(tmp_path: Path) -> None:
    async with FakeAsterisk() as asterisk, customer() as own:
        accounts: dict[str, dict[str, Any]] = {"shop": {"event_url": own.url("/shop")}}
        numbers: dict[str, Any] = {"allow_destinations": "+44", "caller_ids": "+442079460000"}
        async with left(tmp_path, asterisk, accounts, **numbers) as site:
            await of_8x8(site)
            await of_telesign(site, own)


async def of_8x8(site: Site) -> None:
    webhooks, callflow, profiles = VendorPage("8x8").commands()
    registered = await said(site, webhooks)
    assert [(one["statusCode"], one["statusMessage"]) for one in registered] == [(0, "ok")] * 2
    shown = [one["webhooks"][0] for one in registered]
    assert [(one["type"], one["httpAuthHeaderAvailable"]) for one in shown] == [("VCA", True), ("VSS", False)]
    (created,) = await said(site, callflow)
    assert (created["sessionStatus"], created["statusCode"]) == ("CREATED", 1)
    (listed,) = await said(site, profiles)
    told = {name for profile in listed["speechProfiles"] for name in profile}
    assert told == {"speechProfileCode", "localeCode", "localeDescription", "gender"}
    # One call to a telephone at a time: the next vendor's sample rings the same.
    await site.told("call.ended", "call_" + created["sessionId"].replace("-", ""))


async def of_telesign(site: Site, own: Customer) -> None:
    (dial,) = VendorPage("telesign").commands()
    (answer,) = await said(site, dial)
    assert (answer["status"], answer["external_id"]) == ("dial_accepted", "order-4711")
    completed = await own.told("call_completed", answer["reference_id"])
    assert completed["external_id"] == "order-4711"
