"""The verb *speak*: a script from its first piece to its last, over holds, with every wait bounded.

Whoever runs it sees the same events and may close it: that cuts the speech.
"""

from __future__ import annotations

from collections.abc import Collection

from otpvoice.core.commands import Speak, StopSpeaking
from otpvoice.core.events import (
    CallHeld,
    DigitReceived,
    PiecePlayed,
    SpeakingFailed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.outcome import Fault
from otpvoice.core.speech import CodeCharacter, Script, Silence
from otpvoice.core.stage import ActionFault, Stage, Steps, TimedOut, Told

START_OF_SPEECH = 10.0
"""Seconds within which a prepared utterance must have begun; then something is broken."""
SLACK_OF_SPEECH = 5.0
"""Seconds beyond its length after which an utterance that has not finished never will."""
BREATH = 0.4
"""Seconds of silence before whatever is said next."""


def speak(stage: Stage, script: Script, cut_by: Collection[str] = ()) -> Steps[str]:
    """Speak to the end: "", or until one of these keys, which is returned. Other keys are type-ahead."""
    speaking = speak_listening(stage, script)
    told: Told = None
    while True:
        try:
            speaking.send(told)
        except StopIteration:
            return ""
        told = yield
        if isinstance(told, DigitReceived):
            if told.digit in cut_by:
                speaking.close()
                return told.digit
            stage.type_ahead(told.digit)


def speak_listening(stage: Stage, script: Script) -> Steps[None]:
    """Speak to the end; after a hold, again from the start of what was interrupted. Keys are the caller's business."""
    if not script:
        return
    lead_in = BREATH if stage.spoke else stage.plan.lead_in
    stage.spoke = True
    start = 0
    while True:
        while stage.held:
            stage.deadline = None
            yield
        stage.utterances += 1
        utterance = str(stage.utterances)
        stage.do(Speak(utterance, script, start, lead_in))
        stage.within(START_OF_SPEECH)
        try:
            interrupted = yield from _until_played(stage, utterance, script)
        except GeneratorExit:
            stage.deadline = None
            stage.do(StopSpeaking(utterance))
            raise
        stage.deadline = None
        if interrupted is None:
            return
        stage.do(StopSpeaking(utterance))
        start = resume_point(script, max(interrupted, start))
        lead_in = stage.plan.lead_in


def _until_played(stage: Stage, utterance: str, script: Script) -> Steps[int | None]:
    """Wait for the end of an utterance: None; or, when we are put on hold, the piece that was interrupted."""
    upto = 0
    while True:
        match (yield):
            case SpeakingStarted(utterance_id=started, seconds=seconds) if started == utterance:
                stage.within(seconds + SLACK_OF_SPEECH)
            case PiecePlayed(utterance_id=speaking, index=index, at=at) if speaking == utterance:
                upto = index + 1
                piece = script[index]
                if isinstance(piece, CodeCharacter):
                    for report in stage.proof.played(piece, at):
                        stage.tell(report)
            case SpeakingFinished(utterance_id=finished, cut=False) if finished == utterance:
                return None
            case SpeakingFailed(utterance_id=failed, reason=reason) if failed == utterance:
                raise ActionFault("speech_failed", reason, Fault.SPEECH_UNAVAILABLE)
            case CallHeld():
                return upto
            case TimedOut():
                raise ActionFault("speech_stalled", "the speech did not end in time", Fault.MEDIA_LOST)


def resume_point(script: Script, played: int) -> int:
    """Return where to take a script up again when ``played`` pieces of it were heard: nobody understands half a code.

    The start of the reading that was interrupted, else the piece that was.
    """
    # Silence belongs to what follows it.
    ahead = next((i for i in range(played, len(script)) if not isinstance(script[i], Silence)), None)
    if ahead is None:
        return played
    piece = script[ahead]
    if not isinstance(piece, CodeCharacter):
        return ahead
    return next(i for i, it in enumerate(script) if isinstance(it, CodeCharacter) and it.reading == piece.reading)
