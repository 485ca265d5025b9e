"""REST to one Asterisk: every way in which it can fail has a type, and nothing is ever asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import pytest

from otpvoice.ari import errors
from otpvoice.ari.rest import AriRest, new_http
from tests.ari.rig import NUMBER
from tests.fakes import FakeAsterisk
from tests.fakes.proxy import FaultProxy

Verb: TypeAlias = Callable[[AriRest], Coroutine[Any, Any, Any]]
ORDER = {"endpoint": f"PJSIP/{NUMBER}@trunk", "app": "otp", "timeout": -1}


@asynccontextmanager
async def client(asterisk: FakeAsterisk, *, url: str = "", connections: int = 64) -> AsyncIterator[AriRest]:
    async with new_http(asterisk.user, asterisk.password, connections) as http:
        yield AriRest(http, url or asterisk.url)


@pytest.fixture
async def rest(asterisk: FakeAsterisk) -> AsyncIterator[AriRest]:
    async with client(asterisk) as rest:
        yield rest


async def originate(rest: AriRest, **changes: Any) -> Any:
    return await rest.post("channels/c1", ORDER | changes, within=0.5)


async def ringing(rest: AriRest, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).never_answers()
    await originate(rest)


async def test_answers_are_json_or_nothing(rest: AriRest, asterisk: FakeAsterisk) -> None:
    assert (await rest.post("bridges/b", {"type": "mixing"}))["id"] == "b"
    assert [bridge["id"] for bridge in await rest.get("bridges")] == ["b"]
    asterisk.faults.answer("createBridge", status=204)
    assert await rest.post("bridges/c") is None


@pytest.mark.parametrize(
    ("verb", "kind", "status"),
    [
        pytest.param(lambda rest: rest.get("channels/none"), errors.ChannelGone, 404, id="nothing has this id"),
        pytest.param(originate, errors.DuplicateId, 409, id="a live channel has this id"),
        pytest.param(
            lambda rest: rest.post("bridges/b"), errors.DuplicateId, 409, id="a bridge with this id is there already"
        ),
        pytest.param(
            lambda rest: rest.post("channels/c1/answer"), errors.NotInStasis, 409, id="not in an application (channel)"
        ),
        pytest.param(
            lambda rest: rest.post("bridges/b/addChannel", {"channel": "c1"}),
            errors.NotInStasis,
            422,
            id="not in an application (bridge)",
        ),
        pytest.param(
            lambda rest: originate(rest, endpoint="PJSIP/1@nowhere"), errors.EndpointMissing, 500, id="no such endpoint"
        ),
        pytest.param(lambda rest: originate(rest, endpoint=""), errors.Refused, 400, id="nonsense"),
        pytest.param(lambda rest: originate(rest, variables={"A": 1}), errors.Refused, 400, id="a number as variable"),
        pytest.param(
            lambda rest: rest.post("bridges/b/addChannel", {"channel": "none"}),
            errors.Refused,
            400,
            id="a channel that is gone is a 400 for a bridge",
        ),
    ],
)
async def test_each_refusal_has_its_type_and_keeps_its_status(
    rest: AriRest, asterisk: FakeAsterisk, verb: Verb, kind: type[errors.Refused], status: int
) -> None:
    await ringing(rest, asterisk)
    await rest.post("bridges/b")
    with pytest.raises(errors.Refused) as refused:
        await verb(rest)
    assert type(refused.value) is kind
    assert refused.value.status == status
    assert str(refused.value).startswith(f"{status} ")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, {"message": "Asterisk not booted"}, errors.NotBooted),
        (500, {"message": "Ouch"}, errors.Refused),
        (500, {"error": "Allocation failed"}, errors.EndpointMissing),
        (404, None, errors.ChannelGone),
        (401, ["no", "object"], errors.Refused),
        (412, {"message": None}, errors.Refused),
        (503, b"<title>503 Service Unavailable</title><p>Shutdown in progress</p>", errors.NotBooted),
        (503, b"<html>No server is available</html>", errors.AnswerLost),
        (502, None, errors.AnswerLost),
        (504, {"message": "Asterisk not booted"}, errors.AnswerLost),
        (302, None, errors.AnswerLost),
        (307, None, errors.AnswerLost),
        (200, b"<html>", errors.AnswerLost),
    ],
)
async def test_refusals_by_their_answer(
    rest: AriRest, asterisk: FakeAsterisk, status: int, body: Any, kind: type[errors.AriError]
) -> None:
    asterisk.faults.answer("originate", status=status, body=body)
    with pytest.raises(errors.AriError) as refused:
        await originate(rest)
    assert type(refused.value) is kind
    assert len(asterisk.requested("originate")) == 1


async def test_wrong_credentials_are_a_refusal(asterisk: FakeAsterisk) -> None:
    async with new_http(asterisk.user, "wrong") as http:
        with pytest.raises(errors.Refused) as refused:
            await AriRest(http, asterisk.url).get("asterisk/info")
    assert refused.value.status == 401


async def test_something_that_is_gone_already_is_deleted_without_a_word(rest: AriRest) -> None:
    await rest.delete("channels/none")
    await rest.delete("bridges/none")


async def test_a_refused_connection_is_unreachable(rest: AriRest, asterisk: FakeAsterisk) -> None:
    async with asterisk.faults.refusing():
        with pytest.raises(errors.Unreachable):
            await originate(rest)
    assert not asterisk.requested("originate")


@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
async def test_a_connection_that_drops_after_the_request_was_sent_loses_the_answer(
    rest: AriRest, asterisk: FakeAsterisk, fault: str
) -> None:
    """Whether it was executed nobody can see from here; it is not asked again."""
    asterisk.callee(NUMBER).never_answers()
    await rest.get("asterisk/info")  # on a connection that is kept, as in life
    getattr(asterisk.faults, fault)("originate", times=None)
    with pytest.raises(errors.AnswerLost):
        await originate(rest)
    assert len(asterisk.requested("originate")) == 1
    assert asterisk.originates.total() == (fault == "cut_after")


async def test_an_answer_that_is_cut_off_is_lost(rest: AriRest, asterisk: FakeAsterisk) -> None:
    asterisk.callee(NUMBER).never_answers()
    asterisk.faults.cut_short("originate")
    with pytest.raises(errors.AnswerLost):
        await originate(rest)
    assert len(asterisk.requested("originate")) == asterisk.originates.total() == 1


async def test_a_kept_connection_that_was_closed_costs_a_look_nothing_and_an_order_its_answer(
    rest: AriRest, asterisk: FakeAsterisk
) -> None:
    """aiohttp asks a second time for what is idempotent: should it ever do so for a POST, a phone could ring twice."""
    await ringing(rest, asterisk)
    asterisk.faults.cut_before("getChannel")
    assert (await rest.get("channels/c1"))["id"] == "c1"
    assert len(asterisk.requested("getChannel")) == 2
    asterisk.faults.cut_before("originate")
    with pytest.raises(errors.AnswerLost):
        await rest.post("channels/c2", ORDER)
    assert [request.id for request in asterisk.requested("originate")] == ["c1", "c2"]


async def test_an_answer_that_does_not_come_in_time_is_lost(rest: AriRest, asterisk: FakeAsterisk) -> None:
    with asterisk.faults.hang("originate"), pytest.raises(errors.AnswerLost):
        await originate(rest)
    assert len(asterisk.requested("originate")) == 1


async def test_an_answer_that_is_no_json_is_lost(rest: AriRest, asterisk: FakeAsterisk) -> None:
    """Something between us and Asterisk spoke in its place."""
    async with asyncio.timeout(5):
        server = await asyncio.start_server(_says_hello, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            async with client(asterisk, url=f"http://127.0.0.1:{port}") as other:
                with pytest.raises(errors.AnswerLost):
                    await originate(other)


async def _says_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    await writer.drain()
    writer.close()


async def test_a_request_that_waits_for_a_connection_in_vain_was_never_sent(asterisk: FakeAsterisk) -> None:
    """All connections hang: nothing left this machine, so nobody was rung, and that is known."""
    asterisk.callee(NUMBER).never_answers()
    async with client(asterisk, connections=1) as rest:
        with asterisk.faults.hang("info"):
            hanging = asyncio.create_task(rest.get("asterisk/info"))
            await asterisk.until(lambda: bool(asterisk.requested("info")))
            with pytest.raises(errors.Unreachable):
                await originate(rest)
            hanging.cancel()
            await asyncio.gather(hanging, return_exceptions=True)
    assert not asterisk.requested("originate")


async def test_connections_are_kept_and_used_again(asterisk: FakeAsterisk) -> None:
    async with (
        FaultProxy("127.0.0.1", asterisk.server.port) as proxy,
        client(asterisk, url=f"http://127.0.0.1:{proxy.port}/") as rest,
    ):
        for _ in range(5):
            await rest.get("asterisk/info")
        assert proxy.accepted == 1
        await asyncio.gather(*(rest.get("asterisk/info") for _ in range(3)))
        assert proxy.accepted == 3


async def test_errors_never_hold_what_was_sent(rest: AriRest, asterisk: FakeAsterisk) -> None:
    """A number, a caller ID, a header: none of it belongs into a log."""
    with asterisk.faults.cut_before("originate"), pytest.raises(errors.AriError) as lost:
        await originate(rest)
    assert NUMBER not in str(lost.value)
