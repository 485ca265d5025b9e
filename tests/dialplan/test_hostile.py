"""The worst that can become an argument is refused with a reason, none of it is executed, and the caller goes on.

The dialplan here makes every mistake: it gives Stasis() what a caller put into a header, as it came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.dialplan.house import SOON, House, verdict

pytestmark = [pytest.mark.asterisk, pytest.mark.asyncio(loop_scope="module")]
TOUCH = Path("/tmp/otpvoice-was-here")
"""What the arguments would make, if anything of them were executed."""
MANY = ",".join(f"key{n}=1" for n in range(200))


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def unharmed(house: House, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Nothing was executed, nothing broke, and the next caller is served."""
    global TOUCH  # noqa: PLW0603 - the file's name is part of what is sent
    TOUCH = tmp_path_factory.mktemp("hostile") / "here"
    yield
    assert not TOUCH.exists()
    told = await house.calls("raw", X_Args="say=Hello").told()
    assert (told["OTPVOICE_STATUS"], told["WENT_ON"]) == ("completed", "yes")
    assert house.service is not None
    assert not {"dialplan.broken", "Traceback"} & set(house.service.log_path.read_text().split('"'))
    status, body = await house.ask("GET", "/readyz")
    assert status == 200, body


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("", "not_a_pair"),
        (",", "not_a_pair"),
        (",say=Hello", "not_a_pair"),
        ("say=Hello,", "not_a_pair"),
        ("say", "not_a_pair"),
        ("=", "unknown_key"),
        ("x" * 2000, "not_a_pair"),
        ("x" * 2000 + "=1", "unknown_key"),
        ("shell=id", "unknown_key"),
        ("SAY=Hello", "unknown_key"),
        ("say =Hello,unknown=1", "unknown_key"),
        (MANY, "unknown_key"),
        (",".join(["say=Hello"] * 200), "repeated_key"),
        ("gather=4,gather=4", "repeated_key"),
        ("then=hangup,say=Hello,then=continue", "repeated_key"),
        ("say=", "no_value"),
        ("call=", "no_value"),
        ("code_var=", "no_value"),
        ("code_var=NEVER_SET", "no_value"),
        ("stream=wss://169.254.169.254/,say=Hello", "url"),
        ("stream=ws://localhost:6379/", "url"),
        ("stream=http://voicebot.example/,say=Hello", "url"),
        ("stream=wss://4829@voicebot.example/", "url"),
        ("stream=wss://voicebot.example/,then=hangup", "rule"),
        ("stream=wss://voicebot.example/,tracks=second", "rule"),
        ("stream=wss://voicebot.example/,format=../../etc/passwd", "choice"),
        ("stream=wss://voicebot.example/,mode=${SHELL(touch @)}", "choice"),
        ("mode=talk,say=Hello", "conflict"),
        ("say=Hello,webhook=http://169.254.169.254/", "url"),
        ("play=http://169.254.169.254/code.wav", "url"),
        ("door=http,say=Hello", "choice"),
        ("language=en-US", "nothing_to_do"),
        ("then=hangup", "nothing_to_do"),
        ("code=4829,code_var=OTP_CODE", "conflict"),
        ("call=call_1,say=Hello", "conflict"),
        ("tag=pin,say=Hello", "conflict"),
        ("code=48", "format"),
        ("code=4829&5", "format"),
        ("code=48${EXTEN}", "format"),
        ("code=${SHELL(touch @)}", "format"),
        ("code=$[1+1]29", "format"),
        ("code=`touch @`", "format"),
        ("code=$(touch @)", "format"),
        ("code=4829|System(touch @)", "format"),
        ("code=4829\\,then=hangup", "format"),
        ("code_var=SHELL(touch @)", "format"),
        ("code_var=${OTP_CODE}", "format"),
        ("code_var=OTP_CODE)} ${SHELL(touch @)", "format"),
        ("say=Hello,header=X-A)}${SHELL(touch @)", "format"),
        ("say=Hello,header=From", "format"),
        ("gather=4;touch @", "format"),
        ("gather=1e3", "format"),
        ("call=../../etc/passwd", "format"),
        ("call=call_1&x", "format"),
        ("dial=+15550199&PJSIP/1@trunk", "format"),
        ("dial=15550199@192.0.2.1", "format"),
        ("dial=Local/s@otpvoice-pin", "format"),
        ("gather=65", "range"),
        ("gather=0", "range"),
        ("gather=4,tries=11", "range"),
        ("say=" + "x" * 3001, "length"),
        ("gather=4,tag=" + "x" * 2000, "length"),
        ("code=4829,brand=" + "x" * 2000, "length"),
        ("gather=4,min=5", "rule"),
        ("say=Hello,then=transfer", "choice"),
        ("gather=4,sensitive=perhaps", "choice"),
        ("say=Hello,voice=nobody", "voice"),
        ("say=Hello,language=tlh", "voice"),
        ("play=../../etc/passwd", "format"),
        ("play=no-such-recording", "prompt"),
        ("dial=+19005550199", "destination_not_allowed"),
        ("call=call_0123456789abcdef01234567", "unknown_call"),
    ],
    ids=lambda value: value[:40] or "empty",
)
async def test_what_is_refused(house: House, arguments: str, reason: str) -> None:
    caller = house.calls("raw", X_Args=arguments.replace("@", str(TOUCH)))
    told = await caller.told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"]) == ("invalid", reason), told["OTPVOICE_ERROR"]
    assert (told["STASISSTATUS"], told["WENT_ON"]) == ("SUCCESS", "yes")
    assert (told["OTPVOICE_DELIVERED"], told["OTPVOICE_DIGITS"], told["OTPVOICE_CALL"]) == ("0", "", "")
    # A sentence, and nothing of what was given.
    assert 10 < len(told["OTPVOICE_ERROR"]) < 200
    assert not any(word in told["OTPVOICE_ERROR"] for word in (str(TOUCH), "4829&5", "xxx", "passwd", "SHELL"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("say=Hello%0athen=hangup", "format"),
        ("say=Hello%0d%0aX-Evil:%201", "format"),
        ("say=Hello%01", "format"),
        ("gather=4,tag=%00", "no_value"),
        ("say=%e2%80%a8,unknown=1", "unknown_key"),
    ],
)
async def test_control_characters_are_refused(house: House, arguments: str, reason: str) -> None:
    told = await house.calls("decoded", X_Args=arguments).told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"], told["WENT_ON"]) == ("invalid", reason, "yes")


async def test_what_is_no_utf_8_does_not_even_arrive(house: House) -> None:
    """Asterisk can't make an event of it (res/stasis/app.c), and says the same as when nobody is home."""
    told = await house.calls("decoded", X_Args="say=Hello%ff%fe").told()
    assert (told["STASISSTATUS"], told["OTPVOICE_STATUS"], told["WENT_ON"]) == ("FAILED", "", "yes")


@pytest.mark.parametrize(
    "arguments",
    [
        "say=a & b",
        "say=`touch @`",
        "say=${SHELL(touch @)}",
        "say=$[1+1]",
        'say="unclosed, then=hangup',
        "say=(a, then=hangup",
        "say=it's",
        "say=1+1=2",
        "say=Größe",
    ],
)
async def test_a_text_is_a_text(house: House, arguments: str) -> None:
    """Whatever is in it is read aloud, and nothing else."""
    caller = house.calls("raw", X_Args=arguments.replace("@", "x"))
    await caller.hears(0.2)
    await caller.phone.hang_up()
    assert (await caller.told())["OTPVOICE_STATUS"] == "hangup"
    assert verdict(await caller.summary()) == ("completed", None)


async def test_an_argument_that_was_injected_does_what_that_argument_does(house: House) -> None:
    """A quote in a header ends the quoted argument that it is put into. Why FILTER is in every recipe."""
    told = await house.calls("quoted", X_Name='Bob",then=hangup').told()
    assert (told["OTPVOICE_STATUS"], told["WENT_ON"]) == ("completed", "")
    told = await house.calls("quoted", X_Name='Bob",shell="id').told()
    assert (told["OTPVOICE_STATUS"], told["OTPVOICE_REASON"], told["WENT_ON"]) == ("invalid", "unknown_key", "yes")
    told = await house.calls("filtered", X_Name='Bob",then=hangup').told()
    assert (told["OTPVOICE_STATUS"], told["WENT_ON"]) == ("completed", "yes")


async def test_a_quote_in_a_display_name_is_escaped_by_sip_itself(house: House) -> None:
    """The backslash of RFC 3261, 25.1 (quoted-pair) stays in CALLERID(name), and Asterisk takes it for its own."""
    told = await house.calls("name", name='Bob\\",then=hangup').told()
    assert (told["OTPVOICE_STATUS"], told["WENT_ON"]) == ("completed", "yes")


@pytest.mark.parametrize("name", ["${SHELL(touch @)}", "`touch @`", "$[1+1]", "<sip:x@192.0.2.1>", "a;b=c", "%0a"])
async def test_a_display_name_is_not_evaluated(house: House, name: str) -> None:
    caller = house.calls("name", name=name.replace("@", "x"))
    await caller.hears(0.2)
    await caller.phone.hang_up()
    assert (await caller.told())["OTPVOICE_STATUS"] == "hangup"


@pytest.mark.parametrize("user", ["prepared-header", "prepared-variable"])
@pytest.mark.parametrize("value", ["call_1,then=hangup", 'call_1"', "${SHELL(touch @)}", "", "x" * 2000, "CALL_1"])
async def test_an_id_of_somebody_else_s_making(house: House, user: str, value: str) -> None:
    """The recipe filters it; what is left names no call, so the caller hears that it is not available."""
    value = value.replace("@", str(TOUCH))
    caller = house.calls(user, X_Otpvoice_Call=value, X_Id=value)
    assert await caller.phone.decided(within=SOON) == 503
    told = await caller.told()
    assert told["OTPVOICE_STATUS"] == "invalid"
    assert told["OTPVOICE_REASON"] in {"unknown_call", "format", "no_value"}
    assert told["STASISSTATUS"] == "SUCCESS"


async def test_no_header_leads_into_another_extension(house: House) -> None:
    caller = house.calls("call_1,then=hangup")
    assert await caller.phone.decided(within=SOON) == 503
    assert (await caller.told())["OTPVOICE_REASON"] == "unknown_call"
