"""Redis when it fails: each fault of the network and of the server, on a real one behind a proxy."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from otpvoice.adapters.store import Change, StoreUnavailable
from otpvoice.adapters.store import redis as store_in_redis
from otpvoice.adapters.store.redis import RedisStore
from otpvoice.testkit.redis import RedisInstance
from tests.fakes.proxy import FaultProxy

TTL = 3600.0
STREAM = "otpvoice:{default}:summaries"
CALL = "otpvoice:{default}:call:call_1"


def record(state: str = "ended", call_id: str = "call_1", **more: Any) -> dict[str, Any]:
    return {"id": call_id, "account": "default", "state": state, **more}


@pytest.fixture
async def store(proxy: FaultProxy) -> AsyncIterator[RedisStore]:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=TTL)
    yield store
    await store.close()


async def until(seen: Callable[[], Any]) -> None:
    """Wait for something that the server does by itself."""
    async with asyncio.timeout(20):
        while not await seen():  # noqa: ASYNC110 - another process does not set our events
            await asyncio.sleep(0.01)


async def loaded(store: RedisStore) -> None:
    """Let the server know the script by which ends are written, and have nothing of ours by it."""
    await store.finish(Change(record(call_id="warm_up") | {"account": "another"}))


def documented() -> list[str]:
    """Return the ACL rules of a user who may do what the documentation asks for, and nothing else."""
    words = re.findall(r"\b[A-Z]{3,}(?: LOAD)?\b", (store_in_redis.__doc__ or "").split("commands")[1].split(". ")[0])
    return [f"+{word.lower().replace(' ', '|')}" for word in words]


async def refused(operation: Any, reason: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        await operation
    assert caught.value.reason == str(caught.value) == reason
    assert caught.value.__cause__ is None
    # Tracebacks are logged, and redis-py's exceptions hold addresses and arguments.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


# --- what lies in Redis -----------------------------------------------------------------------------------------------


async def test_others_read_a_string_and_a_stream_under_the_agreed_names(store: RedisStore, admin: Any) -> None:
    call = record(metadata={"order": "Ž-17"})
    await store.finish(Change(call))
    assert {CALL.encode(), STREAM.encode()} < set(await admin.keys("*"))
    text = await admin.get(CALL)
    assert orjson.loads(text) == call
    ((_, fields),) = await admin.xrange(STREAM)
    assert fields == {b"id": b"call_1", b"summary": text}


async def test_every_write_sets_the_time_to_live_and_a_repeated_end_does_not(store: RedisStore, admin: Any) -> None:
    for write in (
        store.save(Change(record("queued"))),
        store.save(Change(record("answered"))),
        store.finish(Change(record())),
    ):
        await write
        assert (TTL - 20) * 1000 < await admin.pttl(CALL) <= TTL * 1000
        await admin.pexpire(CALL, 5_000)
    await store.finish(Change(record()))
    assert await admin.pttl(CALL) <= 5_000


async def test_age_is_told_by_the_clock_of_the_server(store: RedisStore, admin: Any) -> None:
    seconds, microseconds = await admin.time()
    now = seconds * 1000 + microseconds // 1000
    for age in (TTL * 1000 + 1, TTL * 1000 - 30_000, 0):
        await admin.xadd(STREAM, {"id": "x", "summary": "{}"}, id=f"{round(now - age)}-7")
    await store.finish(Change(record()))
    kept = [entry_id.decode() for entry_id, _ in await admin.xrange(STREAM)]
    assert kept[:2] == [f"{round(now - TTL * 1000 + 30_000)}-7", f"{now}-7"]
    assert len(kept) == 3


async def test_what_somebody_else_wrote_is_replaced_unless_it_ended(store: RedisStore, admin: Any) -> None:
    for strange in (b"", b"\xff\x00", b"[]", b"7", b"null", b'{"state": null}', b'{"state": "thinking"}', b'{"state'):
        await admin.set(CALL, strange)
        await store.save(Change(record("queued")))
        assert await store.get("default", "call_1") == record("queued")
    # Such as a tombstone: all that has to stay of an erased call.
    await admin.set(CALL, b'{"state": "ended"}')
    assert await store.finish(Change(record())) is False
    assert await admin.xlen(STREAM) == 0


async def test_an_unreadable_record_is_a_fault_and_not_a_missing_call(store: RedisStore, admin: Any) -> None:
    await admin.set(CALL, b"\xff")
    await refused(store.get("default", "call_1"), "unreadable_record")


# --- written once -----------------------------------------------------------------------------------------------------


async def test_a_client_that_repeats_by_itself_makes_two_entries_of_one_xadd(proxy: FaultProxy, admin: Any) -> None:
    """Why the script exists; and that the proxy lets the server execute before it cuts."""
    async with Redis(port=proxy.port) as client:
        await client.ping()
        cut = proxy.cut_reply(to=b"XADD")
        await client.xadd("stream", {"n": 1})
        assert cut.done()
    assert await admin.xlen("stream") == 2


@pytest.mark.parametrize("earlier", [None, "answered"])
async def test_a_lost_reply_makes_no_second_entry(
    store: RedisStore, proxy: FaultProxy, admin: Any, earlier: str | None
) -> None:
    await store.save(Change(record(earlier or "queued", "call_1" if earlier else "call_0")))
    await loaded(store)
    cut = proxy.cut_reply(to=b"EVALSHA")
    assert await store.finish(Change(record())) is False  # it was this very call that wrote it
    assert cut.done()
    assert proxy.accepted == 2
    assert await admin.xlen(STREAM) == 1
    assert await store.get("default", "call_1") == record()


async def test_a_lost_reply_and_an_attempt_much_later_make_one_entry(
    store: RedisStore, proxy: FaultProxy, admin: Any
) -> None:
    await store.save(Change(record("answered")))
    await loaded(store)
    proxy.cut_reply(to=b"EVALSHA").add_done_callback(lambda _: proxy.refuse())
    await refused(store.finish(Change(record())), "unreachable")
    await proxy.restore()
    assert await store.finish(Change(record())) is False
    assert await admin.xlen(STREAM) == 1


async def test_a_request_that_arrives_late_makes_no_second_entry(proxy: FaultProxy, admin: Any) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=TTL, timeout=0.2)
    await store.save(Change(record("answered")))
    await loaded(store)
    proxy.black_hole()
    await refused(store.finish(Change(record())), "timeout")
    await proxy.restore()
    await until(lambda: admin.xlen(STREAM))
    assert await store.finish(Change(record())) is False
    assert await admin.xlen(STREAM) == 1
    await store.close()


async def test_after_flushall_the_end_is_written_again_and_once(
    store: RedisStore, proxy: FaultProxy, admin: Any
) -> None:
    await store.finish(Change(record()))
    await admin.flushall()
    proxy.cut_reply(to=b"EVALSHA")
    await store.finish(Change(record()))
    assert await admin.xlen(STREAM) == 1


async def test_a_server_that_forgot_the_script_is_sent_it(store: RedisStore, admin: Any) -> None:
    await store.finish(Change(record()))
    await admin.script_flush()
    assert await store.finish(Change(record())) is False
    assert await store.finish(Change(record(call_id="call_2"))) is True


@pytest.mark.parametrize("earlier", [None, "answered"])
async def test_an_end_that_can_not_go_to_the_stream_is_not_in_the_record_either(
    store: RedisStore, admin: Any, earlier: str | None
) -> None:
    if earlier:
        await store.save(Change(record(earlier)))
    await admin.set(STREAM, "something else")
    await refused(store.finish(Change(record())), "server_error")
    assert await store.get("default", "call_1") == (record(earlier) if earlier else None)
    await admin.delete(STREAM)
    assert await store.finish(Change(record())) is True


async def test_an_end_that_can_not_go_to_the_record_is_not_in_the_stream_either(
    server: RedisInstance, admin: Any
) -> None:
    await admin.execute_command("ACL", "SETUSER", "voice", "on", ">pa55", "~otpvoice:*", *documented(), "-set")
    store = RedisStore(f"redis://voice:pa55@127.0.0.1:{server.port}/0", ttl=TTL)
    for _ in range(3):
        await refused(store.finish(Change(record())), "no_permission")
    assert await admin.xlen(STREAM) == 0
    await admin.execute_command("ACL", "SETUSER", "voice", "+set")
    await store.ping()
    assert await store.finish(Change(record())) is True
    assert await admin.xlen(STREAM) == 1
    await store.close()


# --- the network ------------------------------------------------------------------------------------------------------


async def test_in_a_black_hole_an_operation_ends_at_its_deadline_and_others_go_on(proxy: FaultProxy) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=TTL, timeout=0.3)
    await store.ping()
    proxy.black_hole()
    asked = asyncio.create_task(store.finish(Change(record())))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not asked.done()
    await refused(asked, "timeout")
    for operation in (store.save(Change(record("queued"))), store.get("default", "call_1"), store.ping()):
        await refused(operation, "timeout")
    await proxy.restore()
    await store.ping()
    await store.close()


async def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(proxy: FaultProxy) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=TTL, timeout=0.2, connections=1)
    await store.save(Change(record("queued", "call_1")))
    await store.save(Change(record("queued", "call_2")))
    proxy.latency = 0.4
    await refused(store.get("default", "call_1"), "timeout")
    proxy.latency = 0.0
    assert await store.get("default", "call_2") == record("queued", "call_2")
    await store.close()


async def test_an_operation_that_is_canceled_leaves_no_answer_behind(store: RedisStore, proxy: FaultProxy) -> None:
    await store.save(Change(record("queued", "call_1")))
    await store.save(Change(record("queued", "call_2")))
    proxy.black_hole()
    reading = asyncio.create_task(store.get("default", "call_1"))
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled()
    await proxy.restore()
    assert await store.get("default", "call_2") == record("queued", "call_2")


async def test_operations_that_end_at_any_step_leak_no_connection(proxy: FaultProxy) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=TTL, connections=1)
    for turns in range(60):
        ending = asyncio.create_task(store.save(Change(record("queued", f"call_{turns}"))))
        waiting = asyncio.create_task(store.save(Change(record("queued", f"other_{turns}"))))
        for _ in range(turns):
            await asyncio.sleep(0)
        ending.cancel()
        await asyncio.wait({ending, waiting})
        assert waiting.exception() is None
        if turns % 7 == 0:
            await store.close()  # so that some of them connect
    await store.close()


async def test_a_server_that_does_not_answer_the_syn_is_given_up_at_the_deadline() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        deaf.setblocking(False)
        address = deaf.getsockname()
        loop = asyncio.get_running_loop()
        fillers = [socket.socket() for _ in range(3)]  # more than its queue holds: Linux drops further SYNs
        for filler in fillers:
            filler.setblocking(False)
        filling = [asyncio.create_task(loop.sock_connect(filler, address)) for filler in fillers]
        await asyncio.wait(filling, return_when=asyncio.FIRST_COMPLETED)
        store = RedisStore(f"redis://127.0.0.1:{address[1]}/0", ttl=TTL, connect_timeout=0.2, timeout=30)
        await refused(store.ping(), "timeout")
        await store.close()
        for task in filling:
            task.cancel()
        await asyncio.gather(*filling, return_exceptions=True)
        for filler in fillers:
            filler.close()


async def test_where_nobody_listens_it_is_unreachable_and_back_when_somebody_does(
    store: RedisStore, proxy: FaultProxy
) -> None:
    await store.save(Change(record("queued")))
    proxy.refuse()
    for operation in (store.finish(Change(record())), store.get("default", "call_1"), store.ping()):
        await refused(operation, "unreachable")
    await proxy.restore()
    assert await store.finish(Change(record())) is True


async def test_a_restart_of_an_idle_server_is_not_noticed(store: RedisStore, server: RedisInstance) -> None:
    await store.save(Change(record("answered")))
    server.kill()
    await server.restart()
    assert await store.finish(Change(record())) is True


async def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    store = RedisStore("redis://user:pa55@no-such-host.invalid/0", ttl=TTL)
    await refused(store.ping(), "unreachable")


async def test_a_server_that_is_no_redis_is_a_fault_and_not_a_crash() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as other:
        store = RedisStore(f"redis://127.0.0.1:{other.sockets[0].getsockname()[1]}/0", ttl=TTL)
        with pytest.raises(StoreUnavailable):
            await store.finish(Change(record()))
        await store.close()


async def test_more_operations_than_connections_wait_in_line(proxy: FaultProxy, admin: Any) -> None:
    store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", ttl=TTL, connections=2)
    assert all(await asyncio.gather(*(store.finish(Change(record(call_id=f"call_{n}"))) for n in range(100))))
    assert await admin.xlen(STREAM) == 100
    assert proxy.accepted == 2
    await store.close()


async def test_a_connection_that_dies_in_silence_is_found_by_keepalive(store: RedisStore) -> None:
    await store.ping()
    pool: Any = store._server.pool
    connection = await pool.get_connection()
    sock = connection._writer.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
    await pool.release(connection)


async def test_a_unix_socket_will_do(server: RedisInstance, tmp_path: Path, admin: Any) -> None:
    """Which has no keepalive, and redis-py refuses to be told of it."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(carry(reader, server_writer), carry(server_reader, writer))

    async with await asyncio.start_unix_server(accept, tmp_path / "s"):
        store = RedisStore(f"unix://{tmp_path}/s?db=0", ttl=TTL)
        assert await store.finish(Change(record())) is True
        await store.close()
        assert await admin.xlen(STREAM) == 1


# --- the server -------------------------------------------------------------------------------------------------------


async def test_a_full_server_takes_nothing_and_leaves_nothing_half_done(store: RedisStore, admin: Any) -> None:
    await store.save(Change(record("answered")))
    await admin.set("ballast", b"x" * 6_000_000)
    await admin.config_set("maxmemory", "5mb")
    for operation in (store.finish(Change(record())), store.save(Change(record("answered", "call_2"))), store.ping()):
        await refused(operation, "out_of_memory")
    assert await store.get("default", "call_1") == record("answered")
    assert await admin.xlen(STREAM) == 0
    await admin.config_set("maxmemory", "0")
    assert await store.finish(Change(record())) is True
    assert await admin.xlen(STREAM) == 1


async def test_a_server_that_can_not_write_its_disk_takes_nothing(
    store: RedisStore, server: RedisInstance, admin: Any, tmp_path: Path
) -> None:
    await store.save(Change(record("answered")))
    await admin.config_set("appendonly", "no")
    await admin.config_set("save", "3600 1000000")
    shutil.move(server.folder, tmp_path / "gone")
    server.folder.mkdir()
    (tmp_path / "gone" / "temp").mkdir()
    shutil.rmtree(tmp_path / "gone")  # the folder it runs in
    await admin.bgsave()

    async def failed() -> bool:
        return bool((await admin.info("persistence"))["rdb_last_bgsave_status"] == "err")

    await until(failed)
    for operation in (store.finish(Change(record())), store.ping()):
        await refused(operation, "disk_error")
    assert await store.get("default", "call_1") == record("answered")
    await admin.config_set("save", "")
    assert await store.finish(Change(record())) is True


async def test_a_server_that_became_a_replica_is_left_for_the_one_behind_its_name(
    store: RedisStore, proxy: FaultProxy, admin: Any
) -> None:
    await store.save(Change(record("answered")))
    await admin.config_set("replica-serve-stale-data", "yes")
    await admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    await refused(store.finish(Change(record())), "read_only")
    await refused(store.ping(), "read_only")
    accepted = proxy.accepted
    assert await store.get("default", "call_1") == record("answered")
    assert proxy.accepted == accepted + 1
    await admin.execute_command("REPLICAOF", "NO", "ONE")
    assert await store.finish(Change(record())) is True


async def test_a_server_busy_with_somebody_elses_script_says_so(
    store: RedisStore, server: RedisInstance, admin: Any
) -> None:
    await store.save(Change(record("answered")))
    await admin.config_set("lua-time-limit", "1")
    async with Redis.from_url(server.url, socket_timeout=None) as other:
        endless: Any = other.eval("while true do end", 0)
        looping = asyncio.create_task(endless)

        async def busy() -> bool:
            try:
                await admin.get("x")
            except ResponseError:
                return True
            return False

        await until(busy)
        await refused(store.finish(Change(record())), "busy")
        await admin.script_kill()
        await asyncio.wait({looping})
        assert looping.exception() is not None
    assert await store.finish(Change(record())) is True


@pytest.mark.parametrize("credentials", ["", ":wr0ng@", "nobody:wr0ng@"])
async def test_wrong_credentials_are_named_and_not_shown(server: RedisInstance, admin: Any, credentials: str) -> None:
    await admin.config_set("requirepass", "s3cret")
    store = RedisStore(f"redis://{credentials}127.0.0.1:{server.port}/0", ttl=TTL)
    for operation in (store.ping(), store.finish(Change(record()))):
        await refused(operation, "authentication")
    await store.close()
    good = RedisStore(f"redis://:s3cret@127.0.0.1:{server.port}/0", ttl=TTL)
    await good.ping()
    await good.close()


# --- the address ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://user:pa55@localhost",
        "redis://user:pa55/word@localhost:6379/0",
        "redis://user:pa55@localhost:port/0",
        "redis://user:pa55@localhost/0?no_such_option=1",
        "redis://user:pa55@localhost/0?socket_timeout=soon",
        "redis://user:pa55@localhost/0?protocol=9",
    ],
)
def test_a_wrong_address_is_refused_at_once_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="no address of Redis") as caught:
        RedisStore(url, ttl=TTL)
    assert "pa55" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("ttl", [0, -1, 0.0001])
def test_records_are_kept_for_some_time(ttl: float) -> None:
    with pytest.raises(ValueError, match="ttl"):
        RedisStore("redis://localhost", ttl=ttl)
