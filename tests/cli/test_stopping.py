"""A signal stops what is to be stopped, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from otpvoice.cli.stopping import Stopping


@pytest.fixture
def stopping() -> Iterator[Stopping]:
    """The signals are given back."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    stopping = Stopping()
    stopping.install()
    yield stopping
    for signum, handler in before.items():
        signal.signal(signum, handler)


def send(*signals: signal.Signals) -> None:
    for signum in signals:
        os.kill(os.getpid(), signum)


async def sleeper(stopping: Stopping, *signals: signal.Signals) -> None:
    with stopping.cancels():
        send(*signals)
        await asyncio.sleep(5)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_cancels_the_block(stopping: Stopping, signum: signal.Signals, code: int) -> None:
    assert stopping.exit_code is None
    with pytest.raises(asyncio.CancelledError):
        await sleeper(stopping, signum)
    assert stopping.exit_code == code


async def test_one_that_came_before_cancels_at_once(stopping: Stopping) -> None:
    send(signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError), stopping.cancels():
        pytest.fail("nothing is to be started any more")


async def test_what_comes_after_the_block_is_not_cut_short(stopping: Stopping) -> None:
    with stopping.cancels():
        send(signal.SIGINT)  # and nothing is awaited before the block ends
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert stopping.exit_code == 130


async def test_only_the_first_counts(stopping: Stopping) -> None:
    with pytest.raises(asyncio.CancelledError):
        await sleeper(stopping, signal.SIGTERM, signal.SIGINT)
    send(signal.SIGINT, signal.SIGHUP)
    await asyncio.sleep(0)
    assert stopping.exit_code == 143


def test_nohup_stays_in_force(stopping: Stopping) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stopping.install()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_at_the_end_of_the_process_none_counts(stopping: Stopping) -> None:
    stopping.done()
    send(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    assert stopping.exit_code is None
