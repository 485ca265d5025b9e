"""Stand-ins for what otpvoice talks to. They behave; they are not told what to answer."""

from __future__ import annotations

from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.call import Call, Heard
from tests.fakes.callee import Callee
from tests.fakes.faults import Fault, Faults
from tests.fakes.rest import Request

__all__ = ["Call", "Callee", "FakeAsterisk", "Fault", "Faults", "Heard", "Request"]
