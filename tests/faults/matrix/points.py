"""The points of a call at which the world is changed, and what is promised where somebody dies there. Reviewed by eye.

A point is a seam of the product (``seams``), and before or after: the process stands still in that very step. One
without a seam is a rest: the call waits for somebody, and the process is stopped there.

Promises are outcomes, ``class`` or ``class/reason``; where two are named either may be: what was still under way is
decided by who was faster. ``nothing``: no such call was ever taken. ``refused``: 503, and nobody was rung.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

NOTHING: Final = "nothing"
REFUSED: Final = "refused"
DONE: Final = "completed"
LOST: Final = "failed/app_lost"
GONE: Final = "failed/asterisk_lost"
UNSENT: Final = "failed/lost_before_dialing"
UNKNOWN: Final = "indeterminate/originate_unknown"
UNANSWERED: Final = "no_answer"
BUSY: Final = "busy"


class Fault(StrEnum):
    """What happens to whom."""

    WE_DIE = "we are killed"
    ASTERISK = "Asterisk is killed"
    REDIS = "Redis is killed for 5 s"
    SILENT = "the events socket falls silent"
    FROZEN = "we stand still for 30 s"
    WEDGED = "Asterisk's media registry hangs"


@dataclass(frozen=True, slots=True)
class Seam:
    """``name``: as in ``seams``; ``word``: one of those that must be told of it; ``nth``: the how many-th such one."""

    side: str
    name: str
    word: str = ""
    nth: int = 1


@dataclass(frozen=True, slots=True)
class Point:
    """``call``: the kind of call (``calls``) that passes it. ``promised``: by fault; others are not tried here.

    ``claim_stays``: faults that leave an idempotency key claimed, until its minute is over: nobody can know any more.
    """

    name: str
    call: str
    seam: Seam | None
    promised: dict[Fault, str]
    claim_stays: frozenset[Fault] = frozenset()


def before(name: str, word: str = "", nth: int = 1) -> Seam:
    return Seam("before", name, word, nth)


def after(name: str, word: str = "", nth: int = 1) -> Seam:
    return Seam("after", name, word, nth)


def point(  # noqa: PLR0917 - a row
    name: str,
    call: str,
    seam: Seam | None,
    we_die: str,
    asterisk: str,
    redis: str,
    *,
    silent: str = "",
    frozen: str = "",
    wedged: str = "",
    claim_stays: frozenset[Fault] = frozenset(),
) -> Point:
    promised = {
        Fault.WE_DIE: we_die,
        Fault.ASTERISK: asterisk,
        Fault.REDIS: redis,
        Fault.SILENT: silent,
        Fault.FROZEN: frozen,
        Fault.WEDGED: wedged,
    }
    return Point(name, call, seam, {fault: outcome for fault, outcome in promised.items() if outcome}, claim_stays)


ORDER: Final = "ari POST channels/FIRST"
JOIN: Final = "ari POST bridges/LEG/addChannel FIRST"
HANG_UP: Final = "ari DELETE channels/FIRST"
SECOND: Final = "ari POST channels/SECOND"
GO_ON: Final = "ari POST channels/CALLER/continue"
TALK: Final = "ari POST bridges/TALK"
TALKS: Final = "ari POST bridges/TALK/addChannel FIRST"

POINTS: Final = (
    # A name, who calls, and where; then what is promised where we are killed, Asterisk is, Redis is for 5 s.
    # --- it starts
    point("filtering events", "starts", after("ari PUT applications/APP/eventFilter"), NOTHING, NOTHING, NOTHING),
    point("ordering a media leg", "starts", before("ari POST channels/externalMedia"), NOTHING, NOTHING, NOTHING),
    point("media leg ordered", "starts", after("ari POST channels/externalMedia"), NOTHING, NOTHING, NOTHING),
    point("media leg's bridge made", "starts", after("ari POST bridges/LEG"), NOTHING, NOTHING, NOTHING),
    point("media leg in its bridge", "starts", after("ari POST bridges/LEG/addChannel LEG"), NOTHING, NOTHING, NOTHING),
    # --- a call is taken, and dialled
    point(
        "key claimed",
        "keyed",
        after("store claim"),
        NOTHING,
        f"{REFUSED} or {UNSENT} or {GONE}",
        REFUSED,
        claim_stays=frozenset({Fault.WE_DIE, Fault.REDIS}),
    ),
    point("before acceptance", "says", before("store accept"), NOTHING, f"{UNSENT} or {GONE}", REFUSED),
    point("after acceptance", "says", after("store accept"), DONE, f"{GONE} or {UNSENT}", DONE),
    point("before the intent", "says", before("store save", "dialing"), DONE, GONE, DONE),
    point("after the intent", "says", after("store save", "dialing"), UNKNOWN, GONE, DONE),
    point("before the order", "says", before(ORDER), UNKNOWN, f"{GONE} or {UNKNOWN}", DONE),
    point("after the order", "rings", after(ORDER), LOST, GONE, UNANSWERED),
    point("refused meanwhile", "refuses", after(ORDER), UNKNOWN, f"{BUSY} or {GONE}", BUSY),
    point("ringing", "rings", before("told CallProgressed"), LOST, GONE, UNANSWERED),
    point(
        "ringing, and written",
        "rings",
        after("store save", "ringing"),
        LOST,
        GONE,
        UNANSWERED,
        silent=UNANSWERED,
        frozen=f"{UNANSWERED} or {GONE}",
    ),
    # --- somebody has picked up
    point("answered", "says", before("told CallAnswered"), LOST, GONE, DONE),
    point("before it joins the leg", "says", before(JOIN), LOST, GONE, DONE),
    point("leg open", "says", after(JOIN), LOST, GONE, DONE, silent=DONE, frozen=DONE),
    point("first audio pushed", "says", before("told SpeakingStarted"), LOST, GONE, DONE),
    point(
        "mid-code", "says", before("told PiecePlayed", nth=5), LOST, GONE, DONE, silent=DONE, frozen=DONE, wedged=DONE
    ),
    point("code delivered", "says", before("store save", "code.delivered"), LOST, GONE, DONE),
    point("code delivered, and written", "says", after("store save", "code.delivered"), LOST, GONE, DONE),
    point("our own keys", "presses", after("ari POST channels/FIRST/dtmf"), LOST, GONE, DONE),
    point("our own keys sounded", "presses", after("ari POST channels/FIRST/answer"), LOST, GONE, DONE),
    # --- keys, and whoever is asked
    point(
        "digits half keyed",
        "keys",
        before("told DigitReceived", nth=2),
        LOST,
        GONE,
        DONE,
        silent=DONE,
        frozen=DONE,
        wedged=DONE,
    ),
    point("digits collected", "keys", after("store save", "digits.collected"), LOST, GONE, DONE),
    point("before the question", "asks", before("ask", "digits.collected"), LOST, GONE, DONE),
    point("question posted", "asks", after("ask", "digits.collected"), LOST, GONE, DONE),
    point("answer to be followed", "asks", before("told Instructed"), LOST, GONE, DONE),
    # --- in line, and waiting
    point("in line", "queues", None, DONE, f"{DONE} or {GONE}", DONE),
    point("waits for a dialplan", "comes", None, DONE, DONE, DONE),
    point("a caller comes for it", "comes", after("store save", "queued"), LOST, GONE, DONE),
    point(
        "a caller's variables",
        "comes",
        after("ari POST channels/CALLER/variables"),
        f"{LOST} or {DONE}",
        f"{GONE} or {DONE}",
        DONE,
    ),
    point(
        "a caller's limit",
        "comes",
        after("ari POST channels/CALLER/variable"),
        f"{LOST} or {DONE}",
        f"{GONE} or {DONE}",
        DONE,
    ),
    point("before a caller is answered", "comes", before("ari POST channels/CALLER/answer"), LOST, GONE, DONE),
    point("a caller is answered", "comes", after("ari POST channels/CALLER/answer"), LOST, GONE, DONE),
    point("a caller in the bridge", "comes", after("ari POST bridges/LEG/addChannel CALLER"), LOST, GONE, DONE),
    point(
        "a caller in mid-prompt", "comes", before("told PiecePlayed", nth=3), LOST, GONE, DONE, silent=DONE, frozen=DONE
    ),
    point("before a caller goes on", "comes", before(GO_ON), LOST, f"{GONE} or {DONE}", DONE),
    point("a caller has gone on", "comes", after(GO_ON), LOST, f"{DONE} or {GONE}", DONE),
    # --- two parties
    point("second leg ordered", "talks", after(SECOND), LOST, GONE, DONE),
    point("second leg ringing", "talks", before("told OnSecond", "CallProgressed"), LOST, GONE, DONE),
    point("second leg answered", "talks", before("told OnSecond", "CallAnswered"), LOST, GONE, DONE),
    point("bridge of two made", "talks", after(TALK), LOST, GONE, DONE),
    point("second leg moved", "talks", after("ari POST bridges/TALK/addChannel SECOND"), LOST, GONE, DONE),
    point("first leg moved", "talks", after(TALKS), LOST, GONE, DONE),
    point("two parties talking", "talks", before("told PartiesConnected"), LOST, GONE, DONE, silent=DONE, frozen=DONE),
    point("bridge of two taken away", "talks", after("ari DELETE bridges/TALK"), LOST, GONE, DONE),
    point("second leg hung up", "calls off", after("ari DELETE channels/SECOND"), LOST, f"{DONE} or {GONE}", DONE),
    # --- the end
    point("before the hang-up", "says", before(HANG_UP), LOST, f"{DONE} or {GONE}", DONE),
    point("after the hang-up", "says", after(HANG_UP), LOST, f"{DONE} or {GONE}", DONE, frozen=DONE),
    point("before the summary", "says", before("store finish"), LOST, DONE, DONE),
    point("after the summary", "says", after("store finish"), DONE, DONE, DONE),
    point("leg to be proven clean", "says", before("leg clean"), f"{LOST} or {DONE}", DONE, DONE, silent=DONE),
    point("leg proven clean", "says", after("leg clean"), f"{LOST} or {DONE}", DONE, DONE),
    # --- webhooks
    point("webhook taken", "hooks", after("store take"), DONE, DONE, DONE),
    point("before a webhook", "hooks", before("post", "call.ended"), DONE, DONE, DONE),
    point("after a webhook", "hooks", after("post", "call.ended"), DONE, DONE, DONE, frozen=DONE),
    point("webhook crossed out", "hooks", after("store delivered"), DONE, DONE, DONE),
    point("webhook put back", "failing hooks", after("store put_back"), DONE, DONE, DONE),
    # --- the next life dies, too
    point("call adopted", "recovers", after("store adopt"), LOST, LOST, LOST),
    point("channel of a former life hung up", "recovers", after(HANG_UP), LOST, LOST, LOST),
    point("before an adopted call's summary", "recovers", before("store finish"), LOST, LOST, LOST),
    point("after an adopted call's summary", "recovers", after("store finish"), LOST, LOST, LOST),
)

COVERED: Final = frozenset(point.seam.name for point in POINTS if point.seam is not None)
"""Seams that a point touches."""
PASSED_BY: Final = {
    "ari DELETE channels/LEG": "what is left of a leg is reaped at the next connection: tried at each start",
    "ari DELETE bridges/LEG": "as above",
    "store give_back": "what was taken ahead is due again; without it, when its lease is over",
    "store release": "the key of a request that was refused is free again; without it, when its claim is over",
}
"""Seams that change the world and need no point of their own, and why."""


def stories(fault: Fault) -> list[Point]:
    """Return the points at which this fault is tried."""
    return [point for point in POINTS if fault in point.promised]
