"""What all settings have in common, and what their rules have to know besides the value.

``Around`` is known also where something else is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationInfo


@dataclass(frozen=True, slots=True)
class Around:
    """What a rule has to know besides its value: is this development, and which trunks are there?"""

    dev: bool
    trunks: tuple[str, ...]


def around(info: ValidationInfo) -> Around:
    """Return what ``Settings.load`` has put beside the value."""
    if not isinstance(info.context, Around):
        raise TypeError("settings are made by Settings.load alone")
    return info.context


class SettingsModel(BaseModel):
    """Nothing unknown is passed over, and nothing is shown in exceptions."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True)
