"""The sub-account that the examples are read for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from otpvoice.core.plan import Hook
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.offers import TrunkOffer
from tests.dialects.account import DEFAULTS as ACCOUNT
from tests.dialects.account import NOW

__all__ = ["DEFAULTS", "EXAMPLES", "HOOKS", "NOW"]

EXAMPLES: Final = Path(__file__).parent / "examples"


def scenarios(name: str) -> bytes | None:
    """Those of a folder."""
    file = EXAMPLES / "scenarios" / f"{name}.json"
    return file.read_bytes() if file.exists() else None


DEFAULTS: Final = replace(
    ACCOUNT,
    trunks={
        "singapore": TrunkOffer("singapore", ("+6512341234", "+6561115777", "+6588000000")),
        "other": TrunkOffer("other", ("+6561115777", "+6512345678", "600"), ring_timeout=20.0),
        "empty": TrunkOffer("empty"),
    },
    destinations=Destinations(allow=("+65",), deny=("+6599",)),
    local_numbers=re.compile("1[0-9]{3}"),
    account="acme_corp",
    scenarios=scenarios,
)
"""Three trunks; Singapore but for one range of it."""
HOOKS: Final = {
    "VCA": Hook("VCA", "https://ivr.example/vca", auth="c2VhbGVk"),
    "VSS": Hook("VSS", "https://ivr.example/vss"),
    "VCS": Hook("VCS", "https://ivr.example/vcs", auth="c2VhbGVkLCB0b28="),
}
