"""A test call, judged: was it answered, was the whole code played, and did the keys come back as they were pressed?

Pure: the record of a call in, findings out. Whoever places the call has it speak a code, and gather it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from otpvoice.doctor.finding import Check, Finding

CALL = Check("call", "Does a real call speak a code, and bring back the keys? (--call TO)")
NOT_PLACED = CALL.fails(
    "not_placed",
    "the call was not taken: {reason}",
    "The line service says whether otpvoice is ready. 401: name a key (OTPVOICE_KEY, or --key); 403: the number is not"
    " in OTPVOICE_ALLOW_DESTINATIONS; 429: a limit of the account.",
)
UNSEEN = CALL.fails(
    "unseen",
    "the call {call} was taken, and its end was not seen: {reason}",
    "otpvoice calls {call} shows what became of it.",
)
NOT_ANSWERED = CALL.fails(
    "not_answered",
    "nobody was reached: {outcome} (SIP {sip}, cause {cause})",
    "busy, no_answer, declined: pick up. unreachable, trunk_unreachable: asterisk -rx 'pjsip show endpoint …', a"
    " firewall. auth: the trunk's password. forbidden: the carrier wants another caller ID (OTPVOICE_CALLER_IDS)."
    " codec: allow of the endpoint. trunk_missing: the line trunk. docs/outcomes.md has all.",
)
NOT_PLAYED = CALL.fails(
    "not_played",
    "answered, and {played} of {of} characters of the code were played ({outcome})",
    "Did you hang up early? If not: the lines media and voice, and errors of the call (otpvoice calls {call}).",
)
NO_KEYS = CALL.fails(
    "no_keys",
    "the code was played, and no key arrived",
    "If you did press keys: the trunk's DTMF mode does not fit. Its endpoint has {dtmf_mode}; try dtmf_mode = rfc4733"
    " (auto; info, if the carrier says so) in pjsip.conf, asterisk -rx 'module reload res_pjsip.so', and call again.",
)
DOUBLED = CALL.fails(
    "keys_doubled",
    "{count} keys arrived for {of} pressed: they come twice",
    "The carrier sends keys in two ways at once (RFC 4733 and in the sound, or SIP INFO): dtmf_mode = rfc4733 in"
    " pjsip.conf, not auto_info or inband (now {dtmf_mode}), asterisk -rx 'module reload res_pjsip.so'; then ask the"
    " carrier.",
)
OTHER_KEYS = CALL.warns(
    "keys_differ",
    "{count} keys arrived for {of} that were spoken, and they are others",
    "A slip of the finger? Call again. If keys are missing each time: dtmf_mode in pjsip.conf (now {dtmf_mode}), and"
    " loss on the line.",
)
BAD_LINE = CALL.warns(
    "bad_line",
    "the line is bad: MOS {mos}, {loss} % lost, {jitter_ms} ms jitter",
    "Look at the way between Asterisk and the carrier: mtr, QoS, a link that is full. docs/quality.md says what the"
    " figures mean.",
)
LATE = CALL.warns(
    "late_audio",
    "the first audio was played {first_audio_ms} ms after the answer",
    "Usual are 20 to 50 ms and OTPVOICE_LEAD_IN: are Asterisk's and otpvoice's machines overloaded?",
)
BAD_MOS: Final = 3.6
"""Below it many are dissatisfied (ITU-T G.107, annex B)."""
LATE_MS: Final = 1500

CODE_PLAYED: Final = "code"
TAG: Final = "doctor"


def judge(record: Mapping[str, Any], code: str, *, dtmf_mode: str) -> list[Finding]:
    """``record``: of the call, ended. ``code``: what was spoken, and is to come back. ``dtmf_mode``: the endpoint's."""
    outcome = _part(record, "outcome")
    told = " / ".join(str(outcome[word]) for word in ("class", "reason") if outcome.get(word))
    if record.get("answered_at") is None:
        facts = {"outcome": told or "?", "sip": outcome.get("sip_status") or "-", "cause": outcome.get("cause") or "-"}
        return [NOT_ANSWERED(**facts)]
    played = _part(record, "played")
    heard = len(played.get("digits") or [])
    found: list[Finding] = []
    if record.get("delivered") is not True:
        return [NOT_PLAYED(played=heard, of=len(code), outcome=told, call=record.get("id"))]
    if (keys := _judge_keys(record, code, dtmf_mode)) is not None:
        found.append(keys)
    found += _judge_line(record, played)
    return found or [CALL.ok(_said(record, played, heard, code), **figures(record))]


def _judge_keys(record: Mapping[str, Any], code: str, dtmf_mode: str) -> Finding | None:
    rows: list[Mapping[str, Any]] = [one for one in record.get("collected") or [] if one.get("tag") == TAG]
    collected = rows[0] if rows else {}
    digits = str(collected.get("digits") or "")
    facts = {"count": len(digits), "of": len(code), "dtmf_mode": dtmf_mode}
    if not digits:
        return NO_KEYS(**facts)
    if digits == code:
        return None
    doubled = "".join(key * 2 for key in code)
    # Of the last ones some may be lost, where the callee hangs up.
    if len(digits) > len(code) and doubled.startswith(digits):
        return DOUBLED(**facts)
    return OTHER_KEYS(**facts)


def _judge_line(record: Mapping[str, Any], played: Mapping[str, Any]) -> list[Finding]:
    found: list[Finding] = []
    quality = _quality(record)
    mos = quality.get("mos")
    if isinstance(mos, int | float) and mos < BAD_MOS:
        loss = quality.get("loss")
        percent = round(100 * loss, 1) if isinstance(loss, int | float) else "?"
        found.append(BAD_LINE(mos=mos, loss=percent, jitter_ms=quality.get("jitter_ms")))
    first = played.get("first_audio_ms")
    if isinstance(first, int) and first > LATE_MS:
        found.append(LATE(first_audio_ms=first))
    return found


def figures(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured; None where nothing was."""
    dialed = record.get("dialed_at")
    return {
        "call": record.get("id"),
        "ring_seconds": _between(dialed, record.get("ringing_at")),
        "answer_seconds": _between(dialed, record.get("answered_at")),
        "first_audio_ms": _part(record, "played").get("first_audio_ms"),
        "played": len(_part(record, "played").get("digits") or []),
        "mos": _quality(record).get("mos"),
    }


def _said(record: Mapping[str, Any], played: Mapping[str, Any], heard: int, code: str) -> str:
    seen = figures(record)
    rang = f"rang after {seen['ring_seconds']:g} s, " if seen["ring_seconds"] is not None else ""
    mos = f"MOS {seen['mos']}" if seen["mos"] is not None else "MOS not known: the far end sent no RTCP"
    return (
        f"{rang}answered after {seen['answer_seconds']:g} s, first audio {played.get('first_audio_ms')} ms later,"
        f" {heard} of {len(code)} characters played, {len(code)} of {len(code)} keys exact, {mos}"
    )


def _quality(record: Mapping[str, Any]) -> Mapping[str, Any]:
    legs = record.get("legs") or [{}]
    return _part(legs[0], "quality")


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}


def _between(earlier: object, later: object) -> float | None:
    try:
        seconds = (datetime.fromisoformat(str(later)) - datetime.fromisoformat(str(earlier))).total_seconds()
    except (ValueError, TypeError):
        return None
    return round(seconds, 2)
