"""What is measured, for Prometheus: counted while it happens, or asked for when somebody scrapes.

The other rooms know nothing of it: they tell whoever was handed to them, and ``service`` hands this in.
"""

from __future__ import annotations

from otpvoice.metrics.metrics import Metrics
from otpvoice.metrics.ports import House

__all__ = ["House", "Metrics"]
