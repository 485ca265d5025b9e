"""What holds for each format that there is: its two halves, back to back, and whatever comes from elsewhere.

A new format needs no line here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otpvoice.media.g711 import SAMPLE_RATE, Law, decode, encode
from otpvoice.media.streams.formats import FORMATS
from otpvoice.media.streams.rates import DELAY_MS
from otpvoice.media.streams.words import (
    AudioHeard,
    AudioTold,
    ClearAsked,
    DigitTold,
    Facts,
    Format,
    Heard,
    Ignored,
    Listener,
    MarkAsked,
    MarkTold,
    Mode,
    Speaker,
    StopReason,
    StreamBegan,
    StreamStopped,
    Told,
)
from tests.media.streams.signals import (
    EVERY_CODE,
    FRAME,
    facts,
    frames,
    known_signal,
    pcm_of,
    samples_of,
    signal_to_noise,
    sweep,
)

LAWS: tuple[Law, ...] = ("ulaw", "alaw")
ALL = list(FORMATS.values())
WIRES = [
    pytest.param(spoken, mode, rate, law, id=f"{spoken.name}-{mode}-{rate}-{law}")
    for spoken in ALL
    for mode, rate, law in product(sorted(spoken.modes), spoken.rates, LAWS)
]
TALKS = [
    pytest.param(spoken, rate, law, id=f"{spoken.name}-{rate}-{law}")
    for spoken in ALL
    if "talk" in spoken.modes
    for rate, law in product(spoken.rates, LAWS)
]
RATES = [pytest.param(spoken, rate, id=f"{spoken.name}-{rate}") for spoken in ALL for rate in spoken.rates]
each_format = pytest.mark.parametrize("spoken", ALL, ids=lambda spoken: spoken.name)
each_wire = pytest.mark.parametrize(("spoken", "mode", "rate", "law"), WIRES)
each_rate = pytest.mark.parametrize(("spoken", "rate"), RATES)
each_talk = pytest.mark.parametrize(("spoken", "rate", "law"), TALKS)

MODES: dict[str, Mode] = {"listen": "listen", "talk": "talk"}
WORDS = {
    "not_json",
    "not_an_object",
    "unknown_event",
    "no_payload",
    "bad_payload",
    "no_audio",
    "too_large",
    "no_name",
    "one_way",
}
ANY_CHARACTER = st.text(st.characters(), max_size=12)  # halves of surrogate pairs, too
KEYS = ["event", "type", "media", "payload", "mark", "name", "start", "dtmf", "digit", "streamSid", "stream_sid"]
KEYS += ["tracks", "track", "timestamp", "mediaFormat", "media_format", "encoding", "sample_rate", "stream_data"]
VALUES = ["start", "media", "mark", "clear", "dtmf", "stop", "init_stream", "live_track", "end_stream", "connected"]
VALUES += ["audio/x-mulaw", "audio/x-raw", "/w==", "AAAA", "8000", "-1", "9" * 5000, "²"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(VALUES) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=12,
)
JUNK = [
    "",
    "\0",
    "\ud800",
    '"\ud800"',
    '{"event":"\ud800"}',
    "[" * 100_000,
    '{"event":' * 100_000,
    '{"event":"media","media":{"payload":' + "9" * 100_000 + "}}",
    '{"event":"media","media":{"timestamp":1e999}}',
    '{"event":"mark","mark":{"name":"\\u0000"}}' * 2,
    "\ufeff{}",
    "NaN",
    "1" * 10_000,
]


def frame_of(code: int) -> bytes:
    return bytes([code]) * FRAME


def told_by(listener: Listener, messages: Iterable[str]) -> list[Told]:
    return [told for text in messages for told in listener.hear(text)]


def heard_by(speaker: Speaker, messages: Iterable[str]) -> list[Heard]:
    return [heard for text in messages for heard in speaker.hear(text)]


def halves(spoken: Format, known: Facts) -> tuple[Speaker, Listener, StreamBegan]:
    """Return the two halves of a connection that has begun."""
    speaker, listener = spoken.speaker(known), spoken.listener()
    (began,) = told_by(listener, speaker.opened(1700000000.25))
    assert isinstance(began, StreamBegan)
    return speaker, listener, began


def sound_told(speaker: Speaker, listener: Listener, track: str, signal: bytes) -> list[AudioTold]:
    """Tell a sound on a track, frame by frame, and the end; return what the customer is told."""
    messages = [text for slot, frame in enumerate(frames(signal)) for text in speaker.media(track, slot, frame)]
    told = told_by(listener, messages + speaker.closed(StopReason.CALL_ENDED, 1700000099.0))
    assert isinstance(told.pop(), StreamStopped)
    return [one for one in told if isinstance(one, AudioTold)]


def on_the_wire(began: StreamBegan, audio: bytes, law: Law) -> bytes:
    """Return what a customer gets of G.711 at 8000 Hz: linear, or through μ-law."""
    pcm = decode(audio, law)
    return decode(encode(pcm, "ulaw"), "ulaw") if "ulaw" in began.encoding and law == "alaw" else pcm


def filtered(samples: list[float], rate: int, wire: int) -> list[float]:
    """Return a sound as late as it is behind the filter, where the wire has another rate than 8000 Hz."""
    count = round(DELAY_MS * rate / 1000) if wire != SAMPLE_RATE else 0
    return [0.0] * count + samples[: len(samples) - count]


@each_format
def test_a_format_is_known_by_its_name_and_says_what_it_can(spoken: Format) -> None:
    assert FORMATS[spoken.name] is spoken
    assert spoken.name == spoken.name.lower()
    assert "listen" in spoken.modes
    assert spoken.modes <= MODES.keys()
    assert spoken.rates[0] == SAMPLE_RATE
    assert 0 < spoken.connect_within <= 30
    assert spoken.longest is None or spoken.longest >= 60


@each_wire
def test_who_listens_is_told_who_calls(spoken: Format, mode: Mode, rate: int, law: Law) -> None:
    parameters = {"order": "A-17", "note": 'für "Ann"\n\\ 😀 \u2028'}
    tracks = ("inbound", "outbound")
    _, _, began = halves(spoken, facts(tracks, mode, sample_rate=rate, law=law, parameters=parameters))
    assert (began.sample_rate, began.parameters) == (rate, parameters)
    assert len(set(began.tracks)) == len(tracks)


@each_format
def test_parameters_are_the_callers_own_and_nothing_else(spoken: Format) -> None:
    assert halves(spoken, facts())[2].parameters == {}


@each_wire
def test_a_known_signal_arrives_as_it_is(spoken: Format, mode: Mode, rate: int, law: Law) -> None:
    signal = known_signal(law)
    speaker, listener, began = halves(spoken, facts(mode=mode, sample_rate=rate, law=law))
    told = sound_told(speaker, listener, "inbound", signal)
    pcm = b"".join(one.pcm for one in told)
    assert {one.track for one in told} == set(began.tracks)
    assert len(pcm) == 2 * len(signal) * rate // SAMPLE_RATE
    passed = 0
    for one in told:
        assert one.at_ms == 1000 * passed // (2 * rate), "one behind the other, in time"
        passed += len(one.pcm)
    if rate == SAMPLE_RATE:
        assert pcm == on_the_wire(began, signal, law)


@each_wire
def test_a_sweep_arrives_as_a_sweep(spoken: Format, mode: Mode, rate: int, law: Law) -> None:
    signal = encode(pcm_of(sweep(2.0)), law)
    speaker, listener, _ = halves(spoken, facts(mode=mode, sample_rate=rate, law=law))
    told = sound_told(speaker, listener, "inbound", signal)
    got = samples_of(b"".join(one.pcm for one in told))
    # G.711's own noise, twice where A-law goes through μ-law.
    assert signal_to_noise(filtered(sweep(2.0, rate), rate, rate), got) > 33


@pytest.mark.parametrize("law", LAWS)
def test_the_same_signal_arrives_the_same_in_each_format(law: Law) -> None:
    sounds = []
    for spoken in ALL:
        speaker, listener, _ = halves(spoken, facts(law=law))
        sounds.append(b"".join(one.pcm for one in sound_told(speaker, listener, "inbound", known_signal(law))))
    assert len(sounds) == len(FORMATS)
    for sound in sounds[1:]:
        if law == "ulaw":
            assert sound == sounds[0]
        else:
            assert signal_to_noise(samples_of(sounds[0]), samples_of(sound)) > 33


@each_rate
def test_a_minute_is_a_minute(spoken: Format, rate: int) -> None:
    speaker, listener, _ = halves(spoken, facts(sample_rate=rate))
    told = sound_told(speaker, listener, "inbound", EVERY_CODE * (60 * SAMPLE_RATE // 256))
    assert sum(len(one.pcm) for one in told) == 60 * 2 * rate


@each_rate
@pytest.mark.parametrize("lost", [range(3, 4), range(10, 30), range(8, 16), range(7, 1500)], ids=str)
def test_what_was_lost_leaves_a_gap_and_moves_nothing(spoken: Format, rate: int, lost: range) -> None:
    tracks, end = ("inbound", "outbound"), lost.stop + 20
    slots = [slot for slot in range(end) if slot not in lost]
    # Each frame has one code throughout: behind the edge of a filter, in its second half, it is what it was.
    codes = {(track, slot): slot % 64 + 64 * number for number, track in enumerate(tracks) for slot in slots}
    speaker, listener, began = halves(spoken, facts(tracks, sample_rate=rate))
    messages = [
        text
        for slot, track in product(slots, tracks)
        for text in speaker.media(track, slot, frame_of(codes[track, slot]))
    ]
    told = told_by(listener, messages + speaker.closed(StopReason.STOPPED, 1700000099.0, "slow_consumer"))
    assert isinstance(told.pop(), StreamStopped)
    tapes = {name: bytearray(2 * rate * end // 50) for name in began.tracks}
    for one in told:
        assert isinstance(one, AudioTold)
        first = 2 * rate * one.at_ms // 1000
        tapes[one.track][first : first + len(one.pcm)] = one.pcm
    for (track, slot), code in codes.items():
        frame = tapes[began.tracks[tracks.index(track)]][2 * rate * slot // 50 :][: 2 * rate // 50]
        assert set(samples_of(bytes(frame[len(frame) // 2 :]))) == set(samples_of(decode(bytes([code]), "ulaw")))
    # At most the rest of a message on each side of the gap is silence.
    sent = sum(len(one.pcm) for one in told if isinstance(one, AudioTold))
    assert sent <= 2 * rate // 50 * len(tracks) * (len(slots) + min(len(lost), 14)), "what was lost is not made up"


@each_talk
def test_what_a_customer_says_is_heard(spoken: Format, rate: int, law: Law) -> None:
    speaker, listener, began = halves(spoken, facts(mode="talk", sample_rate=rate, law=law))
    wire: Law | None = "ulaw" if "ulaw" in began.encoding else None
    tone = pcm_of(sweep(2.0, rate))
    said = encode(tone, wire) if wire else tone
    size = len(said) // 100
    heard = heard_by(speaker, [text for n in range(0, len(said), size) for text in listener.say(said[n : n + size])])
    audio = b"".join(one.audio for one in heard if isinstance(one, AudioHeard))
    assert len(audio) == 2 * SAMPLE_RATE
    assert {len(one.audio) for one in heard if isinstance(one, AudioHeard)} == {FRAME}, "whole frames stay whole"
    assert signal_to_noise(filtered(sweep(2.0), SAMPLE_RATE, rate), samples_of(decode(audio, law))) > 33


@each_talk
def test_each_code_that_a_customer_says_is_heard(spoken: Format, rate: int, law: Law) -> None:
    if rate != SAMPLE_RATE:
        return
    speaker, listener, began = halves(spoken, facts(mode="talk", law=law))
    if "ulaw" in began.encoding:
        said, wanted = EVERY_CODE, EVERY_CODE if law == "ulaw" else encode(decode(EVERY_CODE, "ulaw"), "alaw")
    else:
        said = decode(EVERY_CODE, law)
        wanted = encode(said, law)
    assert heard_by(speaker, listener.say(said)) == [AudioHeard(wanted)]


@each_talk
@pytest.mark.parametrize("name", ["1", 'a "b" \\ c', "für", "😀", "\u2028\u0000\n", "x" * 5000])
def test_a_mark_comes_back_by_its_name(spoken: Format, rate: int, law: Law, name: str) -> None:
    speaker, listener, _ = halves(spoken, facts(mode="talk", sample_rate=rate, law=law))
    assert heard_by(speaker, listener.mark(name)) == [MarkAsked(name)]
    assert told_by(listener, speaker.mark(name)) == [MarkTold(name)]


@each_talk
def test_a_clear_is_a_clear(spoken: Format, rate: int, law: Law) -> None:
    speaker, listener, _ = halves(spoken, facts(mode="talk", sample_rate=rate, law=law))
    assert heard_by(speaker, listener.clear()) == [ClearAsked()]


@each_talk
def test_keys_are_told_to_who_talks(spoken: Format, rate: int, law: Law) -> None:
    speaker, listener, _ = halves(spoken, facts(mode="talk", sample_rate=rate, law=law))
    keys = "0123456789*#ABCD"
    assert told_by(listener, [text for key in keys for text in speaker.digit(key, 100)]) == [*map(DigitTold, keys)]


@each_format
def test_who_only_listens_is_told_of_no_keys_and_has_nothing_to_say(spoken: Format) -> None:
    speaker, listener, _ = halves(spoken, facts(mode="listen"))
    assert speaker.digit("5", 100) == speaker.mark("hello") == []
    said = [*listener.say(EVERY_CODE * 5), *listener.mark("hello"), *listener.clear(), "junk"]
    assert set(heard_by(speaker, said)) == {Ignored("one_way")}


@each_format
@pytest.mark.parametrize("reason", StopReason)
@pytest.mark.parametrize("error", [None, "slow_consumer", "internal", "an error that there is not"])
def test_a_stream_that_had_no_sound_ends_too(spoken: Format, reason: StopReason, error: str | None) -> None:
    speaker, listener, _ = halves(spoken, facts(("inbound", "outbound")))
    told = told_by(listener, speaker.closed(reason, 1700000000.25, error))
    assert [type(one) for one in told] == [StreamStopped]


@each_rate
def test_a_frame_that_is_short_at_the_end_is_not_lost(spoken: Format, rate: int) -> None:
    speaker, listener, _ = halves(spoken, facts(sample_rate=rate))
    told = sound_told(speaker, listener, "inbound", EVERY_CODE[:170])
    assert sum(len(one.pcm) for one in told) >= 2 * 170 * rate // SAMPLE_RATE


@each_format
@given(names=st.lists(ANY_CHARACTER, min_size=2, max_size=2), parameters=st.dictionaries(ANY_CHARACTER, ANY_CHARACTER))
@example(names=["\ud800", '"}'], parameters={"\udfff": "\ud83d"})
@example(names=['"}', "\ud800"], parameters={})
def test_whatever_it_is_called_a_frame_is_one_json_object_as_json_writes_it(
    spoken: Format, names: list[str], parameters: dict[str, str]
) -> None:
    """Also those of audio, which are put together by hand, and with halves of surrogate pairs in them."""
    track, name = names
    mode = max(spoken.modes)
    known = Facts(name, name, name, name, "outbound", name, None, (track,), mode, SAMPLE_RATE, "alaw", parameters)
    speaker = spoken.speaker(known)
    messages = speaker.opened(0.0)
    for slot in (0, 1, 2, 3, 4, 5, 6, 7, 100):
        messages += speaker.media(track, slot, bytes(FRAME))
    messages += [*speaker.digit("#", 80), *speaker.mark(name), *speaker.closed(StopReason.STOPPED, 9.0)]
    assert len(messages) > 4
    for text in messages:
        assert text.isascii()
        assert text == json.dumps(json.loads(text), separators=(",", ":"))


@each_rate
@given(message=JSON.map(json.dumps) | st.text(st.characters()))
def test_whatever_comes_raises_nothing(spoken: Format, rate: int, message: str) -> None:
    speaker, listener, _ = halves(spoken, facts(mode=max(spoken.modes), sample_rate=rate))
    for heard in speaker.hear(message):
        assert not isinstance(heard, Ignored) or heard.why in WORDS
    for told in [*listener.hear(message), *spoken.listener().hear(message)]:
        assert not isinstance(told, AudioTold) or told.at_ms >= 0


@each_format
@pytest.mark.parametrize("text", JUNK, ids=range(len(JUNK)))
def test_junk_is_ignored_in_one_word(spoken: Format, text: str) -> None:
    for mode in spoken.modes:
        speaker, listener, _ = halves(spoken, facts(mode=mode))
        (ignored,) = speaker.hear(text)
        assert isinstance(ignored, Ignored)
        assert ignored.why in WORDS
        assert listener.hear(text) == []


@each_format
def test_a_listener_hears_nothing_before_the_stream_began(spoken: Format) -> None:
    speaker = spoken.speaker(facts(mode=max(spoken.modes)))
    speaker.opened(0.0)
    messages = [text for slot in range(9) for text in speaker.media("inbound", slot, bytes(FRAME))]
    messages += [*speaker.digit("1", 1), *speaker.mark("x"), *speaker.closed(StopReason.STOPPED, 1.0)]
    assert messages
    assert told_by(spoken.listener(), messages) == []


@each_wire
def test_nobody_takes_another_formats_stream_for_its_own(spoken: Format, mode: Mode, rate: int, law: Law) -> None:
    """A sink that knows no format offers the first messages to each of them."""
    opened = spoken.speaker(facts(("inbound", "outbound"), mode, sample_rate=rate, law=law)).opened(0.0)
    began = {other.name for other in ALL for told in told_by(other.listener(), opened) if isinstance(told, StreamBegan)}
    assert began == {spoken.name}


@each_wire
def test_a_new_connection_begins_anew(spoken: Format, mode: Mode, rate: int, law: Law) -> None:
    known = facts(mode=mode, sample_rate=rate, law=law)
    first, second = spoken.speaker(known), spoken.speaker(known)

    def life(speaker: Speaker) -> list[str]:
        messages = speaker.opened(1.0)
        for slot in range(10):
            messages += speaker.media("inbound", slot, EVERY_CODE[:FRAME])
        speaker.hear('{"event":"media","media":{"payload":"AAAA"}}')
        return messages + speaker.closed(StopReason.STOPPED, 2.0)

    assert life(first) == life(second)


@each_format
def test_a_track_that_nobody_named_is_a_mistake(spoken: Format) -> None:
    speaker = spoken.speaker(facts(("inbound",)))
    with pytest.raises(KeyError):
        speaker.media("outbound", 0, bytes(FRAME))
