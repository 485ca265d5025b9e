"""A carrier on loopback: an Asterisk with accounts that register and ask for a password, over TLS, TCP and UDP.

What is called through it rings at the agent. It says of each call what it was carried by.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent
from otpvoice.testkit.ports import PortBlock
from tests.asterisk.certificates import Identity

PASSWORD: Final = "correct-horse-battery"

_PJSIP: Final = """
[transport-udp](transport)
protocol = udp
bind = 127.0.0.1:{udp}

[transport-tcp](transport)
protocol = tcp
bind = 127.0.0.1:{tcp}

; Somebody else's certificate, as far as this address goes.
[transport-misnamed](transport)
protocol = tls
bind = 127.0.0.1:{misnamed}
cert_file = {other.certificate}
priv_key_file = {other.key}

[account-endpoint](!,trunk-endpoint)
identify_by = username
allow = ulaw
context = accounts

[account-aor](!)
type = aor
max_contacts = 5
remove_existing = yes

[account-auth](!)
type = auth
auth_type = digest
password = {password}

; Speaks nothing but SRTP.
[sealed](account-endpoint)
auth = sealed-auth
aors = sealed
[sealed](account-aor)
[sealed-auth](account-auth)
username = sealed

[open](account-endpoint)
auth = open-auth
aors = open
media_encryption = no
[open](account-aor)
[open-auth](account-auth)
username = open

[agent](account-endpoint)
transport = transport-udp
media_encryption = no
aors = agent
[agent]
type = aor
contact = sip:{host}:{port}
"""
# h: asked when all is settled; an offer that is still open has no keys yet.
_DIALPLAN: Final = """
[accounts]
exten => _+X.,1,Dial(PJSIP/${EXTEN}@agent)
exten => h,1,Log(NOTICE,carried from=${CALLERID(num)} signalling=${CHANNEL(pjsip,secure)} media=${CHANNEL(rtp,secure)})
[callback]
exten => s,1,Playtones(440)
 same => n,Wait(10)
"""


class CarrierPorts:
    """Where it is besides: ``misnamed`` is TLS with a certificate for somebody else."""

    def __init__(self) -> None:
        """Claim them; they are given back by ``release``."""
        block = PortBlock.claim(10)
        self.udp, self.tcp, self.misnamed = block.udp, block.tcp, block.tcp + 2
        self.release = block.release


async def start_carrier(
    folder: Path, agent: CalleeAgent, identity: Identity, other: Identity, ports: CarrierPorts
) -> AsteriskInstance:
    """Start it; TLS with its ``identity`` is at its ``sip_port``."""
    host, port = agent.address
    pjsip = _PJSIP.format(
        udp=ports.udp, tcp=ports.tcp, misnamed=ports.misnamed, other=other, password=PASSWORD, host=host, port=port
    )
    modules = "".join(
        f"load = {name}.so\n" for name in ("res_pjsip_registrar", "res_pjsip_endpoint_identifier_user", "app_playtones")
    )
    return await AsteriskInstance.start(
        folder,
        trunk=("127.0.0.9", 5060),
        rtp_ports=60,
        settings={
            "TRUNK_TRANSPORT": "tls",
            "TRUNK_MEDIA_ENCRYPTION": "sdes",
            "TLS_CERTIFICATE_PATH": str(identity.certificate),
            "TLS_KEY_PATH": str(identity.key),
        },
        extra_config={"pjsip.conf": pjsip, "modules.conf": modules},
        extensions=_DIALPLAN,
    )


def carried(carrier: AsteriskInstance) -> list[dict[str, str]]:
    """What it said of the calls that ended, in order."""
    lines = re.findall(r"carried (.*)$", carrier.log_path.read_text(), re.MULTILINE)
    return [dict(word.split("=") for word in line.split()) for line in lines]
