"""What the rules of a request are told besides the request: the account's choices, and the moment.

It decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationInfo

from otpvoice.dialects.offers import CallDefaults, TrunkOffer


@dataclass(frozen=True, slots=True)
class Context:
    """Goes into pydantic's ``context``. ``now``: Unix seconds."""

    defaults: CallDefaults
    now: float

    def trunk(self, name: str | None) -> TrunkOffer | None:
        """Return the trunk of this name, or for None the first one; None where there is none."""
        trunks = self.defaults.trunks
        return next(iter(trunks.values()), None) if name is None else trunks.get(name)


def context(info: ValidationInfo) -> Context:
    """Return it from within a validator."""
    if not isinstance(info.context, Context):
        raise TypeError("these models are validated by their doors alone")
    return info.context
