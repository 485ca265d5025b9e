"""The way out, and which channels come in by it."""

from __future__ import annotations

import pytest

from otpvoice.stasis import Trunk


@pytest.mark.parametrize(
    ("dial", "channel", "carries"),
    [
        ("PJSIP/{number}@carrier-a", "PJSIP/carrier-a-0000002a", True),
        ("PJSIP/{e164}@carrier-a", "PJSIP/carrier-a-0000002a", True),
        ("PJSIP/carrier-a/sip:{number}@198.51.100.7", "PJSIP/carrier-a-0000002a", True),
        ("PJSIP/{number}@carrier-a", "PJSIP/carrier-0000002a", False),
        ("PJSIP/{number}@carrier", "PJSIP/carrier-a-0000002a", False),
        ("PJSIP/{number}@carrier-a", "Local/carrier-a-0000002a;1", False),
        ("Local/{number}@carrier-a", "Local/carrier-a-0000002a;1", False),
        ("PJSIP/{number}@carrier-a", "", False),
    ],
)
def test_a_channel_comes_in_by_the_trunk_whose_endpoint_it_has(dial: str, channel: str, carries: bool) -> None:
    assert Trunk("a", dial).carries(channel) is carries
