"""How a call sounded, as its summary tells it: what the callee's RTCP said of our audio, on a real Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from otpvoice.core.actions import Pause
from otpvoice.core.events import QualitySampled
from otpvoice.core.quality import mean_opinion_score
from otpvoice.session import driver
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import Call, Invite, Law, Scenario
from otpvoice.testkit.callee.rtcp_session import RtcpSession
from tests.scenarios.figures import Figures
from tests.scenarios.phones import SOON, AgentNetwork, AgentPhone
from tests.scenarios.world import PlacedCall, World, code

pytestmark = pytest.mark.asterisk

SHARES = (0.0, 0.01, 0.03, 0.05)
LONG = Pause(100.0)


class FarAway(AgentNetwork):
    """Phones at the end of ways that lose packets, take long, or carry no RTCP."""

    def __init__(self) -> None:
        super().__init__(law=Law.PCMU)
        self.ways: dict[str, Callable[[Scenario], Scenario]] = {}

    def _scenario(self, invite: Invite) -> Scenario:
        scenario = super()._scenario(invite)
        return self.ways[invite.number](scenario) if invite.number in self.ways else scenario


def phone_behind(world: World, way: Callable[[Scenario], Scenario]) -> AgentPhone:
    phone = world.answers()
    assert isinstance(world.network, FarAway)
    assert isinstance(phone, AgentPhone)
    world.network.ways[phone.user] = way
    return phone


def reports_of(call: Call) -> RtcpSession:
    assert call.rtcp is not None
    return call.rtcp


def quality_of(call: PlacedCall) -> Any:
    assert call.summary is not None
    return call.summary["legs"][0]["quality"]


async def sampled(call: PlacedCall, condition: Callable[[QualitySampled], bool] = lambda _: True) -> QualitySampled:
    """Wait for a sample of which something holds."""
    await call.until(lambda: any(map(condition, call.of(QualitySampled))), 2 * SOON)
    return next(filter(condition, call.of(QualitySampled)))


async def test_loss_costs_what_the_e_model_says(asterisk: AsteriskInstance, figures: Figures) -> None:
    """Four calls side by side, told from each other by what gets lost. Asterisk's first report leaves after 5 s."""

    async def call_with(share: float) -> tuple[dict[str, Any], Call]:
        phone = phone_behind(world, lambda scenario: scenario.with_loss(share).reports(every=0.25))
        placed = await world.place(world.plan(code("482913"), LONG, to=phone))
        await sampled(
            placed, lambda sample: sample.at > placed.of(QualitySampled)[0].at + 4.5
        )  # that of the 10th second
        await phone.hang_up()
        summary = await placed.over()
        last = placed.of(QualitySampled)[-1]
        quality = quality_of(placed)
        assert [quality[key] for key in ("mos", "jitter_ms", "loss", "rtt_ms")] == [
            last.mos,
            last.jitter_ms,
            last.loss,
            last.rtt_ms,
        ], "the last sample stands"
        assert quality["at"] > summary["answered_at"]
        return quality, phone.call

    async with World(asterisk, network=FarAway()) as world:
        told = await asyncio.gather(*(call_with(share) for share in SHARES))
    for share, (quality, call) in zip(SHARES, told, strict=True):
        figures(f"loss {share:.0%}, dropped {call.dropped} of {call.dropped + call.recording.count}: {quality}")
        dropped = call.dropped / (call.dropped + call.recording.count)
        # Asterisk counts what it has sent by now, the callee what was lost by its last report, up to 0.25 s ago.
        assert quality["loss"] == pytest.approx(dropped, abs=0.2 * share + 0.004)
        assert (quality["loss"] > 0) is (share > 0)
        expected = mean_opinion_score(quality["loss"], quality["jitter_ms"] / 1000, (quality["rtt_ms"] or 0) / 1000)
        assert quality["mos"] == pytest.approx(expected, abs=0.011)
        reported = {round(block.jitter / 8, 2) for report in reports_of(call).sent for block in report.blocks}
        assert quality["jitter_ms"] in reported, "the callee's jitter, not ours"
    scores = [quality["mos"] for quality, _ in told]
    assert scores == sorted(set(scores), reverse=True), "the more is lost, the worse"
    assert scores[0] == pytest.approx(4.41, abs=0.01)


async def test_the_round_trip_is_that_of_the_line(asterisk: AsteriskInstance, figures: Figures) -> None:
    """80 ms, from the first report of Asterisk's that the callee has answered."""
    async with World(asterisk, network=FarAway()) as world:
        phone = phone_behind(world, lambda scenario: scenario.reports(every=0.25, distance=0.08))
        call = await world.place(world.plan(code("482"), LONG))
        sample = await sampled(call, lambda sample: bool(sample.rtt_ms))
        assert any(block.last_sr for report in reports_of(phone.call).sent for block in report.blocks)
        figures(f"a line of 80 ms: {sample}")
        assert (sample.rtt_ms or 0) >= 79.9
        assert call.of(QualitySampled)[0].mos == pytest.approx(4.41, abs=0.01)
        call.hang_up()
        await call.over()


async def test_who_sends_no_rtcp_says_nothing_of_how_it_sounds(
    asterisk: AsteriskInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "SAMPLE_EVERY", 0.2)
    async with World(asterisk, network=FarAway()) as world:
        mute = phone_behind(world, Scenario.without_rtcp)
        mute_call = await world.place(world.plan(code("482"), LONG, to=mute))
        await mute.heard(0.5)
        telling = phone_behind(world, lambda scenario: scenario.reports(every=0.1))
        telling_call = await world.place(world.plan(code("482"), LONG, to=telling))
        await sampled(telling_call)
        assert mute.call.rtcp is None
        for phone, call in ((mute, mute_call), (telling, telling_call)):
            await phone.hang_up()
            await call.over()
    assert mute_call.of(QualitySampled) == []
    assert quality_of(mute_call) is None
    assert quality_of(telling_call) is not None


async def test_what_was_said_of_a_copied_packet_is_no_loss(
    asterisk: AsteriskInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """-1 lost is 0xffffff on the wire, and 16777215 in Asterisk's statistics."""
    monkeypatch.setattr(driver, "SAMPLE_EVERY", 0.2)
    async with World(asterisk, network=FarAway()) as world:
        phone = phone_behind(world, lambda scenario: scenario.reports(every=0.1))
        call = await world.place(world.plan(code("482913"), LONG))
        await phone.heard(0.2)
        packet = await phone.call.next_packet()
        reports = reports_of(phone.call)
        reports.arrived(packet)
        await phone.call.until(lambda: any(b.lost < 0 for report in reports.sent for b in report.blocks), SOON)
        seen = len(call.of(QualitySampled))
        await call.seen(QualitySampled, seen + 3)
        await phone.hang_up()
        await call.over()
    assert {sample.loss for sample in call.of(QualitySampled)} == {0.0}
    assert quality_of(call)["mos"] == pytest.approx(4.41, abs=0.01)
