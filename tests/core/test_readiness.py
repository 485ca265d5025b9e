"""Why an Asterisk is not ready: one judgement, for all who tell it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from otpvoice.core.readiness import why_not_ready


@dataclass
class Legs:
    """Its media legs."""

    wedged: bool = False
    free: int = 2
    taken: int = 0


@dataclass
class One:
    """An Asterisk, ready unless it is told otherwise."""

    connected: bool = True
    replaced: bool = False
    pool: Legs = field(default_factory=Legs)


@pytest.mark.parametrize(
    ("node", "reasons"),
    [
        pytest.param(One(), [], id="ready"),
        pytest.param(One(pool=Legs(free=0, taken=400)), [], id="busy"),
        pytest.param(One(pool=Legs(free=0)), ["no_media_leg"], id="no-leg"),
        pytest.param(One(pool=Legs(wedged=True)), ["media_wedged"], id="wedged"),
        pytest.param(One(pool=Legs(wedged=True, free=0)), ["media_wedged", "no_media_leg"], id="wedged-and-used-up"),
        pytest.param(One(replaced=True), ["replaced"], id="replaced"),
        # Where nobody is connected nobody makes legs, either: that is no reason of its own.
        pytest.param(One(connected=False, pool=Legs(free=0)), ["asterisk_unavailable"], id="away"),
        pytest.param(One(connected=False, replaced=True), ["asterisk_unavailable", "replaced"], id="both"),
    ],
)
def test_it_says_what_is_in_the_way(node: One, reasons: list[str]) -> None:
    assert why_not_ready(node) == reasons
