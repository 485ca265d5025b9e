"""Stand-ins for what otpvoice talks to. They behave; they are not told what to answer."""

from __future__ import annotations

from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.call import Call, Heard
from tests.fakes.callee import Callee
from tests.fakes.dialplan import Dialplan, Seen
from tests.fakes.faults import Fault, Faults
from tests.fakes.rest import Request

__all__ = ["Call", "Callee", "Dialplan", "FakeAsterisk", "Fault", "Faults", "Heard", "Request", "Seen"]
