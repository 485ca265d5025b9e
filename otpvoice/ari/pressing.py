"""Keys that we press on a telephone's line: one at a time, each when the one before it has sounded.

It is done beside everything else, and ends at once when somebody wants that. Whose line it is, and what comes of it, is
said by the line.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from otpvoice.ari import errors
from otpvoice.ari.channel import CallChannel
from otpvoice.ari.errands import Errands
from otpvoice.core.compile import KEY, LATE, WAIT, sending_seconds
from otpvoice.core.events import DigitsNotSent, DigitsSent

log = structlog.get_logger(__name__)


class Pressing:
    """One hand for the whole call: what it presses next ends what it presses now."""

    def __init__(self, errands: Errands) -> None:
        self._errands = errands
        self._pressing: asyncio.Task[None] | None = None
        self._channel: CallChannel | None = None

    def begin(self, channel: CallChannel, digits: str, tell: Callable[[DigitsSent | DigitsNotSent], None]) -> None:
        """Press these keys. ``tell`` hears of ``DigitsSent`` when they have sounded.

        Of ``DigitsNotSent`` where Asterisk refuses; of nothing where the channel is gone, or nobody knows what became
        of a key.
        """
        self.stop()
        self._channel = channel
        self._pressing = self._errands.start(self._press(channel, digits, tell), "keys")

    def stop(self) -> None:
        """Press no more, and tell nothing."""
        if self._pressing is not None:
            self._pressing.cancel()

    def leave(self, channel: CallChannel | None) -> None:
        """Press no more on this line; what is pressed on another goes on."""
        if channel is self._channel:
            self.stop()

    async def _press(
        self, channel: CallChannel, digits: str, tell: Callable[[DigitsSent | DigitsNotSent], None]
    ) -> None:
        try:
            async with asyncio.timeout(sending_seconds(digits) + LATE):
                for digit in digits:
                    if digit == "w":
                        await asyncio.sleep(WAIT)
                        continue
                    await channel.press(digit)
                    # By then it has sounded, mostly: a request that waits for that has one of few connections.
                    await asyncio.sleep(KEY)
                    if not await channel.sounded():
                        return
            tell(DigitsSent(time.time()))
        except (errors.ChannelGone, errors.NotInStasis):
            return
        except TimeoutError:
            log.warning("line.digits_late", channel=channel.id)
        except errors.AriError as error:
            log.error("line.digits_not_sent", channel=channel.id, error=type(error).__name__)
            tell(DigitsNotSent(time.time()))
