"""``python -m tests.docs.stream_transcripts``: real calls are streamed, and what was said is written into the pages.

A real Asterisk, a telephone that is called, and another side that writes down what it hears and says. Nothing outside
of the markers is changed. Sound is shortened, and shown once for each track; all else is as it was.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeAlias

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from otpvoice.media import g711
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.words import AudioTold, DigitTold, Listener, MarkTold, Told
from otpvoice.media.tone import tone
from otpvoice.testkit.callee import IncomingCall, Scenario
from tests.dialplan.house import SOON, House, open_house, serving

DOCS: Final = Path(__file__).parents[2] / "docs"
FIRST, SECOND, SUNK = "+12025550123", "+12025550188", "+12025550142"
FROM_US, TO_US = ">", "<"
_LONGEST_SOUND: Final = 24
"""Characters of base64 that are shown."""
VOLATILE: Final = frozenset(
    {"streamSid", "stream_sid", "callSid", "call_sid", "sequenceNumber", "sequence_number", "chunk", "timestamp",
     "payload", "stream_id", "call_id", "stream_sequence_number", "track_sequence_number", "start_time", "end_time",
     "duration"}
)  # fmt: skip
"""What is another one in each session."""

Bot: TypeAlias = Callable[["Session", Told], AsyncIterator[str]]


@dataclass(slots=True)
class Session:
    """What was said on one connection, in order: who, and the message."""

    listener: Listener
    said: list[tuple[str, str]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, connection: ServerConnection, bot: Bot | None) -> None:
        """Write down what is said, and say what the bot wants to."""
        with suppress(ConnectionClosed):
            async for text in connection:
                assert isinstance(text, str)
                self.said.append((FROM_US, text))
                for told in self.listener.hear(text):
                    self.told.append(told)
                    if bot is None:
                        continue
                    async for answer in bot(self, told):
                        self.said.append((TO_US, answer))
                        await connection.send(answer)
                self._news.set()
        self.over.set()
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def count(self, kind: type[Any]) -> int:
        return sum(isinstance(one, kind) for one in self.told)


async def menu(session: Session, told: Told) -> AsyncIterator[str]:
    """Greets who is there, and answers a key: once what was said was played, and until it is cut."""
    listener = session.listener
    match told:
        case AudioTold() if session.count(AudioTold) == 1:
            for text in (*listener.say(_sound(session, 0.3)), *listener.mark("greeting")):
                yield text
        case DigitTold():
            for text in (*listener.say(_sound(session, 3.0)), *listener.mark("answer"), *listener.clear()):
                yield text


def _sound(session: Session, seconds: float) -> bytes:
    pcm = tone((440,), seconds)
    return g711.ulaw_encode(pcm) if "mulaw" in _encoding(session) else pcm


def _encoding(session: Session) -> str:
    return str(getattr(session.told[0], "encoding", ""))


@asynccontextmanager
async def other_side(format_: str, bot: Bot | None = None) -> AsyncIterator[tuple[str, Session]]:
    """Listen for one stream. Yields its URL, and what is said."""
    session = Session(FORMATS[format_].listener())
    async with serve(lambda connection: session.run(connection, bot), "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/", session


# --- the calls --------------------------------------------------------------------------------------------------------


async def place(house: House, to: str, *actions: Mapping[str, Any]) -> IncomingCall:
    """Have somebody called; return the call at the telephone, answered."""
    house.scenarios[to.removeprefix("+")] = Scenario.answers()
    status, body = await house.ask("POST", "/v1/calls", {"to": to, "actions": list(actions)})
    assert status == 202, body
    phone = await house.callee(to.removeprefix("+"))
    await phone.answered(within=SOON)
    return phone


async def talk(house: House, format_: str, to: str) -> Session:
    """A bot and a callee: sound, a mark that comes back, a key, a clear; and the callee hangs up."""
    async with other_side(format_, menu) as (url, session):
        stream = {"type": "stream", "mode": "talk", "format": format_, "url": url, "parameters": {"campaign": "7"}}
        phone = await place(house, to, stream)
        await session.until(lambda: session.count(MarkTold) == 1)
        await phone.press("1")
        await session.until(lambda: session.count(DigitTold) == 1)
        if FORMATS[format_].clear_returns_marks:
            await session.until(lambda: session.count(MarkTold) == 2)
        # What was said behind the clear, in any order, is behind us.
        heard = session.count(AudioTold)
        await session.until(lambda: session.count(AudioTold) > heard + 2)
        await phone.hang_up()
        await session.until(session.over.is_set)
    return session


async def listen(house: House, format_: str, to: str, second: str) -> Session:
    """Two parties, and somebody who listens to both."""
    async with other_side(format_) as (url, session):
        stream = {
            "type": "stream",
            "name": "stream1",
            "format": format_,
            "url": url,
            "tracks": ["inbound", "second"],
            "parameters": {"campaign": "7"},
        }
        house.scenarios[second.removeprefix("+")] = Scenario.answers()
        stop = {"type": "stop_stream", "name": "stream1"}
        first = await place(house, to, stream, {"type": "dial", "to": second}, stop)
        other = await house.callee(second.removeprefix("+"))
        await other.answered(within=SOON)
        await asyncio.gather(first.play_tone(440, 0.5), other.play_tone(550, 0.5))
        await other.hang_up()
        await session.until(session.over.is_set)
        await first.ended(within=SOON)
    return session


async def sunk(house: House, folder: Path, to: str) -> str:
    """The call of streams.md, and what ``stream-sink`` says of it."""
    sink = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "otpvoice", "stream-sink", "--bind", "127.0.0.1:0", "--dir", str(folder),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert sink.stdout is not None
    text = ""
    try:
        async with asyncio.timeout(SOON):
            text = (await sink.stdout.readline()).decode()
        (url,) = re.findall(r"ws://\S+/", text)
        actions = (
            {"type": "stream", "url": f"{url}calls", "tracks": ["inbound", "outbound"]},
            {"type": "say", "text": "This call is streamed."},
            {"type": "pause", "seconds": 1},
        )
        phone = await place(house, to, *actions)
        await phone.ended(within=SOON)
        async with asyncio.timeout(SOON):
            while " = closed " not in text:
                text += (await sink.stdout.readline()).decode()
    finally:
        sink.send_signal(2)
        rest, _ = await sink.communicate()
    text += rest.decode()
    # Ports and folders of this run, as the page has them.
    (port,) = re.findall(r":(\d+)/,", text.splitlines()[0])
    text = re.sub(r"from 127\.0\.0\.1:\d+", "from 127.0.0.1:51234", text)
    return text.replace(f":{port}/", ":8765/").replace(str(folder), "streams")


@dataclass(frozen=True, slots=True)
class Recorded:
    """By format, what was said; and what the sink printed."""

    sessions: Mapping[str, Sequence[tuple[str, str]]]
    sink: str


async def record(folder: Path) -> Recorded:
    """Place all of the calls, side by side."""
    settings = {"allow_destinations": "+1202", "caller_ids": "+12025550199", "url_allow": "127.0.0.1"}
    async with open_house(folder, service=False) as house, serving(house, folder / "service", **settings):
        return await _recorded(house, folder)


async def _recorded(house: House, folder: Path) -> Recorded:
    async with asyncio.TaskGroup() as group:
        twilio = group.create_task(talk(house, "twilio", "+12025550101"))
        exotel = group.create_task(talk(house, "exotel", "+12025550102"))
        voxology = group.create_task(listen(house, "voxology", FIRST, SECOND))
        sink = group.create_task(sunk(house, folder / "sink", SUNK))
    said = {"twilio": twilio.result().said, "exotel": exotel.result().said, "voxology": voxology.result().said}
    return Recorded(said, sink.result())


# --- the pages --------------------------------------------------------------------------------------------------------


def transcript(said: Sequence[tuple[str, str]]) -> str:
    """Return a session as a page shows it: sound in one message of each side's tracks, the rest is an ellipsis."""
    lines: list[str] = []
    shown: set[object] = set()
    for who, text in said:
        message = json.loads(text)
        track = _track(message)
        if track is None:
            lines.append(f"{who} {text}")
        elif (who, track) not in shown:
            shown.add((who, track))
            lines.append(f"{who} {_short(text)}")
        elif not lines[-1].endswith("…"):
            lines.append(f"{who} …")
        elif not lines[-1].startswith(who):
            lines[-1] = f"{FROM_US}{TO_US} …"
    return "\n".join(lines) + "\n"


def structure(text: str) -> list[tuple[str, Any]]:
    """Return a transcript's messages, without what is another one each time and without how long the sound was."""
    found = [line.partition(" ") for line in text.splitlines() if not line.endswith(" …")]
    messages = [(who, _steady(json.loads(message.replace("…", "")))) for who, _, message in found]
    # Which of two tracks comes first is chance.
    runs = [list(run) for _, run in groupby(messages, key=lambda one: (one[0], _track(one[1]) is None))]
    return [one for run in runs for one in (run if _track(run[0][1]) is None else sorted(run, key=repr))]


def lines_of_sink(text: str) -> list[str]:
    """Return what a sink printed, without times and lengths; seconds of sound count as one."""
    found: list[str] = []
    for line in text.splitlines():
        steady = re.sub(r"\d+\.\d+|\d+ messages?|\d{8}T\d{6}Z|-?\d+ dBFS|[0-9a-f]{32}|\"\d+\"|\d{4,}", "#", line)
        if steady not in found or "♪" not in steady:
            found.append(re.sub(r" in #.*", " in #", steady) if "♪" in steady else steady)
    return list(dict.fromkeys(found))


def _track(message: Mapping[str, Any]) -> str | None:
    """Return the track whose sound a message is; None: it is no sound."""
    if message.get("type") == "live_track":
        return str(message["name"])
    if message.get("event") == "media":
        return str(message["media"].get("track", ""))
    return None


def _short(text: str) -> str:
    return re.sub(rf'("(?:payload|media)":"[^"]{{{_LONGEST_SOUND}}})[^"]+"', r'\1…"', text)


def _steady(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "~" if key in VOLATILE or (key == "media" and isinstance(inner, str)) else _steady(inner)
            for key, inner in value.items()
        }
    return [_steady(inner) for inner in value] if isinstance(value, list) else value


def put(page: str, name: str, text: str) -> str:
    """Return a page with this between its markers. Raises ``ValueError`` where they are missing."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, rest = page.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n```text\n{text}```\n\n{end}{after}"


def shown(page: str, name: str) -> str:
    """Return what a page has between its markers."""
    (found,) = re.findall(rf"<!-- {name}: begin -->\n\n```text\n(.*?)```\n\n<!-- {name}: end -->", page, re.DOTALL)
    return str(found)


def pages(recorded: Recorded) -> Iterator[tuple[Path, str]]:
    """Yield each page as it is to be."""
    for name, said in recorded.sessions.items():
        path = DOCS / "streams" / f"{name}.md"
        yield path, put(path.read_text(), "transcript", transcript(said))
    path = DOCS / "streams.md"
    yield path, put(path.read_text(), "sink", recorded.sink)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        for where, written in pages(asyncio.run(record(Path(made)))):
            where.write_text(written)
