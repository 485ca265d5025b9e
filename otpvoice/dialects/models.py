"""What the models of all requests have in common: nothing is coerced, and nothing unknown is passed over."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from otpvoice.dialects import fields


class Model(BaseModel):
    """One object of a request."""

    # hide_input_in_errors: should an exception get out, it does not show the body.
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Labelled(Model):
    """An action: its sender may give it names of its own."""

    id: fields.Label | None = None
    tag: fields.Label | None = None
