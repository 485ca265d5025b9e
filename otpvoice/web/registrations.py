"""``/api/v1/subaccounts/{id}/webhooks``: where sessions are told, and who is asked in them (8x8, Webhooks API).

It posts nothing. What goes along in the header Authorization is taken, and shown to nobody again.

A test key has registrations of its own, which calls of test keys are told by. Else who has one could have the keys that
real callees press told to himself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from otpvoice.core.plan import Hook
from otpvoice.dialects.callflow.registration import TYPES, Wanted, parse_registration
from otpvoice.dialects.problems import Fault, Problem, ProblemFound
from otpvoice.web.asking import asked, body_of, json_response
from otpvoice.web.auth import Caller, Keys
from otpvoice.web.ports import Registered, Registry
from otpvoice.web.problems import Refusal
from otpvoice.web.subaccounts import SUB_ACCOUNT, sub_account

WEBHOOKS: Final = f"{SUB_ACCOUNT}/webhooks"
OF_TESTS: Final = "test:"
"""What the names of registrations begin with that were made with a test key."""


class RegistrationRoutes:
    """The registrations of all accounts."""

    def __init__(self, registry: Registry, keys: Keys) -> None:
        self._registry, self._keys = registry, keys

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(WEBHOOKS, self._list),
            web.post(WEBHOOKS, self._register),
            web.delete(WEBHOOKS + "/{type}", self._remove),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        caller = sub_account(self._keys, request)
        found = {one.name: one for one in await asked(self._registry.listed(caller.id))}
        return _told(caller, [found[name] for type_ in TYPES if (name := name_for(caller, type_)) in found])

    async def _register(self, request: web.Request) -> web.Response:
        caller = sub_account(self._keys, request)
        wanted = parse_registration(await body_of(request), caller.defaults, time.time())
        if wanted.auth is not None and not self._registry.seals:
            raise _invalid("$.httpAuthHeader", "can't be kept: there is no OTPVOICE_SECRET_KEY to seal it with")
        return _told(caller, [await self._kept(caller, wanted)])

    async def _kept(self, caller: Caller, wanted: Wanted) -> Registered:
        name = name_for(caller, wanted.type)
        try:
            return await asked(
                self._registry.register(caller.id, name, wanted.url, wanted.auth, enabled=wanted.enabled)
            )
        except ValueError as error:
            # What the registry does not keep; it repeats nothing.
            raise _invalid("$", str(error)) from None

    async def _remove(self, request: web.Request) -> web.Response:
        caller, type_ = sub_account(self._keys, request), request.match_info["type"]
        removed = await asked(self._registry.remove(caller.id, name_for(caller, type_))) if type_ in TYPES else None
        if removed is None:
            raise Refusal(404, "not_found", "There is no webhook of this type")
        said = {"subAccountId": caller.id, **shown(removed)}
        return json_response({**said, "statusCode": 0, "statusMessage": "deleted"})


def name_for(caller: Caller, type_: str) -> str:
    """Return the name under which an endpoint of this type is registered."""
    return f"{OF_TESTS}{type_}" if caller.test else type_


def hooks_for(caller: Caller, registered: Mapping[str, Hook]) -> dict[str, Hook]:
    """Return the endpoints of a caller's calls by type. ``registered``: all of the account's, by name."""
    named = {type_: registered.get(name_for(caller, type_)) for type_ in TYPES}
    return {type_: Hook(type_, hook.url, hook.auth) for type_, hook in named.items() if hook is not None}


def shown(one: Registered) -> dict[str, Any]:
    """Return a registration as it is answered."""
    return {
        "type": one.name.removeprefix(OF_TESTS),
        "url": one.url,
        "enabled": one.enabled,
        "httpAuthHeaderAvailable": one.auth is not None,
    }


def _told(caller: Caller, found: list[Registered]) -> web.Response:
    said = {"subAccountId": caller.id, "count": len(found), "webhooks": [shown(one) for one in found]}
    return json_response({**said, "statusCode": 0, "statusMessage": "ok"})


def _invalid(path: str, message: str) -> ProblemFound:
    return ProblemFound(Fault.INVALID, [Problem(path, "rule", message)])
