"""Phones that are not ours: SIPp and baresip as processes, each for one call.

They are here so that our own agent and our Asterisk do not merely agree with each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import psutil

from otpvoice.testkit.ports import PortBlock
from otpvoice.testkit.programs import NotInstalled, find, unpacked
from tests.scenarios.phones import SOON

KEY_PAUSE: Final = 300
"""Milliseconds before each key; a recorded one of SIPp's lasts for 140 of them."""
SILENT: Final = 30
"""Seconds of silence that baresip has to say."""

_UAS_BEGINS = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="answers, keys, and waits for the end">
  <recv request="INVITE"/>
  <send><![CDATA[

    SIP/2.0 180 Ringing
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPp[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port]>
    Content-Length: 0

  ]]></send>
  <send retrans="500"><![CDATA[

    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:];tag=[pid]SIPp[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Contact: <sip:[local_ip]:[local_port]>
    Allow: INVITE, ACK, BYE, CANCEL, UPDATE
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=sipp 1 1 IN IP[local_ip_type] [local_ip]
    s=-
    c=IN IP[media_ip_type] [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 0 101
    a=rtpmap:0 PCMU/8000
    a=rtpmap:101 telephone-event/8000
    a=fmtp:101 0-15

  ]]></send>
  <recv request="ACK"/>
"""
_UAS_KEY = """  <pause milliseconds="{pause}"/>
  <nop><action><exec play_pcap_audio="{recording}"/></action></nop>
"""
_UAS_ENDS = """  <recv request="BYE"/>
  <send><![CDATA[

    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
</scenario>
"""

_BARESIP = """poll_method epoll
net_interface 127.0.0.1
sip_listen 127.0.0.1:{port}
rtp_ports {first}-{last}
audio_source aufile,{silence}
audio_player aubridge,nobody
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp account.so
module_app menu.so
snd_path {folder}
"""


def may_send_raw() -> bool:
    """SIPp sends recorded RTP through a raw socket."""
    with contextlib.suppress(PermissionError), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP):
        return True
    return False


class Program:
    """A phone in a process, at ``address``."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log

    @property
    def dial(self) -> str:
        """The dial string that reaches it."""
        return f"PJSIP/trunk/sip:{{number}}@127.0.0.1:{self.port}"

    async def ended(self, within: float = SOON) -> int:
        """Wait until the process has ended by itself; returns its exit code."""
        return await asyncio.to_thread(self.process.wait, within)


@asynccontextmanager
async def sipp(folder: Path, keys: str) -> AsyncIterator[Program]:
    """SIPp, answering one call and keying digits (RFC 2833, from its own recordings), one after the other.

    Of ``1023456789*#`` each at most once, in this order: the recordings keep their RTP timestamps, and an event that is
    older than the last one is a late packet to Asterisk.
    """
    assert keys == "".join(key for key in "1023456789*#" if key in keys)
    recordings = _data("sipp", "usr/share/sip-tester")
    text = _UAS_BEGINS
    for key in keys:
        name = {"#": "pound", "*": "star"}.get(key, key)
        # Not play_dtmf: that one sends payload type 96, whatever the SDP says.
        text += _UAS_KEY.format(recording=recordings / f"dtmf_2833_{name}.pcap", pause=KEY_PAUSE)
    scenario = folder / "uas.xml"
    scenario.write_text(text + _UAS_ENDS)
    ports = PortBlock.claim(20)
    command = [find("sipp"), "-sf", scenario, "-i", "127.0.0.1", "-p", ports.udp, "-mp", ports.media[0], "-m", 1]
    try:
        async with _running([*command, "-nostdin", "-timeout", "30s", "-trace_err"], folder, ports.udp) as program:
            yield program
    finally:
        ports.release()


@asynccontextmanager
async def baresip(folder: Path, number: str) -> AsyncIterator[Program]:
    """baresip, answering calls to ``number``; what it hears is in ``heard_by_baresip`` when it has ended."""
    ports = PortBlock.claim(20)
    silence = folder / "silence.wav"
    with wave.open(str(silence), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * SILENT))
    first, last = ports.media
    text = _BARESIP.format(
        port=ports.udp,
        first=first,
        last=last,
        silence=silence,
        modules=_data("baresip", "usr/lib/baresip/modules"),
        folder=folder,
    )
    (folder / "config").write_text(text)
    (folder / "accounts").write_text(f"<sip:{number}@127.0.0.1>;regint=0;answermode=auto;audio_codecs=PCMU/8000/1\n")
    (folder / "contacts").write_text("")
    try:
        async with _running([find("baresip"), "-f", folder], folder, ports.udp) as program:
            yield program
    finally:
        ports.release()


def heard_by_baresip(folder: Path) -> bytes:
    """Return what the decoder gave, as 16-bit linear PCM. Its header is written only at a quiet end, so: the rest."""
    (path,) = folder.glob("dump-*-dec.wav")
    return path.read_bytes()[44:]


def _data(package: str, path: str) -> Path:
    """Where a program's own files are: unpacked, or installed."""
    try:
        return unpacked(package) / path
    except NotInstalled:
        return Path("/") / path


@asynccontextmanager
async def _running(command: Sequence[object], folder: Path, port: int) -> AsyncIterator[Program]:
    log = folder / "program.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        async with asyncio.timeout(SOON):
            while not _listens(process, port):
                assert process.poll() is None, log.read_text(errors="replace")
                await asyncio.sleep(0.02)
        yield Program(process, port, log)
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return any(found.laddr.port == port for found in psutil.Process(process.pid).net_connections("udp4"))
    return False
