"""Customers' ends as people write them from the vendors' pages: the standard library, and nothing of ours.

(pipecat's serializers of Twilio and Exotel would be such peers, and understand us; they bring half a gigabyte along.)
"""

from __future__ import annotations

import base64
import json
import struct
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any


def ulaw_sample(code: int) -> int:
    """G.711 as in many a C program: a bias of 132, shifted by the segment."""
    code = ~code & 0xFF
    magnitude = ((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)
    return 0x84 - magnitude if code & 0x80 else magnitude - 0x84


def alaw_sample(code: int) -> int:
    """G.711, the European law."""
    code ^= 0x55
    magnitude, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    magnitude = magnitude + 8 if segment == 0 else magnitude + 0x108 << segment - 1
    return magnitude if code & 0x80 else -magnitude


@dataclass(slots=True)
class Peer:
    """What a customer has of a stream: its facts, the sound of each track, keys, marks, and how it ended."""

    known: dict[str, Any] = field(default_factory=dict)
    samples: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    last: int = 0
    keys: str = ""
    marks: list[str] = field(default_factory=list)
    ended: str | None = None


class TwilioPeer(Peer):
    """As Twilio's page "WebSocket Messages" has it."""

    def receive(self, text: str) -> None:
        message = json.loads(text)
        if message["event"] == "connected":
            assert (message["protocol"], message["version"]) == ("Call", "1.0.0")
            return
        assert int(message["sequenceNumber"]) == self.last + 1
        self.last += 1
        match message["event"]:
            case "start":
                self.known = message["start"]
                assert self.known["mediaFormat"] == {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
                assert message["streamSid"] == self.known["streamSid"]
            case "media":
                sound = self.samples[message["media"]["track"]]
                assert int(message["media"]["timestamp"]) == len(sound) // 8
                assert int(message["media"]["chunk"]) == len(sound) // 160 + 1
                sound += map(ulaw_sample, base64.b64decode(message["media"]["payload"]))
            case "dtmf":
                self.keys += message["dtmf"]["digit"]
            case "mark":
                self.marks.append(message["mark"]["name"])
            case "stop":
                assert message["stop"] == {name: self.known[name] for name in ("accountSid", "callSid")}
                self.ended = "stop"

    def send(self, event: str, content: object = None) -> str:
        return json.dumps({"event": event, "streamSid": self.known["streamSid"], event: content})


class ExotelPeer(Peer):
    """As Exotel's page "WebSocket protocol" has it."""

    def receive(self, text: str) -> None:
        message = json.loads(text)
        if message["event"] == "connected":
            return
        assert int(message["sequence_number"]) == self.last + 1
        self.last += 1
        match message["event"]:
            case "start":
                self.known = message["start"]
                assert message["stream_sid"] == self.known["stream_sid"]
            case "media":
                pcm = base64.b64decode(message["media"]["payload"])
                assert len(pcm) % 320 == 0
                sound = self.samples[message["media"].get("track", "inbound")]
                assert int(message["media"]["timestamp"]) == 1000 * len(sound) // self.rate
                sound += struct.unpack(f"<{len(pcm) // 2}h", pcm)
            case "dtmf":
                self.keys += message["dtmf"]["digit"]
                assert int(message["dtmf"]["duration"]) > 0
            case "mark":
                self.marks.append(message["mark"]["name"])
            case "stop":
                self.ended = message["stop"]["reason"]

    @property
    def rate(self) -> int:
        return int(self.known["media_format"]["sample_rate"])

    def send(self, event: str, content: object = None) -> str:
        return json.dumps({"event": event, "stream_sid": self.known["stream_sid"], event: content})


class VoxologyPeer(Peer):
    """As Voxology's example has it: a call recording service."""

    def receive(self, text: str) -> None:
        message = json.loads(text)
        assert message["stream_sequence_number"] == self.last + 1
        self.last += 1
        assert self.known.setdefault("stream_id", message["stream_id"]) == message["stream_id"]
        match message["type"]:
            case "init_stream":
                self.known |= message
            case "start_track":
                assert message["media_format"]["encoding"] == "ulaw"
                self.samples[message["name"]] = []
            case "live_track":
                self.samples[message["name"]] += map(ulaw_sample, base64.b64decode(message["media"]))
            case "stop_track":
                assert message["duration"] == len(self.samples[message["name"]]) // 8
            case "end_stream":
                assert [track["name"] for track in message["tracks"]] == list(self.samples)
                self.ended = message["error"] or "end"
