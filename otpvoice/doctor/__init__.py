"""``otpvoice doctor``: what is wrong with an installation, and how to mend it.

It changes nothing, rings nobody, and never prints a secret. What judges is pure, facts in and findings out; what asks
the world is thin, and each question has a deadline of its own, so that one dead part does not hold up the others.
"""

from __future__ import annotations

from otpvoice.doctor.examination import Patient, examine
from otpvoice.doctor.finding import Finding, Status
from otpvoice.doctor.looks import CHECKS

__all__ = ["CHECKS", "Finding", "Patient", "Status", "examine"]
