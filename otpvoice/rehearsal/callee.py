"""A scripted party: what it does from the order to call it until it is gone, told as a real one's life is.

It is told what is said to it and answers with keys; it does not know the words. Everything it does is a timer away, and
there is one timer: it does one thing at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeAlias, assert_never

from otpvoice.core.events import (
    CallAnswered,
    CallDialed,
    CallEnded,
    CallProgressed,
    DigitReceived,
    OfSecond,
    OriginateAccepted,
    PiecePlayed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.rehearsal.scripts import CalleeScript, PicksUp, Refuses, RingsOn

A_MOMENT: Final = 0.02
"""Seconds between two things that a network does: takes the order, rings, is answered or refuses."""
QUIET: Final = 0.05
"""Seconds of silence after something was said, after which a callee thinks that it is its turn."""
PATIENCE: Final = 1.0
"""Seconds of silence in which nothing was said yet: whoever is asked what to say may take a moment."""
NORMAL_CLEARING: Final = 16
"""Q.850's cause of a call that somebody hung up."""

Heard: TypeAlias = SpeakingStarted | PiecePlayed | SpeakingFinished


class Callee:
    """``tell`` hears of its life, in order; of its end once, and then of nothing. ``wall``: Unix seconds.

    ``over``: it is gone, or nobody wants to know any more. ``answered``: it has picked up.
    """

    def __init__(self, script: CalleeScript, tell: Callable[[OfSecond], None], wall: Callable[[], float]) -> None:
        self.over = self.answered = False
        self._script, self._tell, self._wall = script, tell, wall
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.TimerHandle | None = None
        self._dialed = self._listening = False
        self._utterances = 0
        self._hearing = ""
        self._pieces = 0
        self._asked = 0

    def dial(self) -> None:
        """Call it: once, and not after its end."""
        if self.over or self._dialed:
            return
        self._dialed = True
        self._tell(CallDialed(self._wall()))
        self._tell(OriginateAccepted(self._wall()))
        self._in(A_MOMENT, self._receive)

    def hang_up(self) -> None:
        """End the call with it, from our side. Before it is dialled, it never will be."""
        self._end(
            CallEnded(self._wall(), cause=NORMAL_CLEARING, replied=True) if self._dialed else CallEnded(self._wall())
        )

    def listen(self) -> None:
        """It hears us, from now on."""
        self._listening = True
        self._mind(PATIENCE)

    def hear(self, event: Heard) -> None:
        """Something is said to it."""
        match event:
            case SpeakingStarted():
                self._utterances += 1
            case PiecePlayed(utterance_id=utterance_id):
                self._pieces = self._pieces + 1 if utterance_id == self._hearing else 1
                self._hearing = utterance_id
            case SpeakingFinished():
                self._utterances -= 1
            case _:
                assert_never(event)
        self._mind()

    def talk(self, seconds: float | None) -> None:
        """It talks with somebody else, and does not hear us; after so many seconds it hangs up (None: it does not)."""
        self._listening = False
        self._rest()
        if seconds is not None:
            self._in(seconds, self._leave)

    def close(self) -> None:
        """Nothing is told any more."""
        self.over = True
        self._rest()

    # --- its life ---------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        script = self._script
        match script:
            case Refuses(rings=False):
                self._refuse()
            case Refuses():
                self._ring()
                self._in(A_MOMENT, self._refuse)
            case RingsOn():
                self._ring()
            case PicksUp():
                self._ring()
                self._in(A_MOMENT, self._pick_up)
            case _:
                assert_never(script)

    def _ring(self) -> None:
        self._tell(CallProgressed(self._wall(), ringing=True))

    def _refuse(self) -> None:
        if isinstance(self._script, Refuses):
            status, cause = self._script.sip_status, self._script.cause
            self._end(CallEnded(self._wall(), cause=cause, sip_status=status, by_callee=True, replied=True))

    def _pick_up(self) -> None:
        self.answered = True
        self._tell(CallAnswered(self._wall()))

    def _mind(self, quiet: float = QUIET) -> None:
        """Do what follows from what was heard: leave, or wait until it has been quiet for so long, or nothing."""
        script = self._script
        if not isinstance(script, PicksUp) or not self.answered or not self._listening:
            return
        self._rest()
        if self._pieces == script.hangs_up_after:
            self._leave()
        elif script.keys and not self._utterances:
            self._in(quiet, self._press)

    def _press(self) -> None:
        """Press all keys of a turn at once: which question they answer is not to depend on how busy the machine is."""
        if isinstance(self._script, PicksUp):
            turns = self._script.keys
            keys = turns[min(self._asked, len(turns) - 1)]
            self._asked += 1
            for key in keys:
                self._tell(DigitReceived(key, self._wall()))

    def _leave(self) -> None:
        self._end(CallEnded(self._wall(), cause=NORMAL_CLEARING, by_callee=True, replied=True))

    def _end(self, ended: CallEnded) -> None:
        if not self.over:
            self.close()
            self._tell(ended)

    def _in(self, seconds: float, do: Callable[[], None]) -> None:
        self._next = self._loop.call_later(seconds, do)

    def _rest(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
