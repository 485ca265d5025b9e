"""Clips in memory: what is kept, what goes, and that the account is right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otpvoice.adapters.speech.clips.memory import ClipCache


def test_a_clip_is_given_back_as_the_same_object() -> None:
    clips, clip = ClipCache(room=100), bytes(10)
    clips.put("a", clip)
    assert clips.get("a") is clip
    assert clips.get("b") is None


def test_the_least_recently_used_goes_first() -> None:
    clips = ClipCache(room=30)
    for name in "abc":
        clips.put(name, bytes(10))
    clips.get("a")
    clips.put("d", bytes(10))
    assert [name for name in "abcd" if clips.get(name) is not None] == ["a", "c", "d"]


def test_what_is_kept_never_goes_and_takes_no_room() -> None:
    clips = ClipCache(room=10)
    clips.put("a", bytes(10))
    clips.keep("a", bytes(10))
    clips.put("b", bytes(10))
    clips.put("c", bytes(10))
    assert clips.get("a") is not None
    assert clips.get("c") is not None
    assert clips.size == 20


def test_a_clip_larger_than_the_room_drives_nothing_out() -> None:
    clips = ClipCache(room=10)
    clips.put("a", bytes(10))
    clips.put("b", bytes(11))
    assert clips.get("a") is not None
    assert clips.get("b") is None


def test_an_empty_clip_is_a_clip() -> None:
    clips = ClipCache(room=0)
    clips.put("a", b"")
    clips.keep("b", b"")
    assert (clips.get("a"), clips.get("b")) == (b"", b"")


@given(
    st.lists(st.tuples(st.sampled_from(["put", "keep", "get"]), st.sampled_from("abcdef"), st.integers(0, 12))),
    st.integers(0, 20),
)
def test_the_room_is_never_passed(steps: list[tuple[str, str, int]], room: int) -> None:
    clips, kept = ClipCache(room), dict[str, int]()
    for step, name, length in steps:
        if step == "put":
            clips.put(name, bytes(length))
        elif step == "keep":
            clips.keep(name, bytes(length))
            kept[name] = length
        else:
            clips.get(name)
    held = sum(len(clips.get(name) or b"") for name in "abcdef")
    assert clips.size == held
    assert held - sum(kept.values()) <= room
    assert all(len(clips.get(name) or b"") == length for name, length in kept.items())
