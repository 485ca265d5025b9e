"""A plan that was written is read again as it was, and nothing else is read as a plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import is_dataclass, replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core import actions
from otpvoice.core.actions import (
    Action,
    BasicAuth,
    Dial,
    Gate,
    Gather,
    Hangup,
    LanguageKey,
    Pause,
    Play,
    Replay,
    Say,
    SayCode,
    Stream,
)
from otpvoice.core.digits import DigitRules
from otpvoice.core.plan import CallPlan, Webhook
from otpvoice.core.plan_text import CLASSES, IS, UnreadablePlan, plan_from_text, plan_to_text
from otpvoice.core.secret import Keys, OtpCode, Secret
from tests.core.plans import JSON, PLANS, classes_in

CODE = "918273"
PLAN = CallPlan(
    "+15550100",
    "+15550199",
    "default",
    "de-DE",
    (
        Say("Grüße, 世界 🙂", speed=1, tag="hello"),
        SayCode(
            OtpCode(CODE),
            group=3,
            replay=Replay(),
            gate=Gate("any", failure=(Pause(1), Play(prompt="bye"))),
            languages=(LanguageKey("2", "en-US"),),
        ),
        Gather(DigitRules(max_digits=4), prompt=(SayCode(OtpCode("ABC")), Say("Now?"))),
        Stream("wss://a.example", "x", parameters={"a": "b"}, auth=BasicAuth("me", Secret("very secret"))),
        Dial("+15550123", digits="ww4711#", max_duration=1800),
        Hangup(),
    ),
    valid_until=1_700_000_000,
    sip_headers={"X-A": "ü"},
    metadata={"order": 7, "list": [1, 2.0, True, None, {"is": "Say"}]},
    webhook=Webhook("https://a.example/hook?token=t", ("call.ended",), True, 4.5, (Say("Sorry."), Hangup())),
    streams=(Stream("wss://b.example", "x", trusted=True),),
)
TEXT = plan_to_text(PLAN)


# --- what was written is read -----------------------------------------------------------------------------------------


@given(PLANS)
def test_what_was_written_is_read_as_it_was(plan: CallPlan) -> None:
    text = plan_to_text(plan)
    read = plan_from_text(text)
    assert read == plan
    assert plan_to_text(read) == text, "to the kind of each number"


def test_a_plan_of_everything_is_read_as_it_was() -> None:
    read = plan_from_text(TEXT)
    assert read == PLAN
    assert list(map(type, read.actions)) == list(map(type, PLAN.actions))
    code = read.actions[1]
    assert isinstance(code, SayCode)
    assert (type(code.code), code.code.reveal(), str(code.code)) == (OtpCode, CODE, "••••••")
    hashable = [index for index, action in enumerate(PLAN.actions) if not isinstance(action, Stream)]
    assert [hash(read.actions[index]) for index in hashable] == [hash(PLAN.actions[index]) for index in hashable]
    assert [type(item) for item in read.metadata["list"]] == [int, float, bool, type(None), dict]


def test_the_largest_plan_is_read_as_it_was() -> None:
    metadata = {f"{number:03}": "世" * 50 for number in range(50)}
    fifty = tuple(Say("\U0001f642" * 3000, tag=str(number)) for number in range(50))
    assert len(json.dumps(metadata)) > 8000
    plan = replace(PLAN, actions=fifty, metadata=metadata, webhook=replace(PLAN.webhook or Webhook(""), fallback=fifty))
    assert plan_from_text(plan_to_text(plan)) == plan


@pytest.mark.parametrize("text", ["", "\x00", '"\\', "\u2028", "\ud83d", "\ud83d\ude42", "\U0001f642"], ids=ascii)
def test_every_text_is_read_as_it_was(text: str) -> None:
    """Also halves of characters, and two that are not to become a whole one."""
    plan = replace(PLAN, actions=(Say(text),), metadata={text: text})
    assert plan_from_text(plan_to_text(plan)) == plan


def test_metadata_may_be_as_deep_as_a_request_may() -> None:
    deep: Any = 1
    for _ in range(32):
        deep = {"a": [deep]}
    plan = replace(PLAN, metadata=deep)
    assert plan_from_text(plan_to_text(plan)) == plan


def test_a_code_stays_a_code_where_any_secret_may_stand() -> None:
    for secret in (Secret("918"), OtpCode("918"), Keys("918")):
        plan = replace(PLAN, actions=(Stream("", "", auth=BasicAuth("", secret)),))
        read = plan_from_text(plan_to_text(plan))
        assert read == plan
        assert isinstance(read.actions[0], Stream)
        assert isinstance(read.actions[0].auth, BasicAuth)
        assert type(read.actions[0].auth.password) is type(secret)


def test_what_an_older_version_wrote_is_read() -> None:
    """Of this format, without the fields that came later. Who changes this text reads nothing any more that is kept."""
    older = (
        '{"format":1,"plan":{"is":"CallPlan","to":"+15550100","caller_id":null,"trunk":"default","language":"en-US",'
        '"actions":[{"is":"SayCode","code":{"is":"OtpCode","_value":"918273"}},{"is":"Gather","rules":'
        '{"is":"DigitRules","max_digits":4}},{"is":"Hangup"}],"webhook":{"is":"Webhook","url":"https://a.example"}}}'
    )
    assert plan_from_text(older.encode()) == CallPlan(
        "+15550100",
        None,
        "default",
        "en-US",
        (SayCode(OtpCode("918273")), Gather(DigitRules(max_digits=4)), Hangup()),
        webhook=Webhook("https://a.example"),
    )


# --- the registry -----------------------------------------------------------------------------------------------------


def test_every_class_of_a_plan_is_known() -> None:
    """Whoever adds an action, or something in one, says here that it may be written down."""
    assert {*classes_in(CallPlan), Keys} == set(CLASSES.values())
    assert set(get_args(Action)) <= set(CLASSES.values())
    words = {one for one in vars(actions).values() if isinstance(one, type) and is_dataclass(one)}
    assert words <= set(CLASSES.values())


def test_no_field_is_in_the_way_of_the_name_of_its_class() -> None:
    for class_ in CLASSES.values():
        assert IS not in class_.__dataclass_fields__  # type: ignore[attr-defined]  # each is a dataclass


@pytest.mark.parametrize(
    "plan",
    [
        replace(PLAN, actions=(object(),)),  # type: ignore[arg-type]  # it is about what is no action
        replace(PLAN, actions=(classes_in,)),  # type: ignore[arg-type]
        replace(PLAN, metadata={"a": (1, 2)}),
        replace(PLAN, metadata={1: 2}),  # type: ignore[dict-item]
        replace(PLAN, metadata={"a": {None: 2}}),
        replace(PLAN, metadata={"a": b"b"}),
    ],
    ids=["object", "function", "tuple", "number", "none", "bytes"],
)
def test_what_would_be_read_as_something_else_is_not_written(plan: CallPlan) -> None:
    with pytest.raises(TypeError):
        plan_to_text(plan)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")], ids=str)
def test_what_is_no_number_is_not_written(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        plan_to_text(replace(PLAN, ring_timeout=number))
    with pytest.raises(ValueError, match="JSON"):
        plan_to_text(replace(PLAN, metadata={"a": [number]}))


# --- nothing else is a plan -------------------------------------------------------------------------------------------


def refused(text: bytes) -> str:
    """Return why a text is refused; nothing of it is in the error, or in what hangs on it."""
    with pytest.raises(UnreadablePlan) as found:
        plan_from_text(text)
    assert isinstance(found.value, ValueError)
    assert found.value.__context__ is found.value.__cause__ is None
    assert CODE not in repr(found.value)
    return str(found.value)


Change = Callable[[dict[str, Any]], None]


def changed(change: Change) -> bytes:
    document = json.loads(TEXT)
    change(document)
    return json.dumps(document).encode()


def put(value: Any, *path: str | int) -> Change:
    """Put a value at a path of the document."""

    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return change


def drop(*path: str | int) -> Change:
    """Take what is at a path out of the document."""

    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return change


SAY, SAY_CODE, GATHER = (("plan", "actions", index) for index in range(3))
REFUSED: list[tuple[Change, str]] = [
    (drop("format"), "$: must be a format and a plan"),
    (put(1, "more"), "$: must be a format and a plan"),
    (put(2, "format"), "$.format: is another one"),
    (put("1", "format"), "$.format: is another one"),
    (put(True, "format"), "$.format: is another one"),
    (put(1.0, "format"), "$.format: is another one"),
    (put(None, "plan"), "$.plan: must be CallPlan"),
    (put([], "plan"), "$.plan: must be CallPlan"),
    (put("Webhook", "plan", "is"), "$.plan: must be CallPlan"),
    (put(CODE, *SAY, "is"), "$.plan.actions[0]: is nothing that it can be"),
    (put([CODE], *SAY, "is"), "$.plan.actions[0]: is nothing that it can be"),
    (put("os.system", *SAY, "is"), "$.plan.actions[0]: is nothing that it can be"),
    (put("CallPlan", *SAY, "is"), "$.plan.actions[0]: is nothing that it can be"),
    (drop(*SAY, "is"), "$.plan.actions[0]: is nothing that it can be"),
    (put(1, *SAY, CODE), "$.plan.actions[0]: has a field that Say has not"),
    (drop(*SAY, "text"), "$.plan.actions[0]: lacks a field of Say"),
    (drop("plan", "to"), "$.plan: lacks a field of CallPlan"),
    (put(918273, *SAY, "text"), "$.plan.actions[0].text: must be str"),
    (put(None, *SAY, "text"), "$.plan.actions[0].text: must be str"),
    (put(CODE, *SAY, "speed"), "$.plan.actions[0].speed: must be float"),
    (put(True, *SAY, "speed"), "$.plan.actions[0].speed: must be float"),
    (put(10**400, *SAY, "speed"), "$.plan.actions[0].speed: must be float"),
    (put(1.0, *SAY, "times"), "$.plan.actions[0].times: must be int"),
    (put(True, *SAY, "times"), "$.plan.actions[0].times: must be int"),
    (put(1, "plan", "inbound"), "$.plan.inbound: must be bool"),
    (put(1, "plan", "voice"), "$.plan.voice: is nothing that it can be"),
    (put({}, "plan", "actions"), "$.plan.actions: must be a list"),
    (put([], "plan", "metadata"), "$.plan.metadata: must be an object"),
    (put({CODE: 1}, "plan", "sip_headers"), "$.plan.sip_headers.*: must be str"),
    (put(CODE, *SAY_CODE, "code"), "$.plan.actions[1].code: must be OtpCode"),
    (put("Secret", *SAY_CODE, "code", "is"), "$.plan.actions[1].code: must be OtpCode"),
    (put(f"{CODE} ", *SAY_CODE, "code", "_value"), "$.plan.actions[1].code: is no valid OtpCode"),
    (put(f"{CODE}x", *GATHER, "rules", "terminators"), "$.plan.actions[2].rules: is no valid DigitRules"),
    (put(-918273, *GATHER, "rules", "min_digits"), "$.plan.actions[2].rules: is no valid DigitRules"),
    (put({IS: "Dial", "to": CODE}, *GATHER, "prompt", 0), "$.plan.actions[2].prompt[0]: is nothing that it can be"),
]


@pytest.mark.parametrize(("change", "complaint"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_is_no_plan_is_refused_by_its_place(change: Change, complaint: str) -> None:
    assert refused(changed(change)) == complaint


def test_where_anything_may_be_nothing_is_a_word_of_ours() -> None:
    anything = {IS: "Keys", "_value": {IS: "nothing"}}
    assert plan_from_text(changed(put(anything, "plan", "metadata"))).metadata == anything


JUNK = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"' + CODE.encode(),
    b"\xff\xfe" + TEXT,
    TEXT.decode("utf-8").encode("utf-16"),
    TEXT[:-1],
    TEXT + TEXT,
    TEXT + b"\x00",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"9" * 5000,
    TEXT.replace(b'"ring_timeout":45.0', b'"ring_timeout":NaN'),
    TEXT.replace(b'"ring_timeout":45.0', b'"ring_timeout":Infinity'),
    TEXT.replace(b'"ring_timeout":45.0', b'"ring_timeout":1e999'),
    TEXT.replace(b'"order":7', b'"order":NaN'),
    TEXT.replace(b'"order":7', b'"order":-1e999'),
    TEXT.replace(b'"order":7', b'"order":7,"order":8'),
    TEXT.replace(b'"inbound":false', b'"inbound":false,"inbound":true'),
]


@pytest.mark.parametrize("text", JUNK, ids=[str(number) for number in range(len(JUNK))])
def test_junk_is_refused(text: bytes) -> None:
    assert text != TEXT
    assert refused(text) in {
        "not JSON",
        "$: must be a format and a plan",
        "a number is not finite",
        "a name is there twice",
    }


@given(st.lists(st.tuples(st.integers(0, len(TEXT) - 1), st.binary(max_size=3)), min_size=1, max_size=3))
def test_changed_bytes_are_a_plan_or_refused(changes: list[tuple[int, bytes]]) -> None:
    text = bytearray(TEXT)
    for place, put_in in changes:
        text[place : place + 1] = put_in
    try:
        read = plan_from_text(bytes(text))
    except UnreadablePlan:
        return
    assert plan_from_text(plan_to_text(read)) == read


def places(value: Any) -> list[tuple[Any, Any]]:
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in ((value, key), *places(value[key]))]


@given(st.data())
def test_any_value_anywhere_is_a_plan_or_refused(data: st.DataObject) -> None:
    document = json.loads(TEXT)
    container, key = data.draw(st.sampled_from(places(document)))
    container[key] = data.draw(JSON)
    try:
        read = plan_from_text(json.dumps(document).encode())
    except UnreadablePlan:
        return
    assert plan_from_text(plan_to_text(read)) == read
