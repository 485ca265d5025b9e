"""The dialplan's page: its tables are the code's, its lines are those of the files, and what it says is tried out."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from otpvoice.adapters.speech.recordings.prompts import LONGEST as LONGEST_RECORDING
from otpvoice.ari.variables import variables_of
from otpvoice.core.digits import EndedBy
from otpvoice.core.outcome import Ending, classify
from otpvoice.core.result import Result
from otpvoice.dialects import durations
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.stasis_args import Invalid, parse_arguments
from otpvoice.dialects.stasis_keys import KEYS
from otpvoice.media.streams.formats import FORMATS
from otpvoice.testkit.asterisk import AsteriskInstance
from otpvoice.testkit.callee import CalleeAgent
from tests.dialects.account import DEFAULTS, NOW
from tests.dialplan.house import SOON, dialplan, open_house
from tests.docs.argument_table import PAGE, with_tables

TEXT = PAGE.read_text()
ROOT = PAGE.parents[1]


def blocks(language: str) -> list[str]:
    """Return the fenced blocks that open with exactly this."""
    return re.findall(rf"^```{re.escape(language)}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def part(heading: str) -> str:
    return TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_tables_are_those_of_the_code() -> None:
    assert with_tables(TEXT) == TEXT, "python -m tests.docs.argument_table"


def test_a_page_that_is_written_again_stays_as_it_is() -> None:
    assert with_tables(TEXT.replace("| a text to speak |", "| a song |")) == TEXT


def test_a_page_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        with_tables(TEXT.replace("<!-- reasons: begin -->\n", ""))


def test_each_key_is_in_the_table() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", part("Arguments"), re.MULTILINE)
    assert listed == [*KEYS]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (["call=call_0a"], ["call=call 0a"]),
        (["play=welcome", "play=https://a.example/" + "x" * 2026], ["play=" + "x" * 65, "play=a/b", "play=file://a"]),
        (["say=" + "x" * 3000], ["say=" + "x" * 3001]),
        (["code=123", "code=Abcdefghi012"], ["code=12", "code=" + "1" * 13, "code=12-3"]),
        (["code_var=_OTP1"], ["code_var=1OTP", "code_var=HASH(a)"]),
        (["say=A,times=1", "say=A,times=5"], ["say=A,times=0", "say=A,times=6"]),
        (["say=A,speed=0.5", "say=A,speed=2"], ["say=A,speed=0.4", "say=A,speed=2.1"]),
        (["code=123,brand=" + "x" * 30], ["code=123,brand=" + "x" * 31]),
        (["say=A,language=de"], ["say=A,language=d"]),
        (["say=A,voice=espeak:de"], ["say=A,voice=Espeak"]),
        (["gather=1", "gather=64"], ["gather=0", "gather=65"]),
        (["gather=64,min=0", "gather=64,min=64"], ["gather=64,min=65"]),
        (["gather=4,terminators=0123456789*#ABCD,valid=0123456789*#ABCD,min=0", "gather=4,terminators="],
         ["gather=4,terminators=E"]),
        (["gather=4,valid=0123456789*#ABCD"], ["gather=4,valid=", "gather=4,valid=E"]),
        *(
            ([f"gather=4,{name}=0.1", f"gather=4,{name}={most}"], [f"gather=4,{name}=0", f"gather=4,{name}={most + 1}"])
            for name, most in (("first_digit_timeout", 60), ("inter_digit_timeout", 60), ("overall_timeout", 600))
        ),
        (["gather=4,tries=10"], ["gather=4,tries=0", "gather=4,tries=11"]),
        (["gather=4,prompt=" + "x" * 3000], ["gather=4,prompt=" + "x" * 3001]),
        (["gather=4,barge_in=yes", "gather=4,barge_in=no"], ["gather=4,barge_in=maybe"]),
        (["gather=4,tag=" + "x" * 64], ["gather=4,tag=" + "x" * 65]),
        (["gather=4,sensitive=yes", "gather=4,sensitive=no"], ["gather=4,sensitive=2"]),
        (["dial=+442079460123", "dial=1000"], ["dial=442079460123", "dial=+1202"]),
        (["say=A,header=X-A"], ["say=A,header=From", "say=A,header=X-A X-B"]),
        (["say=A,door=dialplan"], ["say=A,door=http"]),
        *(
            ([f"code=123,gate={key}", f"code=123,replay={key}"], [f"code=123,gate={key}{key}", f"say=A,replay={key}"])
            for key in "0123456789*#"
        ),
        (["code=123,gate=any", "code=123,gate=random"], ["code=123,gate=A", "code=123,replay=any"]),
        (["say=A,webhook=https://a.example/" + "x" * 2030],
         ["say=A,webhook=https://a.example/" + "x" * 2031, "say=A,webhook=hooks"]),
        (["say=A,then=continue", "say=A,then=hangup"], ["say=A,then=transfer"]),
        (["stream=wss://a.example/" + "x" * 2032, "stream=https://a.example,format=exotel"],
         ["stream=wss://a.example/" + "x" * 2033, "stream=https://a.example"]),
        *(
            ([f"stream=wss://a.example,format={name}"], [f"stream=wss://a.example,format={name.upper()}"])
            for name in FORMATS
        ),
        (["stream=wss://a.example,mode=listen", "stream=wss://a.example,mode=talk"],
         ["stream=wss://a.example,mode=both", "say=A,mode=talk"]),
        *(
            ([f"stream=wss://a.example,say=A,tracks={track}"], [f"stream=wss://a.example,say=A,tracks={track}_track"])
            for track in ("inbound", "outbound", "second", "near", "far")
        ),
    ],
    ids=lambda rows: rows[0][:30],
)  # fmt: skip
def test_the_values_of_the_table_are_taken_and_no_others(good: list[str], bad: list[str]) -> None:
    for arguments in good:
        take(*arguments.split(","))
    for arguments in bad:
        with pytest.raises(Invalid):
            take(*arguments.split(","))


def take(*arguments: str) -> None:
    parsed = parse_arguments(arguments)
    if parsed.call is None:
        parsed.plan("100", None, {"_OTP1": "4829"}, DEFAULTS, NOW)


def test_several_headers_are_one_quoted_argument() -> None:
    assert len(parse_arguments(["say=A", "header=" + ",".join(f"X-{n}" for n in range(10))]).variables) == 10
    with pytest.raises(Invalid, match="too_many"):
        parse_arguments(["say=A", "header=" + ",".join(f"X-{n}" for n in range(11))])


def test_the_table_of_variables_is_whole() -> None:
    told = variables_of(Result(classify(Ending(answered=True)), delivered=None))
    listed = set(re.findall(r"^\| `(\w+)` \|", part("Variables"), re.MULTILINE))
    assert listed == {*told, "OTPVOICE_CALL", "OTPVOICE_ERROR", "STASISSTATUS"}
    (row,) = re.findall(r"^\| `OTPVOICE_DIGITS_ENDED_BY` \| .*", part("Variables"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) - {"OTPVOICE_DIGITS_ENDED_BY", "gather"} == set(EndedBy) - {"hangup"}


# --- lines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / "dialplan").glob("*.conf")), ids=lambda path: path.name)
def test_the_lines_of_a_recipe_are_those_of_its_file(path: Path) -> None:
    assert f"(../dialplan/{path.name})" in TEXT
    shown = [line for block in blocks(f"ini file=dialplan/{path.name}") for line in block.splitlines()]
    assert shown or path.name == "common.conf"
    assert set(shown) <= set(path.read_text().splitlines())


def test_the_way_to_a_number_that_a_caller_dials_is_that_of_its_file() -> None:
    (block,) = blocks("ini file=phones.conf")
    text = (ROOT / "dialplan" / "connect.conf").read_text()
    assert "".join(f";   {line}\n" for line in block.splitlines()) in text


def test_what_a_call_may_last_is_said() -> None:
    (said,) = re.findall(r"^- No key says how long (.*?)^- ", part("Arguments"), re.MULTILINE | re.DOTALL)
    seconds = {float(number.replace(",", "")) for number in re.findall(r"([\d.,]*\d) s\b", said)}
    named = {durations.BETWEEN, durations.CHARACTER, durations.READING, durations.RECORDING}
    assert seconds == named | {durations.TALKING, durations.SHORTEST, durations.LONGEST}
    assert durations.RECORDING == LONGEST_RECORDING


def test_the_request_of_the_prepared_call_is_taken() -> None:
    (command,) = (block for block in blocks("console") if "curl" in block)
    (body,) = re.findall(r"-d '(.*?)'", command)
    assert json.loads(body)["dial"] is False
    assert parse_call(body.encode(), DEFAULTS, NOW).plan.to is None


# --- tried out --------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def listened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, list[str]]]:
    """By line of the page: the arguments that arrive at an application."""
    rows = [row for name in ("escaping", "injected") for row in lines_of(name)]
    extensions = "".join(f"exten => {number},1,{line}\n" for number, (line, _) in enumerate(rows))
    async with (
        CalleeAgent() as agent,
        await AsteriskInstance.start(
            tmp_path_factory.mktemp("asterisk"),
            trunk=agent.address,
            extensions=f"[from-trunk]\n{extensions}",
            rtp_ports=60,
        ) as asterisk,
        aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(asterisk.ari_user, asterisk.ari_password)}
        ) as http,
        http.ws_connect(f"{asterisk.ari_url}/ari/events?app=otpvoice") as events,
    ):
        heard: dict[str, list[str]] = {}
        for number, (line, _) in enumerate(rows):
            agent.call(("127.0.0.1", asterisk.sip_port), str(number), headers={"X-Name": 'Bob",then=hangup'})
            async with asyncio.timeout(SOON):
                while (event := json.loads((await events.receive()).data))["type"] != "StasisStart":
                    pass
            assert event["channel"]["dialplan"]["exten"] == str(number)
            heard[line] = event["args"]
        yield heard


def lines_of(name: str) -> list[tuple[str, list[str]]]:
    """Return what is to be written, and what is said to arrive."""
    (block,) = blocks(f"ini file={name}.conf")
    rows = [line.partition("; → ") for line in block.splitlines() if not line.startswith(";")]
    return [(line.rstrip(), arrives.split(" | ")) for line, _, arrives in rows]


@pytest.mark.asterisk
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("line", "arrives"), [*lines_of("escaping"), *lines_of("injected")])
async def test_what_is_written_arrives_as_shown(listened: dict[str, list[str]], line: str, arrives: list[str]) -> None:
    assert listened[line] == arrives


@pytest.mark.asterisk
async def test_the_first_lines_of_the_page_work(tmp_path: Path) -> None:
    """Both of them, in one Asterisk: the recipes beside extensions.conf, as the page says."""
    (first,), (include,) = blocks("ini file=first.conf"), blocks("ini file=include.conf")
    async with open_house(tmp_path) as house:
        etc = house.asterisk.folder / "etc"
        shutil.copytree(ROOT / "dialplan", etc / "otpvoice")
        await house.asterisk.load_dialplan(f"{include}\n[other]\n{first.partition(chr(10))[2]}")
        caller = house.calls("100")
        await caller.phone.answered(within=SOON)
        await caller.phone.heard(0.3, within=SOON)
        await caller.phone.hang_up()
        await house.asterisk.load_dialplan(first)
        caller = house.calls("100")
        await caller.phone.answered(within=SOON)
        await caller.phone.heard(0.3, within=SOON)
        await caller.press("4829")
        await caller.phone.ended(within=SOON)
        assert "Executing [100@from-trunk:5] Hangup" in house.log
        assert not re.search(r"WARNING.*(pbx_config|config\.c|ast_expr)", house.log)


@pytest.mark.asterisk
async def test_a_pattern_for_anything_is_safe_as_the_page_has_it(tmp_path: Path) -> None:
    """Without the Goto in front Asterisk tells nobody of a caller whose extension is no UTF-8."""
    (catch_all,) = blocks("ini file=catch-all.conf")
    async with open_house(tmp_path) as house:
        await house.asterisk.load_dialplan(catch_all)
        for dialled in ("100", "100%ff", "1%c3%28,1,x"):
            caller = house.calls(dialled)
            await caller.phone.heard(0.3, within=SOON)
            await caller.phone.ended(within=SOON)
        assert len(re.findall(r"Executing \[\d+@otpvoice-dialled:1\] Stasis", house.log)) == 3
        assert "Failed to pack JSON" not in house.log


@pytest.mark.asterisk
async def test_where_a_code_shows(tmp_path: Path) -> None:
    """The table's rows, each with a code of its own; keys are the PIN's recipe in tests/dialplan."""
    codes = {name: f"{number}39146207" for number, name in enumerate(("call", "var", "set", "code", "keys"), start=1)}
    async with open_house(tmp_path, code=codes["var"]) as house:
        more = f"exten => set,1,Set(OTP={codes['set']})\n same => n,Stasis(otpvoice,code_var=OTP,times=1)\n"
        more += "exten => keys,1,Stasis(otpvoice,gather=9,prompt=Hello)\n same => n,NoOp(${OTPVOICE_DIGITS})\n"
        await house.asterisk.load_dialplan(dialplan(more))
        quick = {"type": "say_code", "code": codes["call"], "times": 1}
        callers = [
            house.calls("prepared-header", X_Otpvoice_Call=await house.prepare(quick)),
            house.calls("raw", X_Args="code_var=OTP_CODE,times=1"),
            house.calls("raw", X_Args=f"code={codes['code']},times=1"),
        ]
        keys, plain = house.calls("keys"), house.calls("set")
        await keys.phone.answered(within=SOON)
        await keys.phone.heard(0.1, within=SOON)
        await keys.press(codes["keys"])
        for caller in callers:
            assert (await caller.told())["OTPVOICE_STATUS"] == "completed"
        for phone in (keys.phone, plain.phone):
            await phone.ended(within=SOON)
        shown = {name for name, code in codes.items() if code in house.log}
        assert shown == {"set", "code", "keys"}
        assert house.service is not None
        kept: list[Any] = [house.service.log_path.read_text(), json.dumps(await house.ended())]
        assert not any(code in text for code in codes.values() for text in kept)
