"""An installation as an administrator has it: settings in a file, an Asterisk, a Redis; to be broken, and examined.

It decides nothing: what is found is compared by whoever asks.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from otpvoice.doctor import Finding, Patient, Status, examine
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.redis import RedisInstance
from tests.doctor.words import name_of

OTHER: Final = "127.0.0.2"
"""Stands for an address of this machine that others can reach: the tests knock nowhere but at loopback."""
NOBODY_THERE: Final = "http://127.0.0.1:9"
_SOUND: Final = "type = endpoint\ndisallow = all\nallow = ulaw\naors = trunk\nrtp_keepalive = 10\ndirect_media = no"
ENDPOINTS: Final = "".join(
    f"\n[{name}]\n{_SOUND}\n{line}\n"
    for name, line in (
        ("by-info", "dtmf_mode = info"),
        ("by-sound", "dtmf_mode = inband"),
        ("keyless", "dtmf_mode = none"),
        ("passed-by", "direct_media = yes"),
        ("in-a-law", "disallow = all\nallow = alaw"),
        ("uri-only", "aors ="),
    )
)
READER: Final = "\n[reader]\ntype = user\nread_only = yes\npassword = a reader's password\n"


class Installation:
    """``settings``: as in the TOML file; a change holds for the next examination. ``url``: where otpvoice answers."""

    def __init__(self, asterisk: AsteriskInstance, redis: RedisInstance, path: Path) -> None:
        self.asterisk, self.redis = asterisk, redis
        self.url = NOBODY_THERE
        self.others: Sequence[str] = ()
        self.trunk: dict[str, Any] = {"name": "default", "dial": "PJSIP/{number}@trunk"}
        self.account: dict[str, Any] = {"id": "shop", "keys": ["ab" * 32], "allow_destinations": ["+44"]}
        self.settings: dict[str, Any] = {
            "instance": "test",
            "ari_url": asterisk.ari_url,
            "ari_user": asterisk.ari_user,
            "ari_password": asterisk.ari_password,
            "redis_url": redis.url,
            "secret_key": base64.b64encode(bytes(range(32))).decode(),
            "media_legs": "2:20",
        }
        self._path = path

    @property
    def environ(self) -> dict[str, str]:
        """The variables, with the file written as it is now."""
        limits = "limits = { destination_calls_per_day = 20 }"
        text = f"{toml(self.settings)}\n[[trunk]]\n{toml(self.trunk)}\n[[account]]\n{toml(self.account)}{limits}\n"
        self._path.write_text(text)
        return {"OTPVOICE_CONFIG": str(self._path)}

    async def examined(self, *only: str) -> list[Finding]:
        """Look at these checks; at all where none is named."""
        patient = Patient(self.environ, self.url, self.others)
        return [finding async for finding in examine(patient, only)]

    async def faults(self, *only: str) -> set[str]:
        """Return the names of what is wrong by these checks."""
        fine = {Status.OK, Status.SKIPPED}
        return {name_of(finding) for finding in await self.examined(*only) if finding.status not in fine}

    @asynccontextmanager
    async def changed(self, name: str, text: str, command: str) -> AsyncIterator[None]:
        """Within the block a file of Asterisk has this at its end, and Asterisk has taken note by a command."""
        path = self.asterisk.folder / "etc" / name
        before = path.read_text()
        path.write_text(f"{before}\n{text}\n")
        try:
            await self.asterisk.cli(command)
            yield
        finally:
            path.write_text(before)
            await self.asterisk.cli(command)

    @asynccontextmanager
    async def without_module(self, *names: str) -> AsyncIterator[None]:
        """Within the block these modules are not loaded."""
        for name in names:
            await self.asterisk.cli(f"module unload {name}")
        try:
            yield
        finally:
            for name in reversed(names):
                await self.asterisk.cli(f"module load {name}")


def toml(table: dict[str, Any]) -> str:
    # A JSON string is a TOML string, and so is a list of them.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in table.items())
