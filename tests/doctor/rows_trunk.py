"""Facts about trunks, each with the fault that they are: a row a fault, and some where nothing is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otpvoice.doctor.asterisk import trunk
from otpvoice.doctor.asterisk.trunk import Endpoint
from otpvoice.doctor.finding import Finding
from otpvoice.settings import TrunkSettings
from tests.doctor.words import Row, row

GOOD: Final = {
    "dtmf_mode": "rfc4733",
    "direct_media": "false",
    "allow": "(ulaw|alaw)",
    "rtp_keepalive": "10",
    "aors": "t",
}
AOR: Final = {"contact": "sip:192.0.2.1:5060"}


def trunk_of(dial: str = "PJSIP/{number}@t", *, state: str | None = "online", **options: str) -> list[Finding]:
    settings = TrunkSettings.model_construct(name="default", dial=dial, codec="ulaw")
    name = trunk.dialled(dial)
    endpoint = None if name is None else Endpoint(name, state, {**GOOD, **options}, (AOR,))
    return trunk.judge(settings, endpoint, ["a", "b"])


ROWS: Final[Sequence[Row]] = (
    row("trunk.ok", trunk_of),
    row("trunk.ok", lambda: trunk_of("PJSIP/t/sip:{number}@192.0.2.1")),
    row("trunk.ok", lambda: trunk_of(dtmf_mode="auto")),
    row("trunk.missing", lambda: trunk_of(state=None)),
    row("trunk.offline", lambda: trunk_of(state="offline")),
    row("trunk.no_contact", lambda: trunk_of(aors="")),
    row("trunk.dtmf_none", lambda: trunk_of(dtmf_mode="none")),
    row("trunk.dtmf_inband", lambda: trunk_of(dtmf_mode="inband")),
    row("trunk.dtmf_info", lambda: trunk_of(dtmf_mode="info")),
    row("trunk.direct_media", lambda: trunk_of(direct_media="true")),
    row("trunk.ok", lambda: trunk_of(allow="(alaw|ulaw)")),
    row("trunk.ok", lambda: trunk_of("pjsip/t/sip:{number}@192.0.2.1", state="offline", aors="")),
    row("trunk.ok", lambda: trunk_of("PJSIP/{number}@t/sips:192.0.2.1", state="offline", aors="")),
    row("trunk.no_contact", lambda: trunk_of("PJSIP/{number}@t/t", state="offline", aors="")),
    row("trunk.codec", lambda: trunk_of(allow="(alaw|g722)")),
    row("trunk.codec", lambda: trunk_of(allow="")),
    row("trunk.rtp_keepalive", lambda: trunk_of(rtp_keepalive="0")),
    row("trunk.technology", lambda: trunk_of("SIP/{number}@carrier")),
    row("trunk.unseen", lambda: trunk_of("DAHDI/g1/{number}")),
    row("trunk.unseen", lambda: trunk_of("PJSIP/{number}")),
)
