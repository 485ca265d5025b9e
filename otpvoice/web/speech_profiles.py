"""``/api/v1/subaccounts/{id}/speech-profiles``: which voices a callflow may ask for (8x8, "Get speech profiles").

Which there are is the account's offer; how one is written is the dialect's.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from otpvoice.dialects.speech_profiles import shown
from otpvoice.web.asking import json_response
from otpvoice.web.auth import Keys
from otpvoice.web.subaccounts import SUB_ACCOUNT, sub_account

PROFILES: Final = f"{SUB_ACCOUNT}/speech-profiles"


class SpeechProfileRoutes:
    """The list, for all accounts."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get(PROFILES, self._list)]

    async def _list(self, request: web.Request) -> web.Response:
        caller = sub_account(self._keys, request)
        # Engines look at their files, and a disk may hang.
        found = await asyncio.to_thread(caller.defaults.profiles)
        return json_response({"speechProfiles": [shown(one) for one in found], "statusCode": 0, "statusMessage": "ok"})
