"""The composition root: settings in, a running otpvoice out. Here everything meets and nothing is decided."""

from __future__ import annotations

from otpvoice.service.running import LAST_WRITES, QUESTIONS, QUESTIONS_PER_HOST, Service

__all__ = ["LAST_WRITES", "QUESTIONS", "QUESTIONS_PER_HOST", "Service"]
