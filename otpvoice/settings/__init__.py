"""What an administrator decides: read once, checked whole, all that is wrong reported together.

The fields of ``Settings`` are the list of settings: ``OTPVOICE_`` and the name in capitals is the variable, the name in
small letters the key in the TOML file that ``OTPVOICE_CONFIG`` names. It connects to nothing.

Settings of later versions are known by name: accepted, so that one file serves several versions, and without effect,
which ``Settings.warnings`` says for each. What they would permit or send does not happen. Anything else is an error.
"""

from __future__ import annotations

from otpvoice.settings.addresses import Bind
from otpvoice.settings.errors import SettingsError, SettingsProblem, SettingsWarning
from otpvoice.settings.model import Settings
from otpvoice.settings.streams import StreamAuthSettings, StreamSettings
from otpvoice.settings.tables import AccountSettings, LimitSettings, TrunkSettings
from otpvoice.settings.values import Legs

__all__ = [
    "AccountSettings",
    "Bind",
    "Legs",
    "LimitSettings",
    "Settings",
    "SettingsError",
    "SettingsProblem",
    "SettingsWarning",
    "StreamAuthSettings",
    "StreamSettings",
    "TrunkSettings",
]
