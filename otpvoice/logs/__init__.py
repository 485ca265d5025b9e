"""The log: one line an event to standard output, as JSON or for a terminal.

It decides how lines look and never what happens. No line holds a secret or a whole telephone number.
"""

from __future__ import annotations

from otpvoice.logs.faults import take_faults, take_faults_of
from otpvoice.logs.lines import configure
from otpvoice.logs.transcript import LoggedRecords, transcript

__all__ = ["LoggedRecords", "configure", "take_faults", "take_faults_of", "transcript"]
