"""What ARI's channel requests do, and what they refuse with which words (res/ari/resource_channels.c)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.fakes.arguments import separate
from tests.fakes.causes import CAUSE_OF_REASON, NORMAL
from tests.fakes.channels import Channel, Json
from tests.fakes.dialstring import caller_id, dial_options, dialled
from tests.fakes.media_socket import FRAME_SIZES, MediaLeg
from tests.fakes.rest import AllocationFailed, AriError, Request, Rest
from tests.fakes.snooping import Snooping
from tests.fakes.variables import is_function, is_utf8, read

if TYPE_CHECKING:
    from tests.fakes.asterisk import FakeAsterisk

UNIQUE_ID_MAX: Final = 149
RING_TIMEOUT: Final = 30.0  # where the request names none; -1 is none
DTMF_TIME: Final = 100  # ms, of a key and behind it, where the request names none
INTERNAL_ERROR: Final = "An internal error prevented this request from being handled"


class Channels:
    def __init__(self, asterisk: FakeAsterisk, rest: Rest) -> None:
        self._asterisk = asterisk
        self._rest = rest

    def routes(self) -> list[web.RouteDef]:
        route = self._rest.route
        return [
            route("GET", "/ari/channels", "listChannels", self.list),
            route("POST", "/ari/channels", "originate", self.originate),
            route("POST", "/ari/channels/externalMedia", "externalMedia", self.external_media),
            route("POST", "/ari/channels/{id}", "originate", self.originate),
            route("GET", "/ari/channels/{id}", "getChannel", lambda request: self._find(request.id).json()),
            route("DELETE", "/ari/channels/{id}", "hangup", self.hang_up),
            route("GET", "/ari/channels/{id}/variable", "getVariable", self.get_variable),
            route("POST", "/ari/channels/{id}/variable", "setVariable", self.set_variable),
            route("GET", "/ari/channels/{id}/variables", "getVariables", self.get_variables),
            route("POST", "/ari/channels/{id}/variables", "setVariables", self.set_variables),
            route("POST", "/ari/channels/{id}/answer", "answer", self.answer),
            route("POST", "/ari/channels/{id}/dtmf", "sendDTMF", self.send_dtmf),
            route("POST", "/ari/channels/{id}/continue", "continue", self.continue_in_dialplan),
            route("POST", "/ari/channels/{id}/ring", "ring", self.ring),
            route("DELETE", "/ari/channels/{id}/ring", "ringStop", self.ring),
            route("GET", "/ari/channels/{id}/rtp_statistics", "rtpStatistics", self.rtp_statistics),
            route("POST", "/ari/channels/{id}/snoop/{snoop}", "snoop", self.snoop),
        ]

    def _find(self, channel_id: str) -> Channel:
        if channel_id not in self._asterisk.switch.channels:
            raise AriError(404, "Channel not found")
        return self._asterisk.switch.channels[channel_id]

    def _in_stasis(self, channel_id: str) -> Channel:
        channel = self._find(channel_id)
        if channel.app is None:
            raise AriError(409, "Channel not in Stasis application")
        return channel

    def _in_a_fit_state(self, channel_id: str) -> Channel:
        channel = self._in_stasis(channel_id)
        if channel.state in {"Down", "Ringing"}:
            raise AriError(412, "Channel in invalid state")
        return channel

    def list(self, request: Request) -> Any:
        return [channel.json() for channel in self._asterisk.switch.channels.values()]

    def originate(self, request: Request) -> Json:
        """The SIP channel is there and the answer given before anybody has been rung."""
        variables, reported = request.variables()
        channel_id = self._new_id(request)
        technology, _, device = request.text("endpoint").partition("/")
        if not technology:
            raise AriError(400, "Endpoint must be specified")
        if request.text("originator") and request.text("formats"):
            raise AriError(400, "Originator and formats can't both be specified")
        if not device:
            raise AriError(400, "Invalid endpoint specified")
        app = request.text("app")
        if not app:
            raise AriError(501 if request.text("extension") else 400, "Application or extension must be specified")
        endpoint, number = dialled(device)
        local = technology == "Local"
        if local:
            # Local/<extension>@<context>/<options>
            number = device.partition("@")[0]
        elif technology != "PJSIP" or endpoint not in self._asterisk.endpoints:
            raise AllocationFailed
        if channel_id in self._asterisk.switch.channels:
            raise AriError(409, "Channel with given unique ID already exists")

        name = f"Local/{device.partition('/')[0]}" if local else f"PJSIP/{endpoint}"
        channel = self._asterisk.new_channel(channel_id, name)
        channel.local, channel.dialstring, channel.protocol_id = local, device, "" if local else str(uuid.uuid4())
        channel.caller = channel.connected = caller_id(request.text("callerId"))
        answer = self._set_at_originate(channel, variables)
        self._asterisk.stasis.subscribe_channel(app, channel)
        timeout = request.number("timeout")
        self._asterisk.dial(
            channel,
            self._asterisk.callee(number),
            app=app,
            args=request.text("appArgs").split(",") if request.text("appArgs") else [],
            timeout=None if timeout < 0 else float(timeout or RING_TIMEOUT),
        )
        channel.reported = reported
        return answer

    def _new_id(self, request: Request) -> str:
        channel_id = request.id or request.text("channelId") or f"{self._asterisk.clock.now():.6f}"
        if len(channel_id) > UNIQUE_ID_MAX:
            raise AriError(400, f"Uniqueid length exceeds maximum of {UNIQUE_ID_MAX}")
        return channel_id

    def _set_at_originate(self, channel: Channel, variables: dict[str, str]) -> Json:
        # Before the application is subscribed: no ChannelVarset tells of these; and neither the answer nor the first
        # Dial has yet those that are to be reported.
        for name, value in variables.items():
            self._asterisk.switch.set_variable(channel, name, value)
        return channel.json()

    def external_media(self, request: Request) -> Json:
        """A media leg that waits for its WebSocket. What goes wrong inside is a 500, or the end of Asterisk."""
        variables, reported = request.variables()
        if not request.text("app"):
            raise AriError(400, "app cannot be empty")
        if request.text("transport") == "websocket" and request.text("encapsulation") != "none":
            raise AriError(400, "encapsulation must be 'none' for websocket transport")
        if request.text("connection_type") != "server":
            raise AriError(400, "external_host is required for all but websocket server connections")
        if request.text("transport") != "websocket":
            raise AriError(400, "'server' connection_type can only be used with the websocket transport")
        if not request.text("format"):
            raise AriError(400, "format cannot be empty")
        direction = request.text("direction")
        if direction not in {"", "both", "in", "out"}:
            raise AriError(400, "Invalid direction specified")
        options = dial_options(request.text("transport_data")) | ({"d": direction} if direction else {})
        if options.get("f", "json") not in {"json", "plain-text"}:
            # 22.10.1 dereferences NULL here.
            self._asterisk.crash()
            raise AriError(500, INTERNAL_ERROR)
        if options.get("f") != "json":
            raise AriError(501, "the fake speaks JSON on media sockets: f(json)")
        channel_id = self._new_id(request)
        codec = request.text("format")
        if codec not in FRAME_SIZES or options.get("d", "both") not in {"both", "in", "out"}:
            raise AriError(500, INTERNAL_ERROR)
        if channel_id in self._asterisk.switch.channels:
            # Here too: chan_websocket.c logs the name of a requestor that is not there.
            self._asterisk.crash()
            raise AriError(500, INTERNAL_ERROR)

        channel = self._asterisk.new_channel(channel_id, "WebSocket/INCOMING")
        channel.dialstring = f"INCOMING/{request.text('transport_data')}"
        answer = self._set_at_originate(channel, variables)
        leg = MediaLeg(self._asterisk, channel, codec, options)
        channel.variables |= leg.variables
        self._asterisk.stasis.subscribe_channel(request.text("app"), channel)
        data = request.text("data")
        self._asterisk.await_media(leg, app=request.text("app"), args=data.split(",") if data else [])
        channel.reported = reported
        return answer | {"channelvars": dict(channel.variables)}

    def hang_up(self, request: Request) -> None:
        channel = self._find(request.id)
        reason, code = request.text("reason"), request.text("reason_code")
        if reason and code:
            raise AriError(400, "The reason and reason_code can't both be specified")
        if code and not code.isdecimal():
            raise AriError(400, "Invalid reason for hangup reason code provided")
        if reason and reason not in CAUSE_OF_REASON:
            raise AriError(400, "Invalid reason for hangup reason provided")
        cause = int(code) if code else CAUSE_OF_REASON.get(reason, NORMAL)
        self._asterisk.switch.hang_up(channel, cause)

    def get_variable(self, request: Request) -> Json:
        name = request.text("variable")
        if not name:
            raise AriError(400, "Variable name is required")
        return {"value": self._read(self._readable(request.id), name)}

    def get_variables(self, request: Request) -> Json:
        """One that is missing is a 404 of all; a comma within a function's parentheses parts no names."""
        names = [name.strip() for name in separate(request.text("variables"))]
        if not (names and all(names)):
            raise AriError(400, "Variable names are required")
        channel = self._readable(request.id)
        return {"variables": {name: self._read(channel, name) for name in names}}

    def _readable(self, channel_id: str) -> Channel:
        """In Stasis or not."""
        if channel_id not in self._asterisk.switch.channels:
            raise AriError(404, "Provided channel was not found")
        return self._asterisk.switch.channels[channel_id]

    def _read(self, channel: Channel, name: str) -> str:
        value = read(channel, name, self._asterisk.clock.now())
        if value is None and is_function(name):
            raise AriError(500, "Unable to read provided function")
        if value is None:
            raise AriError(404, "Provided variable was not found")
        if not is_utf8(value):
            raise AllocationFailed
        return value

    def set_variable(self, request: Request) -> None:
        """204 also where no such function exists. A number in JSON is no value: the variable is unset."""
        name = request.text("variable")
        if not name:
            raise AriError(400, "Variable name is required")
        value = request.arguments.get("value")
        self._set(self._in_stasis(request.id), name, value if isinstance(value, str) else None)

    def set_variables(self, request: Request) -> None:
        if not isinstance(request.body, dict) or not isinstance(request.body.get("variables"), dict):
            raise AriError(400, "The 'variables' field must be a JSON object")
        values, reported = request.variables()
        if request.id not in self._asterisk.switch.channels:
            raise AriError(404, "Provided channel was not found")
        channel = self._in_stasis(request.id)
        channel.reported |= reported
        for name, value in values.items():
            self._set(channel, name, value)

    def _set(self, channel: Channel, name: str, value: str | None) -> None:
        switch = self._asterisk.switch
        (switch.set_function if is_function(name) else switch.set_variable)(channel, name, value)

    async def answer(self, request: Request) -> None:
        """Done by the channel's thread, and so not before the keys that it presses have sounded.

        Nobody answers a channel that was hung up meanwhile; of one that we ordered, nobody looks.
        """
        channel = self._in_a_fit_state(request.id)
        await self._asterisk.wait(lambda: channel.gone or not channel.pressing)
        if channel.pbx is not None and (channel.gone or channel.ending):
            raise AriError(500, "Failed to answer channel")
        if not channel.gone:
            self._asterisk.switch.answer(channel)

    def send_dtmf(self, request: Request) -> None:
        """204 before the first of them sounds."""
        channel = self._in_a_fit_state(request.id)
        keys = request.text("dtmf")
        if not keys:
            raise AriError(400, "DTMF is required")
        on, between = (request.number(name) or DTMF_TIME for name in ("duration", "between"))
        self._asterisk.switch.press(channel, keys, on / 1000, between / 1000)

    def ring(self, request: Request) -> None:
        self._in_a_fit_state(request.id)

    def continue_in_dialplan(self, request: Request) -> None:
        channel = self._in_a_fit_state(request.id)
        context, extension, priority = channel.context
        if request.text("context"):
            target = (request.text("context"), request.text("extension") or "s")
        else:
            target = (context, request.text("extension") or extension)
        moved = request.text("context") or request.text("extension")
        default = 1 if moved else priority + 1
        label = request.text("label")
        if label and not label.isdecimal():
            raise AriError(404, "Requested label can not be found")
        chosen = int(label) if label else request.number("priority", default)
        self._asterisk.switch.continue_in_dialplan(channel, *target, chosen)

    def snoop(self, request: Request) -> Json:
        """The answer comes before the snoop is in Stasis; an application that is not there is no reason to refuse."""
        spied = self._readable(request.id)
        spy, app = request.text("spy") or "none", request.text("app")
        if spy == "none":
            raise AriError(400, "Direction must be specified for at least spy or whisper")
        if spy not in {"in", "out"}:
            raise AriError(501, "the fake snoops in or out")
        if not app:
            raise AriError(400, "Application name is required")
        snoop_id = request.path.rpartition("/")[2]
        if snoop_id in self._asterisk.switch.channels:
            raise AriError(500, "Snoop channel could not be created")
        channel = self._asterisk.new_channel(snoop_id, f"Snoop/{spied.id}")
        channel.state, channel.application = "Up", ("", "")
        Snooping(channel, spied, "in" if spy == "in" else "out")
        switch = self._asterisk.switch

        def enter() -> None:
            if not channel.gone and not switch.enter_stasis(channel, app, request.words("appArgs")):
                switch.end(channel, 0)

        self._asterisk.clock.later(0.0, enter)
        return channel.json()

    def rtp_statistics(self, request: Request) -> Json:
        channel = self._find(request.id)
        if channel.call is None or channel.local:
            raise AriError(403, "Unsupported channel type")
        sent = len(channel.call.heard)
        return {
            "channel_uniqueid": channel.id,
            "local_ssrc": 1,
            "remote_ssrc": 2,
            "txcount": sent,
            "rxcount": sent,
            "txoctetcount": 160 * sent,
            "rxoctetcount": 160 * sent,
            "txploss": 0,
            "rxploss": 0,
            **dict.fromkeys(("txjitter", "rxjitter", "rtt", "maxrtt", "minrtt", "normdevrtt", "stdevrtt"), 0.0),
            "txmes": 0,
            "rxmes": 0,
        }
