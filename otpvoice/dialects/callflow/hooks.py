"""The webhooks of a sub-account by their types, and by what its requests are told from one another (8x8, Webhooks)."""

from __future__ import annotations

from typing import Final

ACTION: Final = "VCA"
"""Who says what comes next."""
SUMMARY: Final = "VSS"
"""Who gets the summary."""
STATUS: Final = "VCS"
"""Who hears of everything."""
CLIENT_REQUEST_ID: Final = "clientRequestId"
"""In a plan's metadata, and so in its record and its summary."""
