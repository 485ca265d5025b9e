"""Whatever happens to a call, in whatever order: it ends, once, and leaves nobody behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.actions import (
    ANY_KEY,
    Action,
    Dial,
    Gate,
    Gather,
    Hangup,
    LanguageKey,
    Play,
    Replay,
    Say,
    SayCode,
    SendDigits,
)
from otpvoice.core.commands import (
    Answer,
    Ask,
    Command,
    Connect,
    DialSecond,
    HangUp,
    HangUpSecond,
    Part,
    Release,
    SendDigitsToSecond,
    Speak,
    StopSpeaking,
    Tell,
)
from otpvoice.core.commands import Dial as Place
from otpvoice.core.digits import KEYPAD, DigitRules
from otpvoice.core.events import (
    Asked,
    CallAnswered,
    CallDialed,
    CallEnded,
    CallHeld,
    CallProgressed,
    CallReleased,
    CallResumed,
    DigitReceived,
    DigitsNotSent,
    DigitsSent,
    Flooded,
    HangupAsked,
    Happening,
    Instructed,
    MediaLost,
    MediaUnavailable,
    NotInstructed,
    OfSecond,
    OnSecond,
    OriginateAccepted,
    PartiesConnected,
    PartiesParted,
    SecondEnded,
    SpeakingFailed,
    SpeakingFinished,
    SpeakingStarted,
)
from otpvoice.core.flow import CallFlow
from otpvoice.core.outcome import Fault, OwnAction, classify
from otpvoice.core.plan import Webhook
from otpvoice.core.record import CallRecord
from otpvoice.core.secret import OtpCode
from otpvoice.core.speech import CodeCharacter
from tests.core.stories import BEGAN, CLOSING, PASSES, Passes, inbound, outbound

ACTIONS: list[Action] = [
    Say("Hello."),
    SayCode(OtpCode("123"), times=1),
    Play("music"),
    Gather(DigitRules(max_digits=1), prompt=(Say("Which?"),), type_ahead="keep"),
    Dial("+15550177"),
    Dial("+15550166", caller_id="+15550188", ring_timeout=20.0),
    Dial("+15550144", digits="w12#", max_duration=5.0),
    SayCode(OtpCode("123"), gate=Gate("4"), replay=Replay("4", limit=2)),
    SayCode(OtpCode("123"), gate=Gate("5", tries=1), languages=(LanguageKey("4", "de"),)),
    SayCode(OtpCode("123"), languages=(LanguageKey("5", "de"), LanguageKey("4", "en"))),
    SendDigits("1w"),
    Hangup(),
]
ANSWERS: list[tuple[Action, ...]] = [
    (),
    (Say("More."),),
    (Hangup(), Say("Never.")),
    (SendDigits("1"), Dial("+15550155")),
    (SayCode(OtpCode("456"), gate=Gate(ANY_KEY), replay=Replay("5")), Gather(DigitRules(max_digits=2))),
]
WEBHOOKS: list[Webhook | None] = [
    None,
    Webhook("https://shop.example"),
    Webhook("https://shop.example", interactive=True),
    Webhook("https://shop.example", interactive=True, fallback=(Gather(DigitRules(max_digits=1)), Say("Bye."))),
]
USUAL: list[Happening] = [
    CallAnswered(BEGAN),
    PartiesConnected(BEGAN),
    PartiesParted(BEGAN),
    CallHeld(BEGAN),
    CallResumed(BEGAN),
    DigitReceived("4", BEGAN),
    DigitReceived("5", BEGAN),
    *(Instructed(BEGAN, actions) for actions in ANSWERS),
    *(SpeakingStarted(str(number), BEGAN, 1.0) for number in range(1, 6)),
    *(SpeakingFinished(str(number), BEGAN, cut=False) for number in range(1, 6)),
]
RARE: list[Happening] = [
    CallProgressed(BEGAN, ringing=True),
    SpeakingFailed("1", BEGAN, "gone"),
    DigitsNotSent(BEGAN),
    NotInstructed(BEGAN, "not_answered", "the webhook did not answer"),
    MediaLost(BEGAN),
    MediaUnavailable(BEGAN),
    Flooded(BEGAN),
    CallEnded(BEGAN, cause=16, by_callee=True),
    CallEnded(BEGAN, fault=Fault.ASTERISK_LOST),
    CallReleased(BEGAN),
    HangupAsked(BEGAN, OwnAction.HANG_UP_BY_API),
    HangupAsked(BEGAN, OwnAction.SHUTDOWN),
]
OF_SECOND: list[OfSecond] = [
    CallDialed(BEGAN),
    OriginateAccepted(BEGAN, "abc"),
    CallProgressed(BEGAN, ringing=True),
    CallAnswered(BEGAN),
    DigitReceived("7", BEGAN),
    DigitsSent(BEGAN),
    DigitsNotSent(BEGAN),
    CallEnded(BEGAN, cause=17, sip_status=486, by_callee=True, replied=True),
]
SECONDS = st.builds(OnSecond, st.integers(1, 3), st.sampled_from(OF_SECOND))
ANYTHING = st.one_of(st.sampled_from(USUAL), SECONDS, st.just(PASSES), st.sampled_from(RARE))
# Mostly a world that does as it was told, else few calls would get far.
STORY = st.lists(
    st.tuples(st.one_of(st.none(), st.none(), st.none(), ANYTHING), st.sampled_from([0.0, 0.5, 7.0])),
    min_size=5,
    max_size=40,
)


class Witness:
    """Follows one call, and knows at every moment what must not be."""

    def __init__(self, flow: CallFlow) -> None:
        self.flow = flow
        self.now = 0.0
        self.done: list[Command] = []
        self.picked_up: set[int] = set()
        self.gone: set[int] = set()
        self.finished: set[str] = set()
        self.connected = 0
        self.away = False  # the first party is with the second, or on its way there or back
        plan = flow.plan
        self.record = CallRecord("call", "shop", "http", plan, flow.proof, "node", "otp", BEGAN, channel="call-1")

    def see(self, event: Happening | Passes, after: float) -> None:
        """Something happens, ``after`` so many seconds; or the deadline comes."""
        over = self.flow.over
        if isinstance(event, Passes):
            self.now = max(self.now, self.flow.deadline or 0.0)
            done = self.flow.expire(self.now)
        else:
            self.now += after
            self.record.note(event)
            match event:
                case OnSecond(number=number, event=CallAnswered()):
                    self.picked_up.add(number)
                case OnSecond(number=number, event=CallEnded()):
                    self.gone.add(number)
                case PartiesParted():
                    self.away = False
                case SpeakingFinished(utterance_id=utterance):
                    self.finished.add(utterance)
                case _:
                    pass
            done = self.flow.receive(event, self.now)
        assert not (over and done), "nothing is done for a call that is over"
        self.take(done)

    def take(self, done: list[Command]) -> None:
        """Look at each command at the moment when it is given."""
        for place, command in enumerate(done):
            match command:
                case Ask():
                    assert self.flow.plan.webhook, "somebody is there to ask"
                    told = done[place - 1]
                    by_report = isinstance(told, Tell) and isinstance(told.report, Asked)
                    assert by_report or (self.flow.plan.asks_at_answer and not self.has(Ask))
                    assert not self.has(HangUp, Release)
                case Speak():
                    assert not self.away, "nobody is spoken to who can't hear it"
                case Connect(number=number):
                    assert number in self.picked_up
                    assert number not in self.gone
                    self.away = True
                case SendDigitsToSecond(number=number):
                    assert number in self.picked_up - self.gone
                    assert not self.has(HangUp, Release)
                case Part():
                    assert self.away or Connect(self.dialled) in self.done
                case DialSecond(number=number):
                    assert number == self.dialled + 1, "each is called once, one after the other"
                    assert not self.has(HangUp, Release)
                case Tell(report=report):
                    self.record.note(report)
                case _:
                    pass
            self.done.append(command)
        assert self.flow.over or self.flow.deadline is not None, "no wait is without an end"
        stage = self.flow._stage
        # Who is on hold, or talks to somebody else, may take until the limit of the call.
        assert self.flow.over or stage.held or stage.talking or stage.deadline is not None

    def due(self) -> Happening | Passes:
        """Return what a world does next that does as it was told."""
        match next((command for command in reversed(self.done) if not isinstance(command, Tell | StopSpeaking)), None):
            case Place() | Answer():
                return CallAnswered(BEGAN)
            case Ask():
                return Instructed(BEGAN, ANSWERS[self.has(Ask) % len(ANSWERS)])
            case Speak(utterance_id=utterance) if utterance in self.finished:
                return DigitReceived("4", BEGAN)
            case Speak(utterance_id=utterance):
                ringing = self.dialled not in self.gone | self.picked_up and self.dialled > 0
                answered = OnSecond(self.dialled, CallAnswered(BEGAN))
                return answered if ringing else SpeakingFinished(utterance, BEGAN, cut=False)
            case DialSecond(number=number):
                return OnSecond(number, CallAnswered(BEGAN))
            case SendDigitsToSecond(number=number):
                return OnSecond(number, DigitsSent(BEGAN))
            case Connect(number=number):
                self.connected, before = number, self.connected
                return OnSecond(number, OF_SECOND[-1]) if before == number else PartiesConnected(BEGAN)
            case HangUpSecond(number=number) if number not in self.gone:
                return OnSecond(number, OF_SECOND[-1])
            case HangUp() | HangUpSecond():
                return CallEnded(BEGAN, cause=16)
            case Part():
                return PartiesParted(BEGAN)
            case Release():
                return CallReleased(BEGAN)
            case _:
                return PASSES

    @property
    def dialled(self) -> int:
        """How many second parties were called."""
        return sum(isinstance(command, DialSecond) for command in self.done)

    def has(self, *types: type[Command]) -> int:
        """How many of these commands were given."""
        return sum(isinstance(command, types) for command in self.done)


@given(
    make=st.sampled_from([inbound, outbound]),
    actions=st.lists(st.sampled_from(ACTIONS), max_size=5),
    goes_on=st.booleans(),
    webhook=st.sampled_from(WEBHOOKS),
    story=STORY,
)
def test_every_call_ends_once_and_leaves_nobody_behind(
    make: Callable[..., CallFlow],
    actions: list[Action],
    goes_on: bool,
    webhook: Webhook | None,
    story: list[tuple[Happening | Passes | None, float]],
) -> None:
    flow = make(*actions, goes_on=goes_on, webhook=webhook, locales=CLOSING)
    seen = Witness(flow)
    seen.take(flow.start(0.0, BEGAN))
    for event, after in story:
        seen.see(event or seen.due(), after)
    check(seen)


@pytest.mark.parametrize("event", [*RARE, *(OnSecond(1, event) for event in OF_SECOND), PASSES], ids=repr)
@pytest.mark.parametrize("make", [inbound, outbound])
def test_whatever_comes_between_at_any_moment_of_a_good_call(
    make: Callable[..., CallFlow], event: Happening | Passes
) -> None:
    for moment in range(20):
        for goes_on in (True, False):
            twice = (Dial("+15550177", digits="1", max_duration=9.0), Dial("+15550166"))
            seen = Witness(make(Say("Hello."), *twice, Say("Bye."), goes_on=goes_on))
            seen.take(seen.flow.start(0.0, BEGAN))
            for _ in range(moment):
                seen.see(seen.due(), 0.5)
            seen.see(event, 0.5)
            for _ in range(20):
                seen.see(seen.due(), 0.5)
            check(seen)


@pytest.mark.parametrize("event", [*RARE, *USUAL, PASSES], ids=repr)
def test_whatever_comes_between_at_any_moment_of_a_call_that_asks(event: Happening | Passes) -> None:
    code = SayCode(OtpCode("123"), times=1, gate=Gate("4"), replay=Replay("4", limit=1))
    for moment in range(16):
        seen = Witness(outbound(code, SendDigits("1"), webhook=WEBHOOKS[-1]))
        seen.take(seen.flow.start(0.0, BEGAN))
        for _ in range(moment):
            seen.see(seen.due(), 0.5)
        for _ in range(2):  # it is told twice
            seen.see(event, 0.5)
        for _ in range(20):
            seen.see(seen.due(), 0.5)
        check(seen)


GATED = st.builds(
    lambda key, tries, replay, languages: SayCode(
        OtpCode("123"), times=1, gate=Gate(key, tries=tries), replay=replay, languages=languages
    ),
    key=st.sampled_from(["1", "#", ANY_KEY]),
    tries=st.integers(1, 3),
    replay=st.sampled_from([None, Replay("1"), Replay("3")]),
    languages=st.sampled_from([(), (LanguageKey("2", "de"),), (LanguageKey("2", "de"), LanguageKey("*", "sv"))]),
)
KEYS = st.builds(DigitReceived, st.sampled_from([*"123#*", *sorted(KEYPAD)]), st.just(BEGAN))


@given(
    code=GATED,
    held=st.booleans(),
    story=st.lists(
        st.one_of(KEYS, st.none(), st.just(PASSES), st.sampled_from([CallHeld(BEGAN), CallResumed(BEGAN)])),
        min_size=3,
        max_size=20,
    ),
)
def test_nothing_secret_is_spoken_before_a_key_has_answered_the_question_of_the_gate(
    code: SayCode, held: bool, story: list[Happening | Passes | None]
) -> None:
    assert code.gate is not None
    keys = KEYPAD if code.gate.key == ANY_KEY else {code.gate.key}
    opening = {*keys, *(choice.key for choice in code.languages)}
    flow = outbound(code, max_duration=14_400.0, locales=CLOSING)
    question = flow.scripts[0]
    seen = Witness(flow)
    seen.take(flow.start(0.0, BEGAN))
    waiting = opened = False
    for told in [*([CallHeld(BEGAN)] if held else []), CallAnswered(BEGAN), *story]:
        event = told or seen.due()
        if isinstance(event, DigitReceived):
            # The first key that comes after the question decides.
            opened, waiting = opened or (waiting and event.digit in opening), False
        before = len(seen.done)
        seen.see(event, 0.1)
        for command in seen.done[before:]:
            if isinstance(command, Speak):
                assert opened or not any(isinstance(piece, CodeCharacter) for piece in command.script)
                waiting = waiting or command.script == question
    check(seen)


def check(seen: Witness) -> None:
    """The world falls silent. The call ends, and this is what holds of every call that has."""
    flow = seen.flow
    for _ in range(100):
        if flow.over:
            break
        seen.see(PASSES, 0.0)

    assert flow.over
    assert flow.deadline is None
    assert seen.has(HangUp, Release) <= 1
    assert (seen.has(Place), seen.has(Answer)) == ((0, 1) if flow.plan.inbound else (1, 0))
    assert flow.plan.goes_on or not seen.has(Release)
    assert seen.has(Part) <= seen.has(Connect)
    ended = [report.number for report in reports(seen) if isinstance(report, SecondEnded)]
    assert ended == [*range(1, seen.dialled + 1)], "each has one end"
    hung_up = [command.number for command in seen.done if isinstance(command, HangUpSecond)]
    assert len(hung_up) == len(set(hung_up))
    assert set(ended) <= set(hung_up) | seen.gone
    seen.record.end(classify(flow.ending), BEGAN)
    assert all(leg["outcome"] for leg in seen.record.to_json()["legs"])


def reports(seen: Witness) -> list[object]:
    return [command.report for command in seen.done if isinstance(command, Tell)]


@given(st.lists(ANYTHING, max_size=10), st.booleans())
def test_what_happens_before_the_beginning_breaks_nothing(story: list[Happening | Passes], is_inbound: bool) -> None:
    flow = (inbound if is_inbound else outbound)(Say("Hello."))
    done: list[Command] = []
    for event in story:
        done += flow.expire(0.0) if isinstance(event, Passes) else flow.receive(event, 0.0)
    began = flow.start(0.0, BEGAN)
    ended = flow.over or any(isinstance(command, HangUp | Release) for command in done)
    assert (began == []) is ended
