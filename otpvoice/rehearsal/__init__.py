"""Calls that ring nobody: a test key's call runs against a scripted callee, in this process, some times as fast.

What a script does is decided by the number alone (``numbers``). Flow, session, voice and record are those of any call;
here is only what stands in for the line.
"""

from otpvoice.rehearsal.line import RehearsalLine
from otpvoice.rehearsal.numbers import NUMBERS, script_for
from otpvoice.rehearsal.scripts import CalleeScript, PicksUp, Refuses, RingsOn

__all__ = ["NUMBERS", "CalleeScript", "PicksUp", "Refuses", "RehearsalLine", "RingsOn", "script_for"]
