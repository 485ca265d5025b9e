"""An Asterisk that lets nobody in at ``/media``: what is told of it, and what becomes of a call."""

from __future__ import annotations

from otpvoice.core.readiness import why_not_ready
from tests.ari.rig import a_node, eventually
from tests.fakes import FakeAsterisk


async def test_a_node_whose_legs_are_all_refused_is_not_ready_and_a_call_may_still_wait_for_one(
    asterisk: FakeAsterisk,
) -> None:
    """Refused at once: each connection begins with no leg, and calls that come in that moment are not to be lost."""
    asterisk.faults.answer("externalMedia", status=403)
    async with a_node(asterisk, connected=False) as node:
        await eventually(lambda: node.pool.not_made)
        assert (why_not_ready(node), node.ready) == (["no_media_leg"], True)
