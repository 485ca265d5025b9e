"""The first vocabulary, imperative: what a call can be asked to do.

Every front door (HTTP, dialplan, a vendor's dialect) is a spelling of these words; none of them adds its own.
Seconds everywhere. Defaults are those of the HTTP API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from otpvoice.core.digits import DigitRules
from otpvoice.core.secret import OtpCode, Secret


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a text, ``times`` times with ``gap`` seconds between the readings."""

    text: str = field(repr=False)  # people put codes into it
    language: str | None = None
    voice: str | None = None
    speed: float = 1.0
    times: int = 1
    gap: float = 1.0
    id: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """After its readings a code is offered again: ``key`` reads it once more, ``limit`` times at most."""

    key: str = "1"
    limit: int = 3


ANY_KEY: Final = "any"
RANDOM_KEY: Final = "random"


@dataclass(frozen=True, slots=True)
class Gate:
    """Nothing secret is spoken before a key is pressed: a voicemail presses none.

    ``key``: one of ``0-9*#``, ``ANY_KEY``, or ``RANDOM_KEY``: a digit that is drawn for the call and announced. The
    first key decides a try; ``timeout`` seconds from the end of the question without one end it. After ``tries`` the
    ``failure`` is spoken (empty: the language's own sentence), and the plan is over.
    """

    key: str = "1"
    tries: int = 2
    timeout: float = 8.0
    failure: tuple[Say | Play | Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class LanguageKey:
    """A key that has the code read in another language, before it is read or while it is."""

    key: str
    language: str


@dataclass(frozen=True, slots=True)
class SayCode:
    """Speak a code, character by character, so that it is understood.

    ``template`` holds ``{code}`` and may hold ``{brand}``; None: the language's own sentence. ``group`` characters are
    read together (0: no groups; None: as the language does) with ``gap`` seconds between characters and ``group_gap``
    between groups. Each reading after the first is slower by ``slow_down``. ``spelling``: letters are said with the
    language's spelling words, as in "B as in Bravo".
    """

    code: OtpCode
    template: str | None = None
    brand: str | None = None
    group: int | None = None
    gap: float = 0.35
    group_gap: float = 0.8
    speed: float = 0.9
    times: int = 2
    slow_down: float = 0.1
    language: str | None = None
    voice: str | None = None
    replay: Replay | None = None
    gate: Gate | None = None
    languages: tuple[LanguageKey, ...] = ()
    spelling: bool = False
    id: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait. The callee hears silence."""

    seconds: float
    id: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Play:
    """Play a recording ``times`` times: ``prompt`` of the prompts folder, by its name, or what lies at ``url``."""

    prompt: str | None = None
    times: int = 1
    url: str | None = field(default=None, repr=False)  # it may hold a token
    id: str | None = None
    tag: str | None = None


Prompt: TypeAlias = tuple[Say | SayCode | Play | Pause, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Collect keys: ask with ``prompt``, then say ``success`` or ``failure``; up to ``tries`` times.

    ``barge_in``: a key cuts the prompt. ``type_ahead``: ``keep`` counts keys that were pressed before the prompt was
    over or even begun, ``flush`` forgets them. ``sensitive``: the keys are told to the asker and kept nowhere.
    """

    rules: DigitRules
    prompt: Prompt = ()
    success: Prompt = ()
    failure: Prompt = ()
    tries: int = 1
    barge_in: bool = True
    type_ahead: str = "flush"
    sensitive: bool = True
    id: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Dial:
    """Call somebody else, and let the two talk; the plan goes on when that second leg ends.

    ``to`` and ``caller_id`` as in a plan; ``caller_id`` None: the plan's own. ``ring_timeout`` in seconds. ``digits``:
    keys as in ``SendDigits``, pressed on the second leg when it was answered, before the two hear each other: an
    extension, the number of a conference. ``max_duration``: seconds that the two may talk, then the second leg is hung
    up; None: as long as the call may last.
    """

    to: str
    caller_id: str | None = None
    ring_timeout: float = 45.0
    digits: str = field(default="", repr=False)  # some are codes
    max_duration: float | None = None
    id: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Press keys ourselves: ``0-9A-D*#``, and ``w`` waits for half a second (Asterisk's ``main/app.c``)."""

    digits: str = field(repr=False)  # people have PINs
    id: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """A name and a password (RFC 7617)."""

    username: str = field(repr=False)  # some put the key here
    password: Secret


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """A token (RFC 6750)."""

    token: Secret


@dataclass(frozen=True, slots=True)
class SignatureAuth:
    """A secret that signs the moment and the URL of each handshake."""

    secret: Secret


StreamAuth: TypeAlias = BasicAuth | BearerAuth | SignatureAuth


@dataclass(frozen=True, slots=True)
class Stream:
    """Send the call's audio to a WebSocket, in a format that is spoken there.

    ``mode``: ``listen`` runs beside the plan until it is stopped or the call ends; ``talk`` lets the other side have
    the callee, both ways, until its socket ends. ``tracks``: ``inbound`` from the phone, ``outbound`` to it, ``second``
    from the other leg; where a channel or a trunk is tapped ``near`` is what the channel says and ``far`` what it
    hears. ``sample_rate`` in Hz, None: the format's own. ``trusted``: the URL is the administrator's.
    """

    url: str = field(repr=False)  # it may hold a token
    format: str
    name: str = "stream"
    mode: str = "listen"
    tracks: tuple[str, ...] = ("inbound",)
    sample_rate: int | None = None
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: StreamAuth | None = None
    trusted: bool = False
    id: str | None = None
    tag: str | None = None

    @property
    def talks(self) -> bool:
        """Does the other side have the callee?"""
        return self.mode == "talk"


@dataclass(frozen=True, slots=True)
class StopStream:
    """End the stream of this name."""

    name: str = "stream"
    id: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call here, whatever was to follow it."""

    id: str | None = None
    tag: str | None = None


Action: TypeAlias = Say | SayCode | Play | Gather | Pause | SendDigits | Dial | Stream | StopStream | Hangup
