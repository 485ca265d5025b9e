"""Channels and bridges as ARI shows them. Data and JSON; what happens to them is ``switch.py``'s."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.fakes.causes import cause_text

if TYPE_CHECKING:
    from tests.fakes.call import Call
    from tests.fakes.dialplan import Pbx
    from tests.fakes.media_socket import MediaLeg
    from tests.fakes.snooping import Snooping

Json = dict[str, Any]
REPLIED: Final = "HANGUPCAUSE_KEYS()"


@dataclass(slots=True, eq=False)
class Channel:
    """``state`` is Down, Ring, Ringing or Up; ``app`` the application whose Stasis holds it, if one does.

    ``local``: the ``;1`` half of a Local channel, which knows no SIP; the other half is not told of.
    ``hangup_cause`` is what it would end with: 16 once it has left a bridge alive. ``pbx``: of a call that came in.
    ``keys``: those that are pressed from here, the last of them by ``pressing_until``; ``pressing``: in so many
    commands that are under way.
    """

    id: str
    name: str
    created: str
    dialstring: str = ""
    state: str = "Down"
    protocol_id: str = ""
    caller: tuple[str, str] = ("", "")
    connected: tuple[str, str] = ("", "")
    variables: dict[str, str] = field(default_factory=dict)
    reported: set[str] = field(default_factory=set)
    application: tuple[str, str] = ("AppDial2", "(Outgoing Line)")
    context: tuple[str, str, int] = ("default", "s", 1)
    app: str | None = None
    bridge: Bridge | None = None
    dialling: bool = False
    local: bool = False
    replied: bool = False
    hanging_up: bool = False
    ending: bool = False
    gone: bool = False
    keys: list[asyncio.TimerHandle] = field(default_factory=list)
    pressing: int = 0
    pressing_until: float = 0.0
    absolute: asyncio.TimerHandle | None = None
    absolute_at: float | None = None
    hangup_cause: int = 0
    tech_cause: int = 0
    language: str = "en"
    headers: list[tuple[str, str]] = field(default_factory=list)
    pbx: Pbx | None = None
    call: Call | None = None
    leg: MediaLeg | None = None
    snoop: Snooping | None = None

    def json(self) -> Json:
        context, extension, priority = self.context
        shown = {name: self.variables[name] for name in sorted(self.reported) if name in self.variables}
        # ``channelvars`` of ari.conf: the channel's name once any SIP response came (func_hangupcause.c).
        shown |= {REPLIED: self.name if self.replied else ""}
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "protocol_id": self.protocol_id,
            "caller": {"name": self.caller[0], "number": self.caller[1]},
            "connected": {"name": self.connected[0], "number": self.connected[1]},
            "accountcode": "",
            "dialplan": {
                "context": context,
                "exten": extension,
                "priority": priority,
                "app_name": self.application[0],
                "app_data": self.application[1],
            },
            "creationtime": self.created,
            "language": self.language,
            "channelvars": shown,
        }


@dataclass(slots=True, eq=False)
class Bridge:
    id: str
    name: str
    created: str
    bridge_type: str = "mixing"
    native: bool = False
    channels: list[Channel] = field(default_factory=list)

    @property
    def calls(self) -> list[Call]:
        return [channel.call for channel in self.channels if channel.call is not None]

    @property
    def legs(self) -> list[MediaLeg]:
        return [channel.leg for channel in self.channels if channel.leg is not None]

    @property
    def technology(self) -> str:
        """Two SIP channels may be joined in RTP itself (bridge_native_rtp.c); the core then sees none of their keys."""
        if self.bridge_type != "mixing":
            return "holding_bridge"
        sip = [channel for channel in self.channels if channel.call is not None and not channel.local]
        if self.native and len(sip) == len(self.channels) == 2:
            return "native_rtp"
        return "simple_bridge" if len(self.channels) <= 2 else "softmix"

    def json(self) -> Json:
        return {
            "id": self.id,
            "technology": self.technology,
            "bridge_type": self.bridge_type,
            "bridge_class": "stasis",
            "creator": "Stasis",
            "name": self.name,
            "channels": [channel.id for channel in self.channels],
            "creationtime": self.created,
            "video_mode": "talker",
        }


def channel_event(kind: str, channel: Channel, **fields: object) -> Json:
    return {"type": kind, **fields, "channel": channel.json()}


def bridge_event(kind: str, bridge: Bridge, channel: Channel | None = None) -> Json:
    said = {"channel": channel.json()} if channel is not None else {}
    return {"type": kind, "bridge": bridge.json(), **said}


def dial_event(channel: Channel, status: str, *, forward: str = "") -> Json:
    return {
        "type": "Dial",
        "dialstatus": status,
        "forward": forward,
        "dialstring": "" if forward else channel.dialstring,
        "peer": channel.json(),
    }


def hangup_requested(channel: Channel, cause: int, tech_cause: int = 0, *, soft: bool = False) -> Json:
    """Nought is left out, as ``ast_queue_hangup`` does."""
    said: Json = {"cause": cause} if cause else {}
    said |= {"soft": True} if soft else {}
    said |= {"tech_cause": tech_cause} if tech_cause else {}
    return channel_event("ChannelHangupRequest", channel, **said)


def destroyed(channel: Channel, cause: int, tech_cause: int = 0) -> Json:
    said = {"tech_cause": tech_cause} if tech_cause else {}
    return channel_event("ChannelDestroyed", channel, cause=cause, cause_txt=cause_text(cause), **said)
