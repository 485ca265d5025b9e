"""Blocks of ports: never shared, given back, and refused when there are none."""

from __future__ import annotations

import itertools

import pytest

from otpvoice.testkit.ports import NoFreePorts, PortBlock


def test_two_blocks_never_overlap() -> None:
    blocks = [PortBlock.claim(300) for _ in range(10)]
    try:
        ranges = sorted((block.first, block.last) for block in blocks)
        assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))
        assert all(last - first + 1 == 300 for first, last in ranges)
    finally:
        for block in blocks:
            block.release()


def test_media_ports_begin_with_an_even_one_and_leave_the_servers_alone() -> None:
    block = PortBlock.claim(100)
    try:
        first, last = block.media
        assert first % 2 == 0
        assert block.first < block.tcp < block.udp < first < last == block.last
    finally:
        block.release()


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(NoFreePorts, match="70000 ports"):
        PortBlock.claim(70_000)
