"""``otpvoice`` that tries a webhook again sooner: what would come within three days comes within a soak."""

from __future__ import annotations

from tenacity import Retrying, stop_after_attempt, wait_chain, wait_fixed

from otpvoice.__main__ import main
from otpvoice.adapters.webhooks import schedule

PAUSES = (1.0, 2.0, 5.0, 10.0, *[15.0] * 20)

schedule._POLICY = Retrying(  # type: ignore[misc]
    wait=wait_chain(*map(wait_fixed, PAUSES)), stop=stop_after_attempt(len(PAUSES) + 1)
)

main()
