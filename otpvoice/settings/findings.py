"""What is found by looking at several settings together: what can't be, and what should be known.

Each of them is right by itself; nothing is changed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from otpvoice.settings.assembly import Assembled
from otpvoice.settings.errors import SettingsProblem, SettingsWarning
from otpvoice.settings.voices import why_not_written

if TYPE_CHECKING:
    from otpvoice.settings.model import Settings


def contradictions(settings: Settings, assembled: Assembled) -> Iterator[SettingsProblem]:
    """What is right by itself and wrong together."""
    for field, words in (
        ("trunks", [(trunk.name,) for trunk in settings.trunks]),
        ("accounts", [(account.id,) for account in settings.accounts]),
        ("accounts", [account.key_digests for account in settings.accounts]),
    ):
        seen: set[object] = set()
        for index, ones in enumerate(words):
            if not seen.isdisjoint(ones):
                what = "a key" if isinstance(next(iter(ones)), bytes) else "the name"
                yield SettingsProblem(assembled.name((field, index)), f"has {what} of another one")
            seen.update(ones)
    first = settings.trunks[0]
    for index, trunk in enumerate(settings.trunks):
        if trunk.codec != first.codec:
            # A media leg has one codec, and there is one pool of them.
            rule = f"must be that of the trunk {first.name}: all have the same one in this version"
            yield SettingsProblem(assembled.name(("trunks", index, "codec")), rule, first.codec)
    trunks = {trunk.name: trunk for trunk in settings.trunks}
    for index, account in enumerate(settings.accounts):
        for name in account.trunks:
            trunk = trunks[name]
            if trunk.caller_ids and account.caller_ids and not settings.caller_ids_for(account, trunk):
                yield SettingsProblem(
                    assembled.name(("accounts", index, "caller_ids")),
                    f"must have one that may be used on each of the account's trunks; {name} has none of them",
                )
    yield from _voices_without(settings, assembled)


def _voices_without(settings: Settings, assembled: Assembled) -> Iterator[SettingsProblem]:
    """What a voice that is named needs, and is not set."""
    said: set[str] = set()
    for field, specs in (("voice", (settings.voice,)), ("fallback_voices", settings.fallback_voices)):
        for spec in specs:
            needs, rule = _missing(settings, spec) or ("", "")
            if needs and needs not in said:
                said.add(needs)
                (example,) = type(settings).model_fields[needs].examples or [""]
                name = assembled.name((needs,))
                yield SettingsProblem(name, f"{rule}, which {assembled.name((field,))} names", str(example))


def _missing(settings: Settings, spec: str) -> tuple[str, str] | None:
    """Return the setting that a voice can't do without, and its rule."""
    engine, _, name = spec.partition(":")
    own, asterisk = settings.recordings_dir, settings.asterisk_sounds
    match engine:
        case "piper" if settings.piper_dir is None:
            return "piper_dir", "is required for the voice piper"
        case "gtts" if not settings.gtts:
            return "gtts", "must be 1 for the voice gtts"
        case "recorded" if name.startswith("asterisk-"):
            return None if asterisk else ("asterisk_sounds", "is required for the voice recorded:asterisk-…")
        case "recorded" if name and own is None:
            return "recordings_dir", "is required for the voice recorded:…"
        case "recorded" if own is None and asterisk is None:
            return "recordings_dir", "or OTPVOICE_ASTERISK_SOUNDS is required for the voice recorded"
    return None


def warnings(settings: Settings) -> Iterator[SettingsWarning]:
    """What should be known, and keeps nothing from starting."""
    for name in settings.later:
        yield SettingsWarning("no_effect", f"{name} has no effect in this version")
    if settings.dev:
        yield SettingsWarning("dev", "OTPVOICE_DEV is on: weak passwords and keys are allowed; not for production")
        if any(not account.allow_destinations for account in settings.accounts):
            yield SettingsWarning(
                "any_destination", "OTPVOICE_ALLOW_DESTINATIONS is empty: any number may be called that is not denied"
            )
        if settings.redis_url is None:
            yield SettingsWarning(
                "no_redis", "OTPVOICE_REDIS_URL is not set: calls are known to this process only, and forgotten with it"
            )
    if settings.secret_key is None:
        yield SettingsWarning(
            "no_secret_key",
            "OTPVOICE_SECRET_KEY is not set: calls that wait are lost with this process, and requests can't be repeated"
            " with an Idempotency-Key (make one with: openssl rand -base64 32)",
        )
    for account in settings.accounts:
        if not account.limits.per_destination:
            yield SettingsWarning(
                "no_limit",
                f"the account {account.id} has no limit per destination: a loop in an application can ring one phone"
                " again and again (for example: limits = { destination_calls_per_10_minutes = 5 })",
            )
    if settings.speech_cache is not None and (reason := why_not_written(settings.speech_cache)):
        yield SettingsWarning(
            "speech_cache", f"OTPVOICE_SPEECH_CACHE can't be used, speech is kept in memory only: {reason}"
        )
