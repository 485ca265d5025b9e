"""The life of a call as lines that can be read aloud: a stable name for each thing that happens.

Never which key was pressed, never what was spoken. Names and fields are an interface: others read these lines.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, assert_never

import structlog

from otpvoice.core.events import (
    ActionCompleted,
    ActionFailed,
    Asked,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallReleased,
    CallResumed,
    CharacterPlayed,
    CodeDelivered,
    CodeReplayed,
    DigitReceived,
    DigitsCollected,
    DigitsNotSent,
    DigitsSent,
    Event,
    Flooded,
    HangupAsked,
    Instructed,
    KeyPressed,
    MediaLost,
    MediaUnavailable,
    NotInstructed,
    OfSecond,
    OnSecond,
    OriginateAccepted,
    PartiesConnected,
    PartiesParted,
    PiecePlayed,
    QualitySampled,
    SecondEnded,
    SpeakingFailed,
    SpeakingFinished,
    SpeakingStarted,
    StreamEnded,
    StreamStarted,
    TrackSilent,
)
from otpvoice.core.instants import span_ms
from otpvoice.core.legs import outcome_json
from otpvoice.core.record import CallRecord

log = structlog.get_logger(__name__)

_Told: TypeAlias = tuple[str, dict[str, Any]]


def transcript(record: CallRecord, event: Event) -> None:
    """Log what happened to a call: INFO for its answer, WARNING for what failed, DEBUG for the rest."""
    told = _tell(record, event)
    if told is None:
        return
    name, fields = told
    match event:
        case CallAnswered():
            log.info(name, call=record.id, account=record.account, **fields)
        case ActionFailed():
            log.warning(name, call=record.id, account=record.account, **fields)
        case _:
            log.debug(name, call=record.id, account=record.account, **fields)


def _tell(record: CallRecord, event: Event) -> _Told | None:
    match event:
        case Asked() | Instructed() | NotInstructed():
            return _tell_of_asking(record, event)
        case CallDialed():
            return "call.dialing", {"to": record.plan.to, "node": record.node}
        case OriginateAccepted(sip_call_id=sip_call_id):
            return "call.originated", {"sip_call_id": sip_call_id}
        case CallProgressed(ringing=ringing):
            return "call.ringing" if ringing else "call.progressed", {}
        case CallAnswered(at=at):
            return "call.answered", {"ring_ms": span_ms(record.ringing_at, at)}
        case CallHeld():
            return "call.held", {}
        case CallResumed():
            return "call.resumed", {}
        case HangupAsked(by=by):
            return "call.hangup_asked", {"by": by.value}
        case CallEnded(cause=cause, sip_status=sip_status):
            # Not yet the end of the story: the outcome is known a moment later, see LoggedRecords.
            return "call.disconnected", {"cause": cause, "sip_status": sip_status}
        case CallReleased():
            return "call.released", {}
        case OnSecond() | SecondEnded() | PartiesConnected() | PartiesParted():
            return _tell_of_parties(record, event)
        case _:
            return _tell_of_media(event)


def _tell_of_parties(
    record: CallRecord, event: OnSecond | SecondEnded | PartiesConnected | PartiesParted
) -> _Told | None:
    match event:
        case OnSecond(number=number, event=of_second):
            return _tell_of_second(record, number, of_second)
        case SecondEnded(number=number, outcome=outcome):
            return "call.second_ended", {
                "second": number,
                "outcome": outcome.class_.value,
                "reason": outcome.reason,
                "ended_by": outcome.ended_by.value,
                "cause": outcome.cause,
                "sip_status": outcome.sip_status,
            }
        case PartiesConnected():
            return "call.connected", {}
        case PartiesParted():
            return "call.parted", {}
        case _:
            assert_never(event)


def _tell_of_second(record: CallRecord, number: int, event: OfSecond) -> _Told | None:
    which = {"second": number}
    match event:
        case CallDialed():
            return "call.second_dialing", which | {"to": record.second(number).to}
        case OriginateAccepted(sip_call_id=sip_call_id):
            return "call.second_originated", which | {"sip_call_id": sip_call_id}
        case CallProgressed(ringing=ringing):
            return "call.second_ringing" if ringing else "call.second_progressed", which
        case CallAnswered():
            return "call.second_answered", which
        case CallEnded(cause=cause, sip_status=sip_status):
            return "call.second_disconnected", which | {"cause": cause, "sip_status": sip_status}
        case DigitReceived() | QualitySampled():
            return None  # told as KeyPressed; the last sample is in the summary
        case DigitsSent():
            return "call.second_digits_sent", which
        case DigitsNotSent():
            return "call.second_digits_not_sent", which
        case _:
            assert_never(event)


def _tell_of_asking(record: CallRecord, event: Asked | Instructed | NotInstructed) -> _Told | None:
    match event:
        case Asked(report=report):
            told = _tell(record, report)
            return None if told is None else (told[0], told[1] | {"asked": True})
        case Instructed(actions=actions):
            return "call.instructed", {"actions": len(actions)}
        case NotInstructed(code=code):
            return "call.not_instructed", {"code": code}
        case _:
            assert_never(event)


def _tell_of_media(event: _OfMedia | _Rest) -> _Told | None:
    match event:
        case MediaLost():
            return "media.lost", {}
        case MediaUnavailable():
            return "media.unavailable", {}
        case Flooded():
            return "call.flooded", {}
        case TrackSilent(number=number, track=track):
            return "stream.track_silent", {"stream": number, "track": track}
        case StreamStarted(number=number, report=report):
            return "stream.started", {
                "stream": number,
                "name": report.name,
                "format": report.format,
                "mode": report.mode,
            }
        case StreamEnded(number=number, report=report):
            return "stream.ended", {
                "stream": number,
                "name": report.name,
                "status": report.status.value,
                "disconnected_by": report.disconnected_by.value if report.disconnected_by is not None else None,
                "frames_sent": report.frames_sent,
                "dropped": report.dropped,
                "reconnects": report.reconnects,
                "close_code": report.close_code,
                "error": report.error,
            }
        case _:
            return _tell_of_speech(event)


def _tell_of_speech(event: _Rest) -> _Told | None:
    match event:
        case SpeakingStarted(seconds=seconds):
            return "speech.started", {"seconds": round(seconds, 3)}
        case SpeakingFinished(cut=cut):
            return "speech.finished", {"cut": cut}
        case SpeakingFailed(reason=reason):
            return "speech.failed", {"reason": reason}
        case CharacterPlayed() | CodeDelivered() | CodeReplayed():
            return _tell_of_code(event)
        case DigitsSent():
            return "digits.sent", {}
        case DigitsNotSent():
            return "digits.not_sent", {}
        case KeyPressed(second=second):
            return "key.pressed", {"second": second}
        case DigitsCollected(collected=collected, tag=tag, tries=tries):
            return "digits.collected", {
                "tag": tag,
                "tries": tries,
                "count": len(collected.keys),
                "ended_by": collected.ended_by.value,
                "valid": collected.valid,
            }
        case ActionCompleted(index=index, type=type_, id=id_):
            return "action.completed", {"index": index, "type": type_, "id": id_}
        case ActionFailed(index=index, code=code, message=message):
            return "action.failed", {"index": index, "code": code, "message": message}
        case DigitReceived() | PiecePlayed() | QualitySampled():
            return None  # told as KeyPressed and CharacterPlayed; the last sample is in the summary
        case _:
            assert_never(event)


def _tell_of_code(event: CharacterPlayed | CodeDelivered | CodeReplayed) -> _Told:
    match event:
        case CharacterPlayed(reading=reading, position=position, of=of):
            return "code.character_played", {"reading": reading, "position": position, "of": of}
        case CodeDelivered():
            return "code.delivered", {}
        case CodeReplayed(count=count):
            return "code.replayed", {"count": count}
        case _:
            assert_never(event)


_OfMedia: TypeAlias = MediaLost | MediaUnavailable | Flooded | StreamStarted | StreamEnded | TrackSilent
_Rest: TypeAlias = (
    SpeakingStarted
    | SpeakingFinished
    | SpeakingFailed
    | CharacterPlayed
    | CodeDelivered
    | CodeReplayed
    | DigitsSent
    | DigitsNotSent
    | KeyPressed
    | DigitsCollected
    | ActionCompleted
    | ActionFailed
    | DigitReceived
    | PiecePlayed
    | QualitySampled
)


class _Records(Protocol):
    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None: ...
    def save(self, record: CallRecord, /) -> None: ...
    def finish(self, record: CallRecord, /) -> None: ...


class LoggedRecords:
    """Records that tell the log of a call's two ends: ``call.queued`` and ``call.ended``, both at INFO."""

    def __init__(self, records: _Records) -> None:
        self._records = records

    async def accept(self, record: CallRecord, /, *, token: str | None = None) -> None:
        """Keep a new call. Raises what the records raise; then nothing is logged."""
        await self._records.accept(record, token=token)
        plan = record.plan
        log.info("call.queued", **_who(record), to=plan.to, door=record.door, language=plan.language)

    def save(self, record: CallRecord, /) -> None:
        """Keep how far a call got."""
        self._records.save(record)

    def finish(self, record: CallRecord, /) -> None:
        """Keep how a call ended."""
        self._records.finish(record)
        outcome, proof = outcome_json(record.outcome) or {}, record.proof
        log.info(
            "call.ended",
            **_who(record),
            outcome=outcome.get("class"),
            reason=outcome.get("reason"),
            ended_by=outcome.get("ended_by"),
            cause=outcome.get("cause"),
            sip_status=outcome.get("sip_status"),
            delivered=proof.delivered,
            readings=proof.readings,
            complete=proof.complete,
            ring_ms=record.ring_ms,
            talk_ms=record.talk_ms,
        )


def _who(record: CallRecord) -> dict[str, Any]:
    return {"call": record.id, "account": record.account} | ({"test": True} if record.test else {})
