"""HTTP itself: whatever is sent, the answer is a problem that tells nothing, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import io
import json

import aiohttp
import pytest

from otpvoice.dialects.reader import LARGEST
from otpvoice.web import asking, connection, problems
from otpvoice.web.app import Health, make_app
from otpvoice.web.server import listen
from tests.web.world import BODY, CODE, KEY, Door, FakeStore, Switchboard

HEAD = f"POST /v1/calls HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\n".encode()


def check_problem(answer: bytes, status: int) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0].startswith(f"http/1.1 {status} ") or lines[0].startswith(f"http/1.0 {status} ")
    assert "content-type: application/problem+json" in lines
    assert "server: otpvoice" in lines
    assert "x-content-type-options: nosniff" in lines
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/calls/", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/calls", 405, "method_not_allowed"),
        ("PUT", "/v1/calls/x", 405, "method_not_allowed"),
        ("GET", "/v1/calls/x/hangup", 405, "method_not_allowed"),
        ("POST", "/v1/calls/x/events", 405, "method_not_allowed"),
        ("POST", "/v1/events", 405, "method_not_allowed"),
        ("OPTIONS", "/v1/calls", 405, "method_not_allowed"),
        ("PROPFIND", "/v1/calls", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
    ],
)
async def test_routes_that_there_are_not(door: Door, method: str, path: str, *, status: int, code: str) -> None:
    answer = await door.ask(method, path)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ("Allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    ("status", "headers", "rule"),
    [
        (400, None, "This is no HTTP, or its body broke off."),
        (404, None, "There is no such address; /docs has all there are."),
        (405, {"Allow": "GET,HEAD"}, "The address is right, the method is not. It takes GET, HEAD."),
        (408, None, f"A body has to arrive within {problems.BODY_WITHIN:g} s. Nobody was called."),
        (413, None, "A body has at most 65,536 bytes. Nobody was called."),
        (415, None, "The body is compressed: send it as it is, without Content-Encoding. Nobody was called."),
        (417, None, "Expect may be 100-continue, and nothing else."),
    ],
)
def test_what_breaks_a_rule_of_http_is_told_the_rule(status: int, headers: dict[str, str] | None, rule: str) -> None:
    assert problems.of_status(status, headers).detail == rule


async def test_an_address_and_a_method_that_there_are_not_are_told_so(door: Door) -> None:
    assert "no such address" in (await door.ask("GET", "/v1/nothing")).body["detail"]
    assert "It takes DELETE, GET, HEAD." in (await door.ask("PUT", "/v1/calls/x")).body["detail"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"\xef\xbb\xbf{}", "line 1, column 1: it begins with a byte order mark"),
        (b"", "line 1, column 1: a value is missing"),
        (b"{a: 1}", "line 1, column 2: a name in double quotes is missing"),
        (b'{"a" 1}', "line 1, column 6: a colon is missing"),
        (b'{"a": [1 2]}', "line 1, column 10: a comma or the closing bracket is missing"),
        (b"{}\n{}", "line 2, column 1: something follows the end"),
        (b'{"a": "b', "line 1, column 7: a string is not closed"),
        (b'{"a": "\n"}', "line 1, column 8: a control character is in a string"),
        (rb'{"a": "\u12"}', "line 1, column 9: a backslash and u want four hexadecimal digits"),
        (rb'{"a": "\q"}', "line 1, column 8: a backslash goes with what it can't escape"),
    ],
)
async def test_what_is_no_json_is_told_where_and_in_our_words(door: Door, body: bytes, told: str) -> None:
    answer = await door.ask("POST", "/v1/calls", data=body)
    assert (answer.status, answer.body["detail"]) == (400, f"$ is not JSON: {told}")


@pytest.mark.parametrize("path", ["/v1/calls/x", "/nothing", "/healthz"])
async def test_every_answer_has_the_headers_and_no_version(door: Door, path: str) -> None:
    answer = await door.ask("GET", path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "otpvoice"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_body_of_the_largest_size_is_read(door: Door) -> None:
    body = json.dumps(BODY).encode()
    assert (await door.ask("POST", "/v1/calls", data=body.ljust(LARGEST))).status == 202


async def test_a_larger_body_is_not(door: Door) -> None:
    answer = await door.ask("POST", "/v1/calls", data=json.dumps(BODY).encode().ljust(LARGEST + 1))
    assert (answer.status, answer.body["code"]) == (413, "body_too_large")


async def test_a_larger_body_in_pieces_is_not_either(door: Door) -> None:
    chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
    check_problem(
        await door.send(HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunk * 17 + b"0\r\n\r\n"),
        413,
    )


async def test_a_packed_body_is_not_unpacked(door: Door) -> None:
    answer = await door.ask("POST", "/v1/calls", data=b"x", headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.body["code"]) == (415, "unsupported_encoding")


async def test_an_expectation_that_nobody_has_fails(door: Door) -> None:
    check_problem(await door.send(HEAD + b"Expect: a-miracle\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), 417)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + CODE.encode() + b"\r\n\r\n",
        b'{"code": "918273"}\r\n\r\n',
        b"GET / HTTP/9.9\r\n\r\n",
        b"918273 / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\x00918273 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX-Code 918273\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 918273x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"918273" * 2000 + b"\r\n\r\n",
        b"GET /" + b"918273" * 2000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 918273\r\n" * 200 + b"\r\n",
    ],
)
async def test_what_is_no_http_is_answered_with_a_problem_that_repeats_nothing(
    door: Door, request_: bytes, log: io.StringIO
) -> None:
    answer = await door.send(request_)
    check_problem(answer, 400)
    assert CODE not in answer.decode()
    assert CODE not in log.getvalue()
    assert [json.loads(line)["event"] for line in log.getvalue().splitlines()] == ["http.malformed"]


async def test_a_body_longer_than_it_says_does_not_get_into_the_log(door: Door, log: io.StringIO) -> None:
    """Its rest is read as the next request."""
    body = json.dumps(BODY).encode()
    answer = await door.send(HEAD + b"Content-Length: 10\r\n\r\n" + body + b"\r\n\r\n")
    assert b" 400 " in answer.splitlines()[0]
    assert not door.calls.placed
    assert CODE not in answer.decode() + log.getvalue()


@pytest.mark.parametrize("chunk", [b"918273z\r\n", b"5\r\n918273\r\n0\r\n\r\n", b"-1\r\n918273"])
async def test_a_body_in_pieces_that_are_none_does_not_get_into_the_log(
    door: Door, chunk: bytes, log: io.StringIO
) -> None:
    answer = await door.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    check_problem(answer, 400)
    assert CODE not in answer.decode() + log.getvalue()


async def test_a_body_that_does_not_come_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "BODY_WITHIN", 0.05)
    answer = await door.send(HEAD + b"Content-Length: 100\r\n\r\n{", until=lambda some: some.endswith(b"}"))
    check_problem(answer, 408)


@pytest.mark.parametrize("head", [b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: "])
async def test_a_request_that_does_not_come_is_not_waited_for(
    door: Door, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REQUEST_WITHIN", 0.05)
    assert await door.send(head) == b""


async def test_a_request_that_came_has_all_the_time_it_needs(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_WITHIN", 0.05)
    door.calls.gate = asyncio.Event()
    asking = asyncio.create_task(door.ask("POST", "/v1/calls", json=BODY))
    await door.calls.reached.wait()
    asyncio.get_running_loop().call_later(0.1, door.calls.gate.set)
    assert (await asking).status == 202


async def test_a_client_that_goes_away_neither_loses_nor_doubles_its_call(door: Door) -> None:
    """The call is placed to its end; whoever asked can find it. aiohttp could cancel the handler, and must not."""
    door.calls.gate = asyncio.Event()
    body = json.dumps(BODY).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.listener.port)
    writer.write(HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await door.calls.reached.wait()
    writer.transport.abort()
    assert await reader.read() == b""
    # A request that came later was answered: the loop has seen the other one's end.
    assert (await door.ask("GET", "/healthz")).status == 200
    door.calls.gate.set()
    await door.calls.done.wait()
    assert (await door.ask("GET", "/v1/calls/call_1")).status == 200
    assert len(door.calls.placed) == 1


async def test_closing_waits_for_answers_under_way_and_takes_no_new_requests(door: Door) -> None:
    door.calls.gate = asyncio.Event()
    asking = asyncio.create_task(door.ask("POST", "/v1/calls", json=BODY))
    await door.calls.reached.wait()
    closing = asyncio.create_task(door.listener.close())
    async with aiohttp.ClientSession() as other:
        while True:
            try:
                async with other.get(door.base + "/healthz"):
                    pass
            except aiohttp.ClientConnectionError:
                break
    assert not closing.done()
    door.calls.gate.set()
    assert (await asking).status == 202
    await closing


async def test_an_address_that_is_taken_is_an_error(door: Door) -> None:
    store = FakeStore()
    app = make_app(health=Health(Switchboard(store), store))
    with pytest.raises(OSError, match="address already in use"):
        await listen(app, "127.0.0.1", door.listener.port)
