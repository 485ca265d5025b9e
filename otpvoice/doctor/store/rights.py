"""Who may do what in Redis: we all that we have to, and others nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otpvoice.doctor.finding import Check, Finding
from otpvoice.doctor.store.knocking import Knock
from otpvoice.doctor.store.seen import Seen

PERMISSION = Check("redis.permission", "May our user of Redis do all that otpvoice does?")
FORBIDDEN = PERMISSION.fails(
    "forbidden",
    "Redis does not let {user} do: {commands}",
    "`redis-cli acl setuser {user} '~otpvoice:*' {rules}` (and the same in the ACL file: `redis-cli acl save`).",
)

EXPOSURE = Check("redis.exposure", "Can anybody else get into Redis?")
OPEN = EXPOSURE.fails(
    "open",
    "{server} lets everybody in who reaches it, without a password",
    "In redis.conf: requirepass <the output of `openssl rand -hex 32`>, the same in OTPVOICE_REDIS_URL, and bind"
    " 127.0.0.1 if otpvoice is on the same machine. Whoever gets in can read who is called, and write"
    " where webhooks go.",
)
NO_PASSWORD = EXPOSURE.warns(
    "no_password",
    "{server} wants no password: nothing but the net keeps others out",
    "In redis.conf: requirepass <the output of `openssl rand -hex 32`>, and the same in OTPVOICE_REDIS_URL.",
)
CLEAR = EXPOSURE.fails(
    "in_the_clear",
    "{host} is a public address, and redis:// goes there in the clear, with the password and who is called",
    "Use rediss:// (tls-port in redis.conf), or a tunnel (WireGuard) and its private address.",
)
UNSEEN = EXPOSURE.unsure(
    "unseen",
    "{server}: whether it wants a password can't be seen from here",
    "Look by hand, from another machine: `redis-cli -h <its address> -p <its port> ping` (with --tls where it speaks"
    " TLS). NOAUTH is right, PONG is not: then set requirepass in redis.conf.",
)
SOCKET: Final = "it is a socket in the file system"


def judge(seen: Seen) -> Finding:
    """Say which commands are kept from us."""
    if seen.forbidden:
        commands = sorted(set(seen.forbidden))
        rules = " ".join(f"+{command.lower().replace(' ', '|')}" for command in commands)
        return FORBIDDEN(commands=", ".join(commands), user=seen.user, rules=rules)
    if seen.refused:
        return PERMISSION.skipped(f"writes are refused ({seen.refused})")
    return PERMISSION.ok(f"{seen.user} may do all that otpvoice does")


def judge_exposure(
    *, server: str, host: str, knock: Knock, elsewhere: Mapping[str, Knock], here: bool, public: bool, plain: bool
) -> Finding:
    """``knock``: what a stranger is told; ``elsewhere``: the same at other places of this machine, where it is here.

    ``here``: it is on this machine; ``public``: at a public address; ``plain``: without TLS.
    """
    if public and plain:
        return CLEAR(host=host)
    if opened := _opened(elsewhere):
        return opened
    if knock is Knock.GUARDED:
        return EXPOSURE.ok("it lets nobody in without a password")
    if knock is not Knock.OPEN:
        return UNSEEN(server=server)
    if here:
        return _unseen(elsewhere) or EXPOSURE.ok("it wants no password, and only this machine reaches it")
    # That we got in is known; who else reaches a private network can't be seen from here.
    return OPEN(server=server) if public else NO_PASSWORD(server=server)


def judge_socket(port: int | None, elsewhere: Mapping[str, Knock]) -> Finding:
    """``port``: at which it listens, too; 0: at none, None: that is not told to us. ``elsewhere``: as above."""
    if port is None:
        return UNSEEN(server="a TCP port that it may have beside its socket")
    if not port:
        return EXPOSURE.ok(f"{SOCKET}, and listens nowhere else")
    if wrong := _opened(elsewhere) or _unseen(elsewhere):
        return wrong
    return EXPOSURE.ok(f"{SOCKET}, and no stranger gets in at its TCP port {port}")


def _opened(elsewhere: Mapping[str, Knock]) -> Finding | None:
    found = [place for place, knock in elsewhere.items() if knock is Knock.OPEN]
    return OPEN(server=", ".join(found)) if found else None


def _unseen(elsewhere: Mapping[str, Knock]) -> Finding | None:
    found = [place for place, knock in elsewhere.items() if knock is Knock.UNKNOWN]
    return UNSEEN(server=", ".join(found)) if found else None
