"""A code is heard as it was pushed: to the byte, with nothing cut at either end, in both laws."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from otpvoice.core.actions import SayCode
from otpvoice.core.secret import OtpCode
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Law
from tests.scenarios.figures import Figures
from tests.scenarios.phones import AgentPhone, Phone
from tests.scenarios.world import LATE, NOBODY, TICK, World, code, first_difference


async def test_the_callee_hears_what_was_pushed_and_the_summary_proves_it(world: World, figures: Figures) -> None:
    phone = world.answers(ring=0.1)
    plan = world.plan(code("4829", times=2, group=2, gap=0.05, group_gap=0.1, speed=2.0, slow_down=0.0))
    summary = await world.call(plan)
    (pushed,) = await world.sound_of(plan)

    assert first_difference(phone.sound, pushed.audio) is None
    assert summary["outcome"] == {
        "class": "completed",
        "reason": None,
        "cause": 16,
        "sip_status": None,
        "ended_by": "plan",
    }
    assert summary["delivered"] is True
    played = summary["played"]
    assert (played["readings"], played["complete"]) == (2, True)
    assert [(digit["reading"], digit["position"]) for digit in played["digits"]] == list(pushed.ends)
    assert 0 <= played["first_audio_ms"] <= 1000 * (TICK + LATE)
    for digit in played["digits"]:
        # Heard before it counts as played, and not long before; one tick takes the mark, one is under way.
        end = pushed.ends[digit["reading"], digit["position"]] / 8
        assert end - 1000 * TICK <= digit["at_ms"] - played["first_audio_ms"] <= end + 1000 * (3 * TICK + LATE)
    report(phone, figures)


@pytest.mark.asterisk
async def test_the_words_of_every_script_are_heard_as_they_were_made(real_world: World) -> None:
    """Right to left, without spaces, in kana, spelled: sound is sound, and Asterisk knows no language."""
    calls = []
    for language in ("ar", "ja", "zh-HK", "hi", "el", "fr", "de"):
        phone = real_world.answers()
        say = SayCode(OtpCode("aB7"), language=language, times=1, speed=2.0, gap=0.05, spelling=language == "de")
        calls.append((phone, plan := real_world.plan(say), await real_world.place(plan)))
    for phone, plan, call in calls:
        summary = await call.over(within=30)
        assert (summary["delivered"], summary["speech"]["fallback"]) == (True, None)
        (pushed,) = await real_world.sound_of(plan)
        assert first_difference(phone.sound, pushed.audio) is None


@pytest.mark.asterisk
async def test_an_alaw_trunk_hears_alaw(tmp_path: Path, figures: Figures) -> None:
    async with (
        await AsteriskInstance.start(tmp_path / "asterisk", trunk=NOBODY, codecs="alaw", rtp_ports=20) as asterisk,
        World(asterisk, law="alaw") as world,
    ):
        phone = world.answers()
        plan = world.plan(code("7305"))
        summary = await world.call(plan)
        (pushed,) = await world.sound_of(plan)
        assert isinstance(phone, AgentPhone)
        assert phone.call.recording.law is Law.PCMA
        assert first_difference(phone.sound, pushed.audio) is None
        assert summary["delivered"] is True
        report(phone, figures)


def report(phone: Phone, figures: Figures) -> None:
    """Nothing was lost, timestamps have no gaps either; how even the packets came is told, not judged."""
    if isinstance(phone, AgentPhone):
        recording = phone.call.recording
        assert recording.lost == 0
        assert recording.payload() == phone.sound
        gaps = [1000 * (later.at - earlier.at) for earlier, later in pairwise(phone.packets)]
        figures(f"{recording.law.name}: packets {min(gaps):.1f} to {max(gaps):.1f} ms apart (20 is exact)")


@pytest.mark.asterisk
async def test_nothing_disturbs_the_dialog_between_answer_and_end(real_world: World) -> None:
    """No UPDATE, no re-INVITE: each is a chance for a trunk to get it wrong while a code is read."""
    phone = real_world.answers()
    await real_world.call(real_world.plan(code("482")))
    await phone.over()
    assert isinstance(phone, AgentPhone)
    bye = phone.call.goodbye
    assert bye is not None
    # Each request within a dialog counts (RFC 3261, 12.2.1.1); the ACK has the number of its INVITE.
    assert bye.cseq == phone.call.invite.request.cseq + 1
