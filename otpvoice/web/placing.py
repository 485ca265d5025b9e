"""A call that was asked for is begun: the same at every door.

Here alone it is decided who is rung, and that a test key rings nobody.
"""

from __future__ import annotations

from typing import Any

from otpvoice.core.plan import CallPlan
from otpvoice.stasis import Trunk
from otpvoice.web.auth import Caller
from otpvoice.web.idempotency import Attempt
from otpvoice.web.ports import Calls


async def place(
    calls: Calls, plan: CallPlan, trunk: Trunk, *, caller: Caller, door: str, attempt: Attempt
) -> dict[str, Any]:
    """Begin a call, or with a test key rehearse it. Returns its record. Raises ``stasis.NotTaken``."""
    call_id, token = attempt.call_id, attempt.token
    if caller.test:
        return await calls.rehearse(plan, account=caller.id, door=door, call_id=call_id, token=token)
    return await calls.place(plan, trunk, account=caller.id, door=door, call_id=call_id, token=token)
