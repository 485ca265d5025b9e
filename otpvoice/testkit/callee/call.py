"""One live call, whichever side began it: everything that a test can tell it or await from it.

It decides nothing by itself: ``script`` follows a scenario through the same methods that a test calls by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Callable

from otpvoice.testkit.callee.facts import CallOver, Ending
from otpvoice.testkit.callee.rtcp_session import RtcpSession
from otpvoice.testkit.callee.rtp import RtpPacket
from otpvoice.testkit.callee.sdp import Direction
from otpvoice.testkit.callee.signalling import Signalling
from otpvoice.testkit.callee.steps import Keys
from otpvoice.testkit.callee.stream import Stroke
from otpvoice.testkit.callee.tone import sine


class Call(Signalling):
    """An ``IncomingCall`` or an ``OutgoingCall``.

    Every wait raises ``CallOver`` when the call ends first, ``TimeoutError`` after ``within`` seconds; None: for ever.
    """

    def __repr__(self) -> str:
        return f"<Call to {self.invite.number!r} {self.ended_by or 'alive'}>"

    @property
    def strokes(self) -> list[Stroke]:
        """The keys that were pressed, with the times at which they went down and up."""
        return [] if self._audio.stream is None else self._audio.stream.strokes

    @property
    def rtcp(self) -> RtcpSession | None:
        """What was reported by RTCP, on both sides; None for a phone without."""
        return self._audio.rtcp

    @property
    def dropped(self) -> int:
        """How many packets got lost on the way here, by the scenario's will."""
        return self._audio.loss.dropped

    # What the phone does.

    async def hang_up(self) -> None:
        """Sends BYE, after the ACK, and returns with its response; a ringing call is rejected with 480 or cancelled."""
        if self.over:
            return
        if self._inviting:
            self._give_up()
        # Section 15: the callee sends no BYE before the ACK. Without one, the call ends by itself.
        with contextlib.suppress(CallOver):
            await self.answered()
            self._bye(self._our_bye)
        await self.ended()

    @abstractmethod
    def _give_up(self) -> None:
        """Ends a call that is not answered yet."""

    async def press(
        self,
        digits: str,
        *,
        on: float = 0.1,
        off: float = 0.1,
        end_packets: int = 3,
        lose: frozenset[int] = frozenset(),
        volume: int = 10,
    ) -> None:
        """Keys digits, and returns when the last one's gap is over; see ``Keys``."""
        await self.key(Keys(digits, on, off, end_packets=end_packets, lose=lose, volume=volume))

    async def key(self, keys: Keys) -> None:
        """As ``press``; ``start`` and ``when`` are the script's business. ValueError: no telephone-event agreed."""
        await self.until(lambda: self._audio.stream is not None)
        stream = self._audio.stream
        if stream is not None:
            await self._sent(lambda finished: stream.press(keys, finished))

    async def play_tone(self, frequency: float, seconds: float) -> None:
        """Sends a sine of ``frequency`` Hz, and returns when it is out."""
        await self.until(lambda: self._audio.stream is not None)
        stream = self._audio.stream
        if stream is not None:
            await self._sent(lambda finished: stream.play(sine(frequency, seconds, stream.law), finished))

    async def hold(self, direction: Direction = Direction.SENDONLY) -> None:
        """Puts the other side on hold by re-INVITE; raises ``Refused``."""
        await self._reinvite(direction)

    async def resume(self) -> None:
        await self._reinvite(Direction.SENDRECV)

    # What can be awaited.

    async def until(self, condition: Callable[[], bool], within: float | None = None) -> None:
        """Waits until ``condition`` holds; it is asked after each packet that comes and each turn of the call."""
        await self._waits.until(condition, within)

    async def answered(self, within: float | None = None) -> None:
        """Waits for the ACK of the 200 OK, ours or theirs."""
        await self.until(lambda: self.times.ack is not None, within)

    async def ended(self, within: float | None = None) -> Ending:
        with contextlib.suppress(CallOver):
            await self.until(lambda: False, within)
        return self.ended_by or Ending.AGENT_CLOSED

    async def heard(self, seconds: float, within: float | None = None) -> None:
        """Waits for so much audible audio since the call began."""
        await self.until(lambda: self.recording.audible >= seconds - 1e-6, within)

    async def heard_packets(self, count: int, within: float | None = None) -> None:
        """Waits for so many RTP packets since the call began."""
        await self.until(lambda: self.recording.count >= count, within)

    async def heard_silence(self, seconds: float, within: float | None = None) -> None:
        """Waits until something was heard, and then nothing audible for ``seconds``."""
        async with asyncio.timeout(within):
            await self.until(lambda: self.recording.last_sound is not None)
            while (left := (self.recording.last_sound or 0.0) + seconds - self._loop.time()) > 0:
                with contextlib.suppress(TimeoutError):
                    await self.until(lambda: False, left)

    async def next_packet(self, within: float | None = None) -> RtpPacket:
        """Waits for the first RTP packet from now on."""
        before, came = self.recording.count, list[RtpPacket]()

        def arrived() -> bool:
            if self.recording.count > before and self.recording.last is not None:
                came.append(self.recording.last)
            return bool(came)

        await self.until(arrived, within)
        return came[0]

    async def _sent(self, queue: Callable[[Callable[[], None]], None]) -> None:
        done: list[bool] = []

        def finished() -> None:
            done.append(True)
            self._waits.changed()

        queue(finished)
        self._audio.send()
        await self.until(lambda: bool(done))
