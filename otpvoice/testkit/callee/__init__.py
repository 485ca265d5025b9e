"""A phone for tests, benchmarks and the demo, to be called and to call: SIP over UDP, G.711, telephone events.

It is no softphone: no TCP, TLS, SRTP, ICE, registration or authentication; what it does is told by a scenario.
"""

from otpvoice.testkit.callee.agent import CalleeAgent
from otpvoice.testkit.callee.call import Call
from otpvoice.testkit.callee.facts import CallOver, Ending, Invite, Refused, Times
from otpvoice.testkit.callee.incoming import IncomingCall
from otpvoice.testkit.callee.outgoing import OutgoingCall
from otpvoice.testkit.callee.recording import Burst, Recording
from otpvoice.testkit.callee.rtp import Law, RtpPacket
from otpvoice.testkit.callee.scenario import Scenario
from otpvoice.testkit.callee.sdp import Direction
from otpvoice.testkit.callee.steps import HangUp, HeardAudio, HeardPackets, HeardSilence, Hold, Keys, Tone
from otpvoice.testkit.callee.stream import Stroke

__all__ = [
    "Burst",
    "Call",
    "CallOver",
    "CalleeAgent",
    "Direction",
    "Ending",
    "HangUp",
    "HeardAudio",
    "HeardPackets",
    "HeardSilence",
    "Hold",
    "IncomingCall",
    "Invite",
    "Keys",
    "Law",
    "OutgoingCall",
    "Recording",
    "Refused",
    "RtpPacket",
    "Scenario",
    "Stroke",
    "Times",
    "Tone",
]
