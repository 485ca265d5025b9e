"""One call of one person: a handle to press, hold and hang up with, and a record of what was heard.

Nothing here is decided by ARI's side: a person hears what a tick brings, and does what the script says.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.fakes.callee import (
    Answers,
    Callee,
    HangsUp,
    Holds,
    Presses,
    Progresses,
    Redirects,
    Rejects,
    Rings,
    Says,
    Step,
)
from tests.fakes.causes import NORMAL, SIP_OF_CAUSE
from tests.fakes.channels import Channel, channel_event
from tests.fakes.clock import TICK

if TYPE_CHECKING:
    from tests.fakes.asterisk import FakeAsterisk
    from tests.fakes.dialplan import Seen

MIN_DTMF_GAP: Final = 0.045  # AST_MIN_DTMF_GAP, main/channel.c
FRAME: Final = 160
SILENCE: Final = b"\xff" * FRAME  # of G.711 mu-law
INTERWORKING: Final = 127
CANCELLED: Final = 487  # Request Terminated
ADDED_HEADER: Final = "PJSIP_HEADER(add,"


@dataclass(frozen=True, slots=True)
class Heard:
    """One frame as it left for the callee: ``at`` is its tick, in seconds of the fake's clock."""

    at: float
    payload: bytes = field(repr=False)


class Call:
    """``over`` once it has ended, with ``cause`` and ``tech_cause``; all three stay None where Asterisk died.

    ``digits`` are those that another party of the same bridge keyed, or that ARI was told to press, as they arrived
    here.
    """

    def __init__(self, asterisk: FakeAsterisk, callee: Callee, channel: Channel) -> None:
        self.callee = callee
        self.channel = channel
        self.heard: list[Heard] = []
        self.on_hold = False
        self.over = False
        self.cause: int | None = None
        self.tech_cause: int | None = None
        self.continued_at: tuple[str, str, int] | None = None
        self.digits = ""
        self._asterisk = asterisk
        self._speech: deque[bytes] = deque()
        self._last_digit_ended = -math.inf
        self._tight_before = False
        self._script: asyncio.Task[None] | None = None

    @property
    def audio(self) -> bytes:
        """All that was heard, end to end."""
        return b"".join(heard.payload for heard in self.heard)

    @property
    def headers(self) -> dict[str, str]:
        """The SIP headers that the originate added."""
        added = {name: value for name, value in self.channel.variables.items() if name.startswith(ADDED_HEADER)}
        return {name[len(ADDED_HEADER) : -1]: value for name, value in added.items()}

    @property
    def legs(self) -> list[str]:
        """The media legs that are in a bridge with it, by channel id."""
        return [leg.channel.id for leg in self.channel.bridge.legs] if self.channel.bridge is not None else []

    @property
    def then(self) -> list[Seen]:
        """Of a call that came in: the lines of the dialplan that were reached after ``Stasis()``; ``h`` is the last."""
        return self.channel.pbx.seen if self.channel.pbx is not None else []

    # Keys

    async def press(self, digits: str, *, on: float = 0.1, off: float = 0.1) -> None:
        """Key digits. Each is reported at its end; ``off`` follows the last one too."""
        clock = self._asterisk.clock
        gap = clock.now() - self._last_digit_ended
        for digit in digits:
            times = self._times_reported(gap)
            await clock.sleep(on)
            self._report(digit, on, times)
            await clock.sleep(off)
            gap = off  # as asked for, not what a busy event loop made of it

    def press_now(self, digit: str) -> None:
        """A digit that ends at this moment, far from any other."""
        self._report(digit, 0.1, self._times_reported(math.inf))

    def _times_reported(self, gap: float) -> int:
        """By ARI: from the third digit of a run with tight gaps on, twice. The media socket is always exact."""
        tight, before = gap < MIN_DTMF_GAP, self._tight_before
        self._tight_before = tight
        return 2 if tight and before else 1

    def _report(self, digit: str, on: float, times: int) -> None:
        if self.over:
            return
        self._last_digit_ended = self._asterisk.clock.now()
        bridge = self.channel.bridge
        event = channel_event("ChannelDtmfReceived", self.channel, digit=digit, duration_ms=round(on * 1000))
        for _ in range(times if bridge is None or bridge.technology != "native_rtp" else 0):
            self._asterisk.stasis.publish(self.channel, event)
        if bridge is None:
            return
        for leg in bridge.legs:
            leg.digit(digit)
        for other in bridge.calls:
            other.digits += digit if other is not self else ""

    def key_arrived(self, digit: str) -> None:
        """ARI was told to press it."""
        self.digits += digit
        self._asterisk.changed()

    # Voice

    def say(self, audio: bytes) -> float:
        """Queue audio towards Asterisk, a frame per tick; returns how long it lasts."""
        frames = [audio[start : start + FRAME] for start in range(0, len(audio), FRAME)]
        self._speech.extend(frames)
        self._asterisk.ticker.wake()
        return len(frames) * TICK

    @property
    def speaking(self) -> bool:
        return bool(self._speech) or self.callee.open_microphone

    @property
    def listening(self) -> bool:
        return self.channel.state == "Up" and not self.on_hold

    def next_frame(self) -> bytes | None:
        """What the microphone gives at a tick."""
        if self.on_hold:
            return None
        if self._speech:
            return self._speech.popleft()
        return SILENCE if self.callee.open_microphone else None

    # Hold, and the end

    def hold(self) -> None:
        if not (self.on_hold or self.over):
            self._asterisk.ticker.advance()
            self.on_hold = True
            event = channel_event("ChannelHold", self.channel, musicclass="default")
            self._asterisk.stasis.publish(self.channel, event)

    def unhold(self) -> None:
        if self.on_hold and not self.over:
            self._asterisk.ticker.advance()
            self.on_hold = False
            self._asterisk.stasis.publish(self.channel, channel_event("ChannelUnhold", self.channel))

    def hang_up(self, cause: int | None = None) -> None:
        """BYE; a ``cause`` is that of its Reason header. Without one: 16 in a bridge, 0 for a channel in none.

        CANCEL, of a caller who was not answered.
        """
        if self.channel.local:
            self._asterisk.switch.hung_up(self.channel, cause or NORMAL)
        elif self.channel.state == "Ring":
            self._asterisk.switch.hung_up(self.channel, INTERWORKING, CANCELLED)
        else:
            self._asterisk.switch.hung_up(self.channel, cause or 0, SIP_OF_CAUSE.get(cause or 0, 0))

    def hung_up_by_console(self) -> None:
        """``channel request hangup``."""
        self._asterisk.switch.hang_up_by_console(self.channel)

    def redirected(self, context: str, extension: str = "s", priority: int = 1) -> None:
        """``channel redirect``, by the console or over AMI."""
        self._asterisk.switch.redirect(self.channel, context, extension, priority)

    # The script

    def play_script(self, steps: Iterator[Step], answered: Callable[[], None]) -> None:
        self._script = asyncio.create_task(self._play(steps, answered), name=f"script of {self.callee.number}")

    async def _play(self, steps: Iterator[Step], answered: Callable[[], None]) -> None:
        for step in steps:
            if not isinstance(step, HangsUp):
                await self._asterisk.wait(lambda: self.over or self.channel.state != "Ring")
            if step.after:
                await self._asterisk.clock.sleep(step.after)
            await self._do(step, answered)
            if self.over:
                return

    async def _do(self, step: Step, answered: Callable[[], None]) -> None:
        match step:
            case Rings():
                self._asterisk.switch.ringing(self.channel)
            case Progresses():
                self._asterisk.switch.progress(self.channel)
            case Answers():
                answered()
            case Rejects(status):
                self._asterisk.switch.failed(self.channel, status)
            case Redirects(user, _, dropped):
                self._asterisk.switch.redirected(self.channel, user, dropped=dropped)
            case Presses(digits, on, off):
                await self.press(digits, on=on, off=off)
            case Says(audio):
                await self._asterisk.clock.sleep(self.say(audio))
            case Holds(_, for_):
                self.hold()
                await self._asterisk.clock.sleep(for_)
                self.unhold()
            case HangsUp(_, cause):
                self.hang_up(cause)

    # Told by the switch

    def continued(self, context: str, extension: str, priority: int) -> None:
        self.continued_at = (context, extension, priority)

    def ended(self, cause: int | None, tech_cause: int | None) -> None:
        self.over, self.cause, self.tech_cause = True, cause, tech_cause
        if self._script is not None and self._script is not asyncio.current_task():
            self._script.cancel()
