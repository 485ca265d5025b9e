"""Limits of Asterisk's HTTP server and its events sockets, and what it tells in each event."""

from __future__ import annotations

from typing import Final

from otpvoice.ari.rest import CONNECTIONS
from otpvoice.doctor.asterisk.files import Files
from otpvoice.doctor.finding import Check, Finding

SESSIONS = Check("asterisk.sessions", "Does Asterisk's HTTP server take as many connections as otpvoice opens?")
TOO_FEW = SESSIONS.fails(
    "too_few",
    "sessionlimit is {limit}, and otpvoice alone opens up to {needed} connections: what is beyond is closed unread",
    "In http.conf, section [general]: sessionlimit = 1000. Then asterisk -rx 'module reload http'.",
)
FEW = SESSIONS.warns(
    "few",
    "sessionlimit is {limit}, of which otpvoice alone may need {needed}: another client, or a second otpvoice, and"
    " requests fail",
    "In http.conf, section [general]: sessionlimit = 1000 (it is 100 where nothing is set). Then asterisk -rx 'module"
    " reload http'.",
)
NEEDED: Final = CONNECTIONS + 8
"""REST, the events socket, and a media leg in its handshake; measured: one that is up does not count (http.c)."""
ENOUGH: Final = 2 * NEEDED
DEFAULT_SESSIONS: Final = 100

WRITE_TIMEOUT = Check("asterisk.write_timeout", "How long does Asterisk wait for us to read an event?")
SHORT = WRITE_TIMEOUT.warns(
    "short",
    "websocket_write_timeout is {milliseconds} ms: one slow moment of otpvoice or of the network, and its connection is"
    " cut off",
    "In ari.conf, section [general]: websocket_write_timeout = 5000 (it is 100 where nothing is set). Then asterisk -rx"
    " 'module reload res_ari.so', and restart otpvoice: it holds for new connections.",
)
DEFAULT_TIMEOUT: Final = 100
LONG_ENOUGH: Final = 1000
"""Milliseconds."""

REPLIES = Check("asterisk.channelvars", "Does Asterisk tell whether the trunk has answered at all?")
UNTOLD = REPLIES.warns(
    "untold",
    "ari.conf has no channelvars = HANGUPCAUSE_KEYS(): a trunk that does not answer is reported as unreachable callees",
    "In ari.conf, section [general]: channelvars = HANGUPCAUSE_KEYS(). Then asterisk -rx 'module reload res_ari.so'. It"
    " needs func_hangupcause.so.",
)
LOGGED = REPLIES.warns(
    "logged",
    "channelvars has HANGUPCAUSE_KEYS(), and func_hangupcause.so is not loaded: each event logs an error",
    "asterisk -rx 'module load func_hangupcause.so', and load = func_hangupcause.so in modules.conf.",
)
_KEYS: Final = "HANGUPCAUSE_KEYS()"
_UNREAD: Final = "Asterisk's files could not be read (see asterisk.files)"


def judge(files: Files, *, running: frozenset[str]) -> list[Finding]:
    """Say what is to be said of ``http.conf`` and ``ari.conf``."""
    if not files.read:
        return [check.skipped(_UNREAD) for check in (SESSIONS, WRITE_TIMEOUT, REPLIES)]
    return [
        judge_sessions(files.single["http.conf", "general", "sessionlimit"]),
        judge_timeout(files.single["ari.conf", "general", "websocket_write_timeout"]),
        judge_replies(files.single["ari.conf", "general", "channelvars"], running=running),
    ]


def judge_sessions(value: str | None) -> Finding:
    """``value``: of ``sessionlimit``; None: it is not set."""
    limit = _number(value, DEFAULT_SESSIONS)
    if limit < NEEDED:
        return TOO_FEW(limit=limit, needed=NEEDED)
    if limit < ENOUGH:
        return FEW(limit=limit, needed=NEEDED)
    return SESSIONS.ok(f"sessionlimit is {limit}; otpvoice needs up to {NEEDED}", limit=limit, needed=NEEDED)


def judge_timeout(value: str | None) -> Finding:
    """``value``: of ``websocket_write_timeout``; None: it is not set."""
    milliseconds = _number(value, DEFAULT_TIMEOUT)
    if milliseconds < LONG_ENOUGH:
        return SHORT(milliseconds=milliseconds)
    return WRITE_TIMEOUT.ok(f"websocket_write_timeout is {milliseconds} ms", milliseconds=milliseconds)


def judge_replies(value: str | None, *, running: frozenset[str]) -> Finding:
    """``value``: of ``channelvars``; None: it is not set."""
    if _KEYS not in [word.strip() for word in (value or "").split(",")]:
        return UNTOLD()
    if "func_hangupcause.so" not in running:
        return LOGGED()
    return REPLIES.ok("each event tells it (channelvars = HANGUPCAUSE_KEYS())")


def _number(value: str | None, otherwise: int) -> int:
    """Return what Asterisk takes for the number; where it is none, its default."""
    try:
        return int(str(value).strip())
    except ValueError:
        return otherwise
