"""The life of channels and bridges: which events in which order, and with which causes.

The sequences are those measured on Asterisk 22.10.1. Nothing here waits, listens, or knows HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from tests.fakes.causes import BUSY, NO_ANSWER, NORMAL, SIP_OF_CAUSE, SOFT_HANGUP_EXPLICIT, cause_of_sip, dial_status
from tests.fakes.channels import (
    Bridge,
    Channel,
    Json,
    bridge_event,
    channel_event,
    destroyed,
    dial_event,
    hangup_requested,
)
from tests.fakes.clock import Clock
from tests.fakes.stasis import Stasis
from tests.fakes.variables import ABSOLUTE_TIMEOUT, is_utf8, seconds_of

PBX_ENDS: Final = 16  # AST_SOFTHANGUP_APPUNLOAD, not a cause: main/pbx.c says it at the end of every dialplan
RTP_QUALITY: Final = ("RTPAUDIOQOS", "RTPAUDIOQOSJITTER", "RTPAUDIOQOSLOSS", "RTPAUDIOQOSRTT", "RTPAUDIOQOSMES")
QUIET: Final = 0.1  # before the first of some keys (main/app.c, dtmf_stream)
PAUSE: Final = 0.5  # of a "w" among them
SNOOP_ENDS: Final = 0.01  # after who was snooped on: its own timer finds out
HANGUP_DELAY: Final = 0.002  # DELETE answers 204 before the channel's thread has looked


def _sip_of(cause: int, channel: Channel) -> int:
    """The SIP status that chan_pjsip makes of a cause of our own; of a channel that is no SIP channel, none."""
    return 0 if channel.leg is not None or channel.local else SIP_OF_CAUSE.get(cause, 0)


class Switch:
    """Asterisk's core. ``advance`` runs the media ticks that are due before a change that they must not see."""

    def __init__(
        self,
        clock: Clock,
        stasis: Stasis,
        *,
        advance: Callable[[], None],
        wedged: Callable[[], bool],
        changed: Callable[[], None],
    ) -> None:
        self.channels: dict[str, Channel] = {}
        self.bridges: dict[str, Bridge] = {}
        self._clock = clock
        self._stasis = stasis
        self._advance = advance
        self._wedged = wedged
        self._changed = changed

    def _say(self, channel: Channel, event: Json) -> None:
        self._stasis.publish(channel, event)

    # Dialling

    def dial(self, channel: Channel) -> None:
        channel.dialling = True
        self._say(channel, dial_event(channel, ""))

    def ringing(self, channel: Channel) -> None:
        """180. Asterisk swaps these two freely."""
        channel.state = "Ringing"
        self._say(channel, channel_event("ChannelStateChange", channel))
        self._say(channel, dial_event(channel, "RINGING"))

    def progress(self, channel: Channel) -> None:
        """183: the state stays Down."""
        self._say(channel, dial_event(channel, "PROGRESS"))

    def answered(self, channel: Channel, app: str, args: list[str]) -> None:
        channel.state, channel.dialling = "Up", False
        self._say(channel, channel_event("ChannelStateChange", channel))
        self._say(channel, dial_event(channel, "ANSWER"))
        if not self.enter_stasis(channel, app, args):
            # An originated channel has no dialplan to go on in.
            self.end(channel, NORMAL)

    def failed(self, channel: Channel, status: int) -> None:
        """A final SIP response; in the dialplan behind a Local channel, Busy() or Hangup() with its cause."""
        cause = cause_of_sip(status)
        if channel.local:
            status = 0
            if cause == BUSY:
                self._say(channel, dial_event(channel, dial_status(cause)))
                self.end(channel, 0)
                return
        self._say(channel, hangup_requested(channel, cause, status))
        self._say(channel, dial_event(channel, dial_status(cause)))
        self.end(channel, cause, status)

    def redirected(self, channel: Channel, user: str, *, dropped: bool) -> None:
        """302 with a Contact: main/dial.c leaves the channel for it, and would go on where ``user`` is."""
        status = 302
        if not dropped:
            self._say(channel, hangup_requested(channel, cause_of_sip(status), status))
        self._say(channel, dial_event(channel, "CANCEL", forward=user))
        self.end(channel, *((0, 0) if dropped else (cause_of_sip(status), status)))

    def not_answered(self, channel: Channel) -> None:
        """The timeout of the originate: no ChannelHangupRequest and no last Dial, and a made-up SIP code."""
        self.end(channel, NO_ANSWER, _sip_of(NO_ANSWER, channel))

    # In and out of Stasis

    def enter_stasis(self, channel: Channel, app: str, args: list[str]) -> bool:
        """False when the application is not active or an argument is not UTF-8: there will be no StasisStart."""
        if not self._stasis.active(app):
            self.set_variable(channel, "STASISSTATUS", "FAILED")
            return False
        self.set_variable(channel, "STASISSTATUS", "")
        if channel.pbx is None:
            channel.application = ("Stasis", ",".join([app, *args]))
        self._stasis.subscribe_channel(app, channel)
        if not all(is_utf8(argument) for argument in args):
            # The event can't be made; the subscription stays.
            self.set_variable(channel, "STASISSTATUS", "FAILED")
            return False
        channel.app = app
        self._stasis.tell(app, channel_event("StasisStart", channel, args=args))
        return True

    def leave_stasis(self, channel: Channel) -> None:
        if channel.app is not None:
            self.leave_bridge(channel, hung_up=channel.gone)
            app, channel.app = channel.app, None
            self._stasis.unsubscribe_channel(app, channel)
            self._stasis.tell(app, channel_event("StasisEnd", channel))
            channel.application = ("AppDial2", "(Outgoing Line)")
            self.set_variable(channel, "STASISSTATUS", "SUCCESS")

    def continue_in_dialplan(self, channel: Channel, context: str, extension: str, priority: int) -> None:
        """An originated channel would start a dialplan here: it stays where it is, for ever."""
        self.leave_stasis(channel)
        channel.context = (context, extension, priority)
        channel.application = ("", "")
        if channel.call is not None:
            channel.call.continued(context, extension, priority)
        if channel.pbx is not None:
            channel.pbx.run(context, extension, priority)

    def redirect(self, channel: Channel, context: str, extension: str, priority: int) -> None:
        """By somebody else (AMI's or the console's redirect): no ChannelHangupRequest; who rings is answered."""
        self.continue_in_dialplan(channel, context, extension, priority)
        if not channel.gone:
            self.answer(channel)

    def answer(self, channel: Channel) -> None:
        if channel.state != "Up":
            channel.state = "Up"
            self._say(channel, channel_event("ChannelStateChange", channel))

    def set_variable(self, channel: Channel, name: str, value: str | None) -> None:
        """``TIMEOUT(absolute)`` counts from now; the clock of one set at originate starts before the ringing."""
        if name == ABSOLUTE_TIMEOUT:
            self._set_absolute_timeout(channel, seconds_of(value))
        stored = name.lstrip("_")
        if value is None:
            channel.variables.pop(stored, None)
        else:
            channel.variables[stored] = value
        self._say(channel, channel_event("ChannelVarset", channel, variable=name, value=value or ""))

    def set_function(self, channel: Channel, name: str, value: str | None) -> None:
        """By ARI, after the call was made: what is not known is not set, and nobody is told."""
        if name == ABSOLUTE_TIMEOUT:
            self._set_absolute_timeout(channel, seconds_of(value))
        elif name == "CHANNEL(language)":
            channel.language = value or ""

    def _set_absolute_timeout(self, channel: Channel, seconds: float) -> None:
        if channel.absolute is not None:
            channel.absolute.cancel()
        channel.absolute, channel.absolute_at = None, None
        if seconds > 0:
            channel.absolute_at = self._clock.now() + seconds
            channel.absolute = self._clock.later(seconds, lambda: self._absolute_timeout(channel))

    def _absolute_timeout(self, channel: Channel) -> None:
        if channel.dialling:
            self._say(channel, dial_event(channel, dial_status(0)))
        # No ChannelHangupRequest: the core notices by itself. A bridge that loses a channel says 16.
        self.end(channel, NORMAL if channel.bridge is not None else channel.hangup_cause)

    # Keys

    def press(self, channel: Channel, keys: str, on: float, between: float) -> None:
        """Press keys from here, behind those that are on their way. The channel's thread does nothing else meanwhile.

        To answer it waits for that (``rest_channels.py``). That setting its variables and moving it into another bridge
        wait, too, is not modelled.
        """
        now = self._clock.now()
        at = max(channel.pressing_until, now) + QUIET
        for key in keys:
            if key == "w":
                at += PAUSE
                continue
            channel.keys.append(self._clock.later(at - now, partial(self._sound, channel, key)))
            at += on + between
        channel.pressing_until = at
        channel.pressing += 1
        self._clock.later(at - now, partial(self._sounded, channel))

    def _sounded(self, channel: Channel) -> None:
        channel.pressing -= 1
        self._changed()

    def _sound(self, channel: Channel, key: str) -> None:
        if channel.call is not None and not channel.gone:
            channel.call.key_arrived(key)

    def _press_no_more(self, channel: Channel) -> None:
        for key in channel.keys:
            key.cancel()

    # Hanging up

    def hung_up(self, channel: Channel, cause: int, tech_cause: int = 0) -> None:
        """By the far side: a BYE (a cause of 0 unless a Reason header gave one), or the end of a media socket.

        The ChannelDestroyed of a leg in no bridge forgets the cause; that of a channel in a bridge always has one.
        """
        if channel.gone:
            return
        self._say_quality(channel)
        cause, channel.tech_cause = cause or channel.hangup_cause, tech_cause
        self._say(channel, hangup_requested(channel, cause, tech_cause))
        if channel.dialling:
            self._say(channel, dial_event(channel, dial_status(cause)))
        if channel.bridge is not None:
            cause = cause or NORMAL
        elif channel.leg is not None or channel.local:
            cause = 0
        self._press_no_more(channel)
        self.end(channel, cause, tech_cause)

    def _say_quality(self, channel: Channel) -> None:
        """What RTP knows at the end: noise for most, and not there for whoever filters it."""
        if channel.call is not None and channel.state == "Up":
            for name in RTP_QUALITY:
                self.set_variable(channel, name, "")

    def hang_up(self, channel: Channel, cause: int) -> None:
        """By DELETE. The cause that was asked for comes back as if the network had set it."""
        if channel.hanging_up or channel.gone:
            return
        channel.hanging_up = True
        self._say_quality(channel)
        self._say(channel, hangup_requested(channel, SOFT_HANGUP_EXPLICIT, soft=True))
        self._clock.later(HANGUP_DELAY, lambda: self._explicitly_hung_up(channel, cause))

    def hang_up_by_console(self, channel: Channel) -> None:
        """``channel request hangup``: as our own DELETE, until its cause is seen."""
        self._say(channel, hangup_requested(channel, SOFT_HANGUP_EXPLICIT, soft=True))
        self.end(channel, NORMAL if channel.bridge is not None else channel.hangup_cause)

    def _explicitly_hung_up(self, channel: Channel, cause: int) -> None:
        if channel.dialling and not channel.gone:
            self._say(channel, dial_event(channel, dial_status(cause)))
        self.end(channel, cause, _sip_of(cause, channel))

    def end(self, channel: Channel, cause: int, tech_cause: int = 0) -> None:
        """Whatever ended it: out of the bridge, out of Stasis, gone. A channel ends once.

        Keys that are pressed from here hold up the rest of it where it was in a bridge.
        """
        if channel.gone or channel.ending:
            return
        channel.ending = True
        late = channel.pressing_until - self._clock.now()
        if late > 0 and channel.bridge is not None:
            self.leave_bridge(channel, hung_up=True)
            self._clock.later(late, partial(self._end, channel, cause, tech_cause))
        else:
            self._press_no_more(channel)
            self._end(channel, cause, tech_cause)

    def _end(self, channel: Channel, cause: int, tech_cause: int) -> None:
        if channel.gone:
            return
        channel.gone, channel.dialling = True, False
        if channel.absolute is not None:
            channel.absolute.cancel()
        self.leave_stasis(channel)
        if channel.leg is not None and self._wedged():
            # Its thread waits in ast_hangup for a lock that nobody gives back: no ChannelDestroyed, ever.
            return
        del self.channels[channel.id]
        for snoop in [other for other in self.channels.values() if other.snoop is not None and other.snoop.over]:
            self._clock.later(SNOOP_ENDS, partial(self.end, snoop, 0))
        if channel.leg is not None:
            channel.leg.ended(tech_cause or 1000)
        if channel.pbx is not None:
            self._say(channel, hangup_requested(channel, PBX_ENDS, channel.tech_cause, soft=True))
            channel.pbx.ended()
        if channel.call is not None:
            channel.call.ended(cause, tech_cause)
        self._say(channel, destroyed(channel, cause, tech_cause))
        self._stasis.forget(channel)

    # Bridges

    def create_bridge(self, bridge_id: str, bridge_type: str, name: str, *, native: bool) -> Bridge:
        bridge = Bridge(bridge_id, name, self._clock.timestamp(), bridge_type, native)
        self.bridges[bridge_id] = bridge
        self._stasis.publish(bridge, bridge_event("BridgeCreated", bridge))
        return bridge

    def destroy_bridge(self, bridge: Bridge) -> None:
        """Its channels stay in Stasis."""
        for channel in list(bridge.channels):
            self.leave_bridge(channel)
        del self.bridges[bridge.id]
        self._stasis.publish(bridge, bridge_event("BridgeDestroyed", bridge))
        self._stasis.forget(bridge)

    def enter_bridge(self, channel: Channel, bridge: Bridge) -> None:
        assert channel.app is not None
        self._advance()
        self.leave_bridge(channel)
        channel.bridge = bridge
        bridge.channels.append(channel)
        self._stasis.subscribe_bridge(channel.app, bridge)
        self._stasis.publish(bridge, bridge_event("ChannelEnteredBridge", bridge, channel))

    def leave_bridge(self, channel: Channel, *, hung_up: bool = False) -> None:
        """A hang-up in a bridge leaves the application subscribed to it: it will hear BridgeDestroyed."""
        bridge = channel.bridge
        if bridge is None or channel.app is None:
            return
        self._advance()
        channel.bridge = None
        bridge.channels.remove(channel)
        self._stasis.publish(bridge, bridge_event("ChannelLeftBridge", bridge, channel))
        if not hung_up:
            channel.hangup_cause = NORMAL
            self._stasis.unsubscribe_bridge(channel.app, bridge)
