"""What an answer to an event says is to be done next: exactly one action ("Voice - Actions").

It decides nothing of what may be reached, shown or spoken: that is the account's, and asked for through what it offers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter

from otpvoice.core.actions import Action, Dial, Hangup, Play, Say, SendDigits
from otpvoice.core.e164 import is_e164, is_extension
from otpvoice.core.plan import CallPlan
from otpvoice.dialects import fields
from otpvoice.dialects.context import Context
from otpvoice.dialects.jsonrpc import events
from otpvoice.dialects.jsonrpc.collecting import collecting
from otpvoice.dialects.jsonrpc.envelope import read_body, read_envelope
from otpvoice.dialects.jsonrpc.legs import caller_id, destination, duration, keys_to_send
from otpvoice.dialects.jsonrpc.lenient import Given, Wrong, checked
from otpvoice.dialects.numbers import owned, plain
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import Fault, Problem, ProblemFound, json_path
from otpvoice.dialects.reader import without_mark
from otpvoice.dialects.speakable import unspeakable
from otpvoice.dialects.voice_names import Casting

METHODS: Final = ("play", "play_multiple", "speak", "send_dtmf", "dial", "hangup")
MOST_FILES: Final = 20
"""Recordings of one ``play_multiple``."""

_TEXT: Final = TypeAdapter[str](fields.Text)
_LANGUAGE: Final = TypeAdapter[str](fields.Language)
_VOICE: Final = TypeAdapter[str](fields.VoiceName)
_URL: Final = TypeAdapter[str](fields.Url)

_MAY_DIAL: Final = frozenset({events.INCOMING_CALL, events.DIAL_COMPLETED, events.CALL_LEG_COMPLETED})
_MAY_DIAL_INBOUND: Final = _MAY_DIAL | {events.PLAY_COMPLETED, events.SPEAK_COMPLETED}
"""A menu asks first whom the caller wants, as in the vendor's own demo ("voice_server_demo")."""


def actions_of(body: bytes, asked: str, plan: CallPlan, defaults: CallDefaults, now: float) -> tuple[Action, ...]:
    """Return what an answer to the event ``asked`` of a call of this plan says; nothing: no more.

    Raises ``ProblemFound``.
    """
    if not without_mark(body).strip():
        return ()
    document = _only(read_body(body))
    answer = _Answer(asked, plan, Context(defaults, now))
    try:
        envelope = read_envelope(document if document is not None else {})
        if envelope.bare:
            return ()
        actions = answer.actions(envelope.method, envelope.params)
    except Wrong as wrong:
        raise ProblemFound(_fault(wrong.problem), [wrong.problem]) from None
    if problems := list(answer.mute(actions)):
        raise ProblemFound(Fault.INVALID, problems)
    return actions


def _only(document: Any) -> Any:
    """Return what is in a list of one, which is how some frameworks write an answer."""
    if isinstance(document, list):
        if len(document) > 1:
            problem = Problem("$", "length", "must be one action: what follows is asked for when it is done")
            raise ProblemFound(Fault.INVALID, [problem])
        return document[0] if document else None
    return document


def _fault(problem: Problem) -> Fault:
    refused = problem.code == Fault.DESTINATION_NOT_ALLOWED.value
    return Fault.DESTINATION_NOT_ALLOWED if refused else Fault.INVALID


@dataclass(frozen=True, slots=True)
class _Answer:
    """Reads one answer to the event ``asked``."""

    asked: str
    plan: CallPlan
    context: Context

    def actions(self, method: str | None, params: Given) -> tuple[Action, ...]:
        """Return what this method with these parameters is. Raises ``Wrong``."""
        match method:
            case None | "":
                raise Wrong("$.method", "required", "is required")
            case "play":
                return self._play(params)
            case "play_multiple":
                return self._play_multiple(params)
            case "speak":
                return self._speak(params)
            case "send_dtmf":
                return self._send_dtmf(params)
            case "dial":
                return self._dial(params)
            case "hangup":
                return (Hangup(id=events.HANGUP),)
        raise Wrong("$.method", "choice", f"must be one of {', '.join(METHODS)}")

    def mute(self, actions: tuple[Action, ...]) -> Iterator[Problem]:
        """Return what no voice speaks."""
        asked = replace(self.plan, to=None, actions=actions, webhook=None)
        for problem in unspeakable(asked, self.context.defaults):
            path = problem.path if problem.path in {"$.language", "$.voice"} else "$.params.tts"
            yield replace(problem, path=path)

    # --- the methods ------------------------------------------------------------------------------------------------

    def _play(self, params: Given) -> tuple[Action, ...]:
        url = (params.text("url") or "").strip()
        if not url:
            raise Wrong(params.path("url"), "required", "is required")
        return self._played(params, [(params.path("url"), url)])

    def _play_multiple(self, params: Given) -> tuple[Action, ...]:
        # The vendor's pages say "a list of URLs"; both names are taken.
        name = "urls" if params.values.get("urls") is not None else "url"
        urls = params.values.get(name)
        if not isinstance(urls, list):
            raise Wrong(params.path("urls"), "type", "must be a list")
        if not 1 <= len(urls) <= MOST_FILES:
            raise Wrong(params.path(name), "length", f"must have 1 to {MOST_FILES} entries")
        places = [json_path((*params.steps, name, index)) for index in range(len(urls))]
        for place, url in zip(places, urls, strict=True):
            if not isinstance(url, str):
                raise Wrong(place, "type", "must be a string")
        return self._played(params, [(place, url.strip()) for place, url in zip(places, urls, strict=True)])

    def _played(self, params: Given, urls: list[tuple[str, str]]) -> tuple[Action, ...]:
        files = tuple(Play(url=checked(_URL, url, path, self.context), id=events.PLAY) for path, url in urls)
        gather = collecting(params, files, events.PLAY, self.context.defaults.keying)
        return files if gather is None else (gather,)

    def _speak(self, params: Given) -> tuple[Action, ...]:
        tts = params.inner("tts")
        if tts is None:
            raise Wrong(params.path("tts"), "required", "is required")
        message = tts.text("message")
        if message is None:
            raise Wrong(tts.path("message"), "required", "is required")
        defaults, context = self.context.defaults, self.context
        language, voice = (tts.text("language") or "").strip().replace("_", "-"), (tts.text("voice") or "").strip()
        asked = Casting(defaults, self.plan.language).understood(
            checked(_VOICE, voice, tts.path("voice"), context) if voice else None,
            checked(_LANGUAGE, language, tts.path("language"), context) if language else None,
        )
        text = checked(_TEXT, message, tts.path("message"), context)
        said = Say(text, language=asked.language, voice=asked.voice, id=events.SPEAK)
        gather = collecting(params, (said,), events.SPEAK, defaults.keying)
        return (said if gather is None else gather,)

    def _send_dtmf(self, params: Given) -> tuple[Action, ...]:
        # "Voice - Actions" has the keys of ``dial`` as ``send_dtmf``; those of this action are taken by either name.
        for name in ("send_dtmf", "digits"):
            if (keys := keys_to_send(params, name, self.context)) is not None:
                return (SendDigits(keys, id=events.SEND_DTMF),)
        raise Wrong(params.path("send_dtmf"), "required", "is required")

    def _dial(self, params: Given) -> tuple[Action, ...]:
        if self.asked not in (_MAY_DIAL_INBOUND if self.plan.inbound else _MAY_DIAL):
            raise Wrong("$.method", "unsupported_state", f"dial is no answer to {self.asked}")
        defaults = self.context.defaults
        trunk = defaults.trunks.get(self.plan.trunk) or next(iter(defaults.trunks.values()))
        to = destination(params, defaults)
        dialled = Dial(
            to,
            self._shown(params, trunk),
            trunk.ring_timeout,
            max_duration=duration(params),
            digits=keys_to_send(params, "send_dtmf", self.context) or "",
            id=events.DIAL,
        )
        if (why := defaults.destinations.refusal(to) if to.startswith("+") else None) is not None:
            raise Wrong(params.path("to"), Fault.DESTINATION_NOT_ALLOWED.value, why)
        return (dialled,)

    def _shown(self, params: Given, trunk: TrunkOffer) -> str | None:
        """Return what a second leg shows: what may be shown on the call's trunk, or the caller's own number."""
        given, caller = caller_id(params), self.plan.caller_id
        if given is None:
            return self.plan.shown
        if (shown := owned(given, trunk)) is not None:
            return shown
        if self.plan.inbound and caller is not None and plain(caller) == plain(given):
            if is_e164(f"+{plain(given)}"):
                return f"+{plain(given)}"
            if is_extension(caller):
                return caller
        path, message = params.path("caller_id_number"), "must be one of the account's caller IDs"
        raise Wrong(path, "caller_id_not_allowed", f"{message}, or the caller's own number")
