"""What each room takes of the settings: translations, one a word. Nothing is made here that runs or connects."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from types import MappingProxyType
from typing import Final

from otpvoice.adapters.outbound.client import GuardedClient
from otpvoice.adapters.sealing import KEY_BYTES, Sealer
from otpvoice.adapters.speech.house import SpeechHouse
from otpvoice.adapters.store import Owner
from otpvoice.adapters.store.memory import MemoryStore
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.adapters.webhooks import AccountHooks
from otpvoice.ari.node import NodeSettings
from otpvoice.chronicle import Allowance
from otpvoice.dialects import callflow, jsonrpc, speech_profiles
from otpvoice.dialects.callflow.inbound import inbound_plan as callflow_plan
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.jsonrpc import inbound_plan as json_rpc_plan
from otpvoice.dialects.offers import CallDefaults, Keying, SpeechProfile, TrunkOffer
from otpvoice.dialects.spelling import Spelling
from otpvoice.media.g711 import SILENCE, Law
from otpvoice.rehearsal import NUMBERS
from otpvoice.settings import AccountSettings, Settings, TrunkSettings
from otpvoice.settings.scenarios import scenarios_in
from otpvoice.stasis import Pace, Trunk
from otpvoice.trust.signing_secret import parse_secret
from otpvoice.web import callflows, json_rpc, subaccounts

TRUNK_STREAM: Final = "trunk"
"""How a record calls what is streamed because its trunk says so."""
SPELLINGS: Final[Mapping[str, Spelling]] = MappingProxyType(
    {callflow.SPELLING: callflow.CallflowSpelling(), jsonrpc.SPELLING: jsonrpc.JsonRpcSpelling()}
)
"""By the names that plans have for them."""
INBOUND: Final = MappingProxyType({callflows.DOOR: callflow_plan, json_rpc.DOOR: json_rpc_plan})
"""Who plans a call that a dialplan hands to another door."""
REFUSALS: Final = MappingProxyType(
    {callflows.DOOR: ("not_found", *subaccounts.REASONS), json_rpc.DOOR: json_rpc.REASONS}
)
"""For what those doors refuse, besides what the house does."""
MINUTE, TEN_MINUTES, DAY = 60.0, 600.0, 86_400.0


def one_law(settings: Settings) -> Law:
    """Return the codec of all trunks: a leg has one, there is one pool, and the settings let them have no other."""
    return settings.trunks[0].codec


def hooks_of(account: AccountSettings) -> AccountHooks:
    """Return what an account signs with, perhaps nothing, and which endpoints are the administrator's."""
    own = frozenset(url for url in (account.webhook_url, account.event_url) if url is not None)
    return AccountHooks(tuple(parse_secret(secret.reveal()) for secret in account.webhook_secrets), own)


@dataclass(frozen=True, slots=True)
class Choices:
    """What all accounts may choose from in the same way: prepared callflows, and voices."""

    scenarios: Callable[[str], bytes | None]
    profiles: Callable[[], Sequence[SpeechProfile]]


def choices_of(settings: Settings, speech: SpeechHouse) -> Choices:
    """Read the folder of scenarios, once. The voices are looked through when they are first asked for."""
    folder = settings.scenarios_dir
    scenarios = scenarios_in(folder) if folder is not None else {}
    return Choices(scenarios.get, cache(partial(_profiles, speech)))


def _profiles(speech: SpeechHouse) -> Sequence[SpeechProfile]:
    return tuple(speech_profiles.profiles(speech.renderer.ladder.stand_in, speech.named_voices()))


def defaults_of(
    account: AccountSettings, settings: Settings, speech: SpeechHouse, client: GuardedClient, choices: Choices
) -> CallDefaults:
    """Return what an account's requests may choose from, and what holds where they say nothing."""
    return CallDefaults(
        trunks={
            trunk.name: TrunkOffer(trunk.name, settings.caller_ids_for(account, trunk), trunk.ring_timeout)
            for trunk in settings.trunks
            if trunk.name in account.trunks
        },
        destinations=Destinations(
            account.allow_destinations,
            settings.deny_destinations,
            anywhere=settings.dev and not account.allow_destinations,
        ),
        local_numbers=settings.local_numbers,
        language=settings.language,
        lead_in=settings.lead_in,
        tail=settings.tail,
        check_voice=speech.renderer.check,
        stand_in=speech.renderer.ladder.stand_in,
        prompts=speech.has_prompt,
        check_url=client.check,
        webhook_url=account.webhook_url,
        signs=bool(account.webhook_secrets),
        account=account.id,
        event_url=account.event_url,
        scenarios=choices.scenarios,
        profiles=choices.profiles,
        keying=Keying(account.terminator_included, account.stops_at_first_key),
    )


def rehearsal_of(defaults: CallDefaults) -> CallDefaults:
    """Return what holds for calls of test keys: the numbers of scripted callees may always be called."""
    destinations = defaults.destinations
    return replace(defaults, destinations=replace(destinations, allow=(*destinations.allow, *NUMBERS)))


def allowance_of(account: AccountSettings, settings: Settings) -> Allowance:
    """Return how much an account may call."""
    limits = account.limits
    return Allowance(
        rates=_rates((limits.calls_per_minute, MINUTE)),
        destination_rates=_rates(
            (limits.destination_calls_per_10_minutes, TEN_MINUTES), (limits.destination_calls_per_day, DAY)
        ),
        calls_in_progress=limits.calls_in_progress,
        waits=max(trunk.queue_seconds for trunk in settings.trunks),
    )


def _rates(*rates: tuple[int | None, float]) -> tuple[tuple[int, float], ...]:
    return tuple((most, seconds) for most, seconds in rates if most is not None)


def way_of(trunk: TrunkSettings) -> Trunk:
    """Return a trunk as the switchboard dials it, with its pace."""
    pace = Pace(calls_per_second=trunk.calls_per_second, max_calls=trunk.max_calls, queue_seconds=trunk.queue_seconds)
    streams = (trunk.stream.to_core(TRUNK_STREAM),) if trunk.stream is not None else ()
    return Trunk(trunk.name, trunk.dial, pace, streams)


def make_store(settings: Settings) -> MemoryStore | RedisStore:
    """Return Redis, or in development without one, memory; writing for this life of this instance."""
    owner = Owner(settings.instance, secrets.token_hex(8))
    if settings.redis_url is None:
        return MemoryStore(ttl=settings.summary_ttl, owner=owner)
    return RedisStore(settings.redis_url.reveal(), ttl=settings.summary_ttl, owner=owner)


def sealer_of(settings: Settings) -> Sealer | None:
    """Return what seals plans for a next life; None: there is no key, or nothing that outlives this one."""
    if settings.secret_key is None or settings.redis_url is None:
        return None
    return Sealer(base64.b64decode(settings.secret_key.reveal()))


def sealer_of_registrations(settings: Settings) -> Sealer | None:
    """Return what seals headers of registered endpoints; None: there is no key, which memory needs not."""
    if settings.secret_key is not None:
        return Sealer(base64.b64decode(settings.secret_key.reveal()))
    return Sealer(secrets.token_bytes(KEY_BYTES)) if settings.redis_url is None else None


def node_settings(settings: Settings, law: Law) -> NodeSettings:
    """Return what a node needs of the settings."""
    return NodeSettings(
        name=settings.ari_url,
        url=settings.ari_url,
        user=settings.ari_user,
        password=settings.ari_password.reveal(),
        app=settings.ari_app,
        instance=settings.instance,
        law=law,
        silence=SILENCE[law],
        legs_minimum=settings.media_legs.minimum,
        legs_maximum=settings.media_legs.maximum,
        # Milliseconds: no life makes legs faster, so none begins with a number of the one before.
        last_leg=time.time_ns() // 1_000_000,
    )
