"""Ask an Asterisk over ARI, beside the product: what does it have, whoever made it?"""

from __future__ import annotations

from typing import Any

import aiohttp

from otpvoice.testkit.asterisk import AsteriskInstance


class Asking:
    """``async with Asking(asterisk) as ask: await ask("channels")``. Returns JSON, or None where nothing is found."""

    def __init__(self, asterisk: AsteriskInstance) -> None:
        self._asterisk = asterisk

    async def __aenter__(self) -> Asking:
        login = aiohttp.encode_basic_auth(self._asterisk.ari_user, self._asterisk.ari_password)
        self._http = aiohttp.ClientSession(headers={"Authorization": login})
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def __call__(self, path: str) -> Any:
        async with self._http.get(f"{self._asterisk.ari_url}/ari/{path}") as answer:
            return await answer.json() if answer.status == 200 else None
