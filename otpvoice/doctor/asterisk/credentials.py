"""Who gets into Asterisk besides us, and whether we may do there what we have to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import aiohttp

from otpvoice.doctor.asking import Answered, ask
from otpvoice.doctor.asterisk.reach import Reached
from otpvoice.doctor.finding import Check, Finding

CREDENTIALS = Check("ari.credentials", "Are Asterisk's credentials ours alone, and do they permit what we need?")
WELL_KNOWN = CREDENTIALS.fails(
    "well_known",
    "Asterisk takes {pair}, which is in every manual: whoever reaches it has it, its trunk and its money",
    "Take the section [{user}] out of ari.conf, or give it a password of its own (openssl rand -hex 32); then"
    " asterisk -rx 'module reload res_ari.so', and the same in OTPVOICE_ARI_USER and OTPVOICE_ARI_PASSWORD.",
)
READ_ONLY = CREDENTIALS.fails(
    "read_only",
    "the user {user} may only read: no call can be placed",
    "Take read_only = yes out of the section [{user}] of ari.conf; then asterisk -rx 'module reload res_ari.so'.",
)

PAIRS: Final = (("asterisk", "asterisk"), ("ari", "ari"), ("admin", "admin"))
"""Of manuals and samples. Few: each is a wrong password where all is right."""
_NOTHING: Final = "otpvoice-doctor-nobody"


async def look(reached: Reached, user: str, password: str) -> list[Finding]:
    """Try the well-known pairs, and whether we may write: by ending a channel that there is not."""
    pairs = {*PAIRS, (user, user)}
    taken: list[str] = []
    for name, word in sorted(pairs):
        if (name, word) == (user, password):
            taken.append(name)
            continue
        headers = {"Authorization": aiohttp.encode_basic_auth(name, word)}
        answer = await ask(reached.http, f"{reached.url}/ari/asterisk/ping", headers=headers)
        if isinstance(answer, Answered) and answer.status == 200:
            taken.append(name)
    write = await ask(reached.http, f"{reached.url}/ari/channels/{_NOTHING}", method="DELETE")
    return judge(user, taken, read_only=isinstance(write, Answered) and write.status == 403)


def judge(user: str, taken: Sequence[str], *, read_only: bool) -> list[Finding]:
    """``taken``: the users that got in with their own name as the password."""
    # The pair is public, so it is no secret; it is the one that is in the manuals.
    found = [WELL_KNOWN(user=name, pair=f"{name}:{name}") for name in taken]
    if read_only:
        found.append(READ_ONLY(user=user))
    return found or [CREDENTIALS.ok(f"no well-known pair gets in, and {user} may write")]
