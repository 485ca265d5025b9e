"""Facts about all but Asterisk, each with the fault that they are: a row a fault, and one where nothing is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from otpvoice.doctor import clock, loop_test, room, service, settings, webhooks
from otpvoice.doctor.addresses import Nearness
from otpvoice.doctor.asking import Answered, Unanswered
from otpvoice.doctor.clock import Reading
from otpvoice.doctor.finding import Finding
from otpvoice.doctor.room import Disk
from otpvoice.doctor.store import keeping, reached, rights
from otpvoice.doctor.store.knocking import Knock
from otpvoice.doctor.store.seen import NoRedis, Seen, Why
from otpvoice.doctor.webhooks import Mail
from otpvoice.settings import AccountSettings, LimitSettings, Settings, SettingsProblem
from tests.doctor.words import Row, answered, row

URL: Final = "http://127.0.0.1:8080"
HOOK: Final = "https://shop.example/hooks/secret-path?key=k3y"


def ready(*reasons: dict[str, Any], status: int = 503, **changes: Any) -> list[Finding]:
    """What is said of a ``/readyz`` with these reasons."""
    node = {"name": "http://ast:8088", "detail": "401 ", "version": "22.10.1", "legs": {"free": 8, "taken": 0}}
    document = {"reasons": list(reasons), "instance": "a", "calls": 2, "nodes": [node]} | changes
    answer = answered(status, document)
    return service.judge(answer, service.read(answer), URL)


def because(code: str, **more: str) -> list[Finding]:
    return ready({"code": code, "node": "http://ast:8088", **more})


def not_ours(answer: Answered | Unanswered) -> list[Finding]:
    return service.judge(answer, service.read(answer), URL)


def no_redis(why: Why) -> Finding:
    return reached.judge_not_reached(NoRedis(why, "3"), server="r:6379", host="r")


INFO: Final = {
    "redis_version": "7.0.15",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "rdb_last_bgsave_status": "ok",
    "maxmemory_policy": "noeviction",
    "used_memory": 1_000_000,
    "maxmemory": 100_000_000,
}


def persistence(config: dict[str, str] | None = None, **info: Any) -> Finding:
    return keeping.judge_persistence(INFO | info, {"appendfsync": "everysec"} if config is None else config)


def exposed(**changes: Any) -> Finding:
    facts: dict[str, Any] = {
        "server": "r:6379",
        "host": "r",
        "knock": Knock.GUARDED,
        "elsewhere": {},
        "here": False,
        "public": False,
        "plain": True,
    }
    return rights.judge_exposure(**(facts | changes))


def at(*knocks: Knock) -> dict[str, Knock]:
    return {f"10.0.0.{number}:6379": knock for number, knock in enumerate(knocks)}


def hook(answer: Answered | Unanswered, url: str = HOOK, near: Nearness = Nearness.PUBLIC) -> Finding:
    return webhooks.judge("shop", url, answer, near)


def accounts(*allow: str, limited: bool = True) -> list[Finding]:
    limits = LimitSettings(destination_calls_per_day=20) if limited else LimitSettings()
    account = AccountSettings.model_construct(id="shop", allow_destinations=allow, limits=limits)
    return settings.judge_destinations(Settings.model_construct(accounts=(account,), trunks=()))


def clocks(*offsets: float, doubt: float = 0.5) -> list[Finding]:
    return clock.judge([Reading("Asterisk", offset, doubt) for offset in offsets])


CODE: Final = "482917"
ANSWERED: Final[dict[str, Any]] = {
    "id": "call_1",
    "dialed_at": "2026-11-27T10:00:00.000Z",
    "ringing_at": "2026-11-27T10:00:00.800Z",
    "answered_at": "2026-11-27T10:00:04.200Z",
    "delivered": True,
    "outcome": {"class": "completed", "reason": None, "sip_status": 200, "cause": 16},
    "played": {"first_audio_ms": 31, "digits": [{"reading": 1, "position": n} for n in range(1, 7)]},
    "collected": [{"tag": "doctor", "digits": CODE, "count": 6}],
    "legs": [{"quality": {"mos": 4.41, "loss": 0.0, "jitter_ms": 1}}],
}


def called(**changes: Any) -> list[Finding]:
    return loop_test.judge(ANSWERED | changes, CODE, dtmf_mode="rfc4733")


def keys(digits: str | None) -> list[Finding]:
    return called(collected=[{"tag": "other", "digits": "9"}, {"tag": "doctor", "digits": digits}])


BIG: Final = 100_000_000_000

ROWS: Final[Sequence[Row]] = (
    # settings, destinations
    row("settings.ok", lambda: settings.judge(None, [])),
    row("settings.wrong", lambda: settings.judge(None, [SettingsProblem("OTPVOICE_TRUNK", "is required", "PJSIP/…")])),
    row("settings.noted", lambda: [settings.NOTED(warning="OTPVOICE_DEV is on")]),
    row("destinations.ok", lambda: accounts("+44", "+1", "JM")),
    row("destinations.wide_open", lambda: accounts("+44", "+3")),
    row("destinations.any", accounts),
    row("destinations.no_limit", lambda: accounts("+44", limited=False)),
    # service
    row("service.ok", lambda: ready(status=200)),
    row("service.down", lambda: not_ours(Unanswered("refused", "Connection refused"))),
    row("service.something_else", lambda: not_ours(answered(200, {"status": "UP"}))),
    row("service.something_else", lambda: not_ours(answered(404))),
    row("service.skipped", lambda: not_ours(answered(404, {"code": "not_found"}))),
    row("service.asterisk_unavailable", lambda: because("asterisk_unavailable")),
    row("service.replaced", lambda: because("replaced")),
    row("service.media_wedged", lambda: because("media_wedged")),
    row("service.no_media_leg", lambda: because("no_media_leg")),
    row("service.store_unavailable", lambda: because("store_unavailable", detail="timeout")),
    row("service.draining", lambda: because("draining")),
    row("service.not_ready", lambda: because("something_new")),
    row("service.not_ready", ready),
    # redis
    row("redis.ok", lambda: reached.judge(Seen(), server="r:6379")),
    row("redis.dns", lambda: no_redis("dns")),
    row("redis.refused", lambda: no_redis("refused")),
    row("redis.timeout", lambda: no_redis("timeout")),
    row("redis.tls", lambda: no_redis("tls")),
    row("redis.password", lambda: no_redis("password")),
    row("redis.protected", lambda: no_redis("protected")),
    row("redis.loading", lambda: no_redis("loading")),
    row("redis.other", lambda: no_redis("other")),
    row("redis.none", reached.NONE),
    row("redis.replica", lambda: reached.judge(Seen(refused="READONLY"), server="r:6379")),
    row("redis.replica", lambda: reached.judge(Seen(refused="MASTERDOWN"), server="r:6379")),
    row("redis.refuses_writes", lambda: reached.judge(Seen(refused="OOM", refused_at="HSET"), server="r:6379")),
    row("redis.refuses_writes", lambda: reached.judge(Seen(refused="CLUSTERDOWN", refused_at="HSET"), server="r")),
    row("redis.version.ok", lambda: reached.judge_version(INFO)),
    row("redis.version.ok", lambda: reached.judge_version({"redis_version": "7.2.4", "valkey_version": "8.0.1"})),
    row("redis.version.too_old", lambda: reached.judge_version({"redis_version": "6.0.16"})),
    row("redis.version.unknown", lambda: reached.judge_version({})),
    row("redis.persistence.ok", persistence),
    row("redis.persistence.ok", lambda: persistence({})),
    row("redis.persistence.forgets", lambda: persistence({"save": ""}, aof_enabled=0)),
    row("redis.persistence.snapshots_only", lambda: persistence({"save": "3600 1"}, aof_enabled=0)),
    row("redis.persistence.snapshots_only", lambda: persistence({}, aof_enabled=0)),
    row("redis.persistence.not_written", lambda: persistence(aof_last_write_status="err")),
    row("redis.persistence.not_written", lambda: persistence(rdb_last_bgsave_status="err")),
    row("redis.persistence.no_sync", lambda: persistence({"appendfsync": "no"})),
    row("redis.persistence.unknown", lambda: keeping.judge_persistence({}, {})),
    row("redis.eviction.ok", lambda: keeping.judge_eviction(INFO)),
    row("redis.eviction.evicts", lambda: keeping.judge_eviction({"maxmemory_policy": "allkeys-lru"})),
    row("redis.eviction.evicts", lambda: keeping.judge_eviction({"maxmemory_policy": "volatile-ttl"})),
    row("redis.eviction.unknown", lambda: keeping.judge_eviction({})),
    row("redis.memory.ok", lambda: keeping.judge_memory(INFO)),
    row(
        "redis.memory.ok", lambda: keeping.judge_memory({"used_memory": 1, "maxmemory": 0, "total_system_memory": BIG})
    ),
    row("redis.memory.filling", lambda: keeping.judge_memory(INFO | {"used_memory": 75_000_000})),
    row("redis.memory.full", lambda: keeping.judge_memory(INFO | {"used_memory": 95_000_000})),
    row("redis.memory.unknown", lambda: keeping.judge_memory({})),
    row("redis.latency.ok", lambda: keeping.judge_latency(0.0004)),
    row("redis.latency.slow", lambda: keeping.judge_latency(0.031)),
    row("redis.permission.ok", lambda: rights.judge(Seen())),
    row("redis.permission.forbidden", lambda: rights.judge(Seen(user="voice", forbidden=["XADD", "SCRIPT LOAD"]))),
    row("redis.permission.skipped", lambda: rights.judge(Seen(refused="READONLY"))),
    row("redis.exposure.ok", exposed),
    row("redis.exposure.ok", lambda: exposed(plain=False)),
    row("redis.exposure.ok", lambda: exposed(knock=Knock.OPEN, here=True)),
    row("redis.exposure.ok", lambda: exposed(knock=Knock.OPEN, here=True, elsewhere=at(Knock.CLOSED, Knock.GUARDED))),
    row("redis.exposure.open", lambda: exposed(knock=Knock.OPEN, here=True, elsewhere=at(Knock.OPEN))),
    row("redis.exposure.open", lambda: exposed(here=True, elsewhere=at(Knock.UNKNOWN, Knock.OPEN), plain=False)),
    row("redis.exposure.open", lambda: exposed(knock=Knock.OPEN, public=True, plain=False)),
    row("redis.exposure.no_password", lambda: exposed(knock=Knock.OPEN)),
    row("redis.exposure.no_password", lambda: exposed(knock=Knock.OPEN, plain=False)),
    row("redis.exposure.in_the_clear", lambda: exposed(public=True)),
    row("redis.exposure.in_the_clear", lambda: exposed(public=True, knock=Knock.UNKNOWN)),
    row("redis.exposure.unseen", lambda: exposed(knock=Knock.UNKNOWN)),
    row("redis.exposure.unseen", lambda: exposed(knock=Knock.UNKNOWN, here=True, plain=False)),
    row("redis.exposure.unseen", lambda: exposed(knock=Knock.CLOSED, public=True, plain=False)),
    row("redis.exposure.unseen", lambda: exposed(knock=Knock.OPEN, here=True, elsewhere=at(Knock.UNKNOWN))),
    row("redis.exposure.ok", lambda: rights.judge_socket(0, {})),
    row("redis.exposure.ok", lambda: rights.judge_socket(6379, at(Knock.GUARDED, Knock.CLOSED))),
    row("redis.exposure.open", lambda: rights.judge_socket(6379, at(Knock.CLOSED, Knock.OPEN))),
    row("redis.exposure.unseen", lambda: rights.judge_socket(6379, at(Knock.UNKNOWN))),
    row("redis.exposure.unseen", lambda: rights.judge_socket(None, {})),
    # webhooks
    row("webhook.ok", lambda: hook(answered(405))),
    row("webhook.ok", lambda: hook(answered(200), "http://app:9000/hook", Nearness.PRIVATE)),
    row("webhook.ok", lambda: hook(answered(200), "http://172.18.0.3:9000/hook", Nearness.PRIVATE)),
    row("webhook.not_found", lambda: hook(answered(404))),
    row("webhook.dns", lambda: hook(Unanswered("dns"))),
    row("webhook.refused", lambda: hook(Unanswered("refused"))),
    row("webhook.unreached", lambda: hook(Unanswered("timeout"))),
    row("webhook.unreached", lambda: hook(Unanswered("reset"))),
    row("webhook.certificate", lambda: hook(Unanswered("certificate", "certificate has expired"))),
    row("webhook.server_error", lambda: hook(answered(502))),
    row("webhook.error", lambda: hook(answered(500))),
    row("webhook.redirect", lambda: hook(answered(308))),
    row("webhook.gone", lambda: hook(answered(410))),
    row("webhook.in_the_clear", lambda: hook(answered(200), "http://shop.example/hook")),
    row("webhook.in_the_clear", lambda: hook(answered(200), "http://10.example/hook")),
    row("webhook.deliveries.ok", lambda: webhooks.judge_mail({"shop": Mail()})),
    row("webhook.deliveries.disabled", lambda: webhooks.judge_mail({"shop": Mail(disabled=1)})),
    row("webhook.deliveries.dead", lambda: webhooks.judge_mail({"shop": Mail(dead=["http_404"])})),
    row("webhook.deliveries.failing", lambda: webhooks.judge_mail({"shop": Mail(failing=["http_401"] * 100)})),
    # clock
    row("clock.ok", lambda: clocks(0.2, -4.9)),
    row("clock.ok", lambda: clocks(5.4)),  # within the doubt
    row("clock.skewed", lambda: clocks(0.1, -6.0)),
    row("clock.far_off", lambda: clocks(3600.0)),
    row("clock.skipped", clocks),
    # disk, limits
    row("disk.ok", lambda: room.judge([Disk("logs", "/l", BIG, 2 * BIG)])),
    row("disk.ok", lambda: room.judge([Disk("a small tmpfs", "/t", 50_000_000, 64_000_000)])),
    row("disk.filling", lambda: room.judge([Disk("logs", "/l", 900_000_000, BIG)])),
    row("disk.full", lambda: room.judge([Disk("logs", "/l", 90_000_000, BIG)])),
    row("disk.full", lambda: room.judge([Disk("a small tmpfs", "/t", 1_000_000, 64_000_000)])),
    row("disk.skipped", lambda: room.judge([])),
    row("limits.ok", lambda: room.judge_limits(65_536, 400, 65_536)),
    row("limits.ok", lambda: room.judge_limits(65_536, 400, None)),
    row("limits.ok", lambda: room.judge_limits(1024, 400, None, service=65_536)),
    row("limits.few", lambda: room.judge_limits(65_536, 400, None, service=1024)),
    row("limits.unseen", lambda: room.judge_limits(1024, 400, None)),
    row("limits.asterisk_few", lambda: room.judge_limits(65_536, 400, 1024)),
    # a call
    row("call.ok", called),
    row("call.ok", lambda: called(legs=[{"quality": None}], ringing_at=None)),
    row("call.not_placed", lambda: loop_test.NOT_PLACED(reason="401")),
    row("call.unseen", lambda: loop_test.UNSEEN(call="call_1", reason="it does not answer")),
    row(
        "call.not_answered",
        lambda: called(answered_at=None, outcome={"class": "busy", "reason": None, "sip_status": 486, "cause": 17}),
    ),
    row("call.not_played", lambda: called(delivered=False, played={"digits": [{}], "first_audio_ms": 30})),
    row("call.no_keys", lambda: keys("")),
    row("call.no_keys", lambda: keys(None)),
    row("call.no_keys", lambda: called(collected=[])),
    row("call.keys_doubled", lambda: keys("448822991177")),
    row("call.keys_doubled", lambda: keys("44882299117")),
    row("call.keys_differ", lambda: keys("448822")),
    row("call.keys_differ", lambda: keys("48291")),
    row("call.keys_differ", lambda: keys("4")),
    row("call.bad_line", lambda: called(legs=[{"quality": {"mos": 2.79, "loss": 0.03, "jitter_ms": 40}}])),
    row("call.late_audio", lambda: called(played=ANSWERED["played"] | {"first_audio_ms": 2100})),
)
