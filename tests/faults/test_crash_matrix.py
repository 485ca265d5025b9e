"""Somebody dies in the middle of a call: at every point of it we, at some of them the others, on the real Asterisk.

``make faults`` is the whole matrix, and writes the table that is looked at here.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.matrix import seams
from tests.faults.matrix.driver import Row
from tests.faults.matrix.lanes import Told, chosen, tell_all
from tests.faults.matrix.points import COVERED, PASSED_BY, POINTS, Fault, stories
from tests.faults.matrix.report import BROKEN, PAGE, line, read
from tests.faults.matrix.stand import open_asterisk

SOME: dict[Fault, tuple[str, ...]] = {
    Fault.ASTERISK: ("after the order", "mid-code"),
    Fault.REDIS: ("before the intent", "before the summary"),
    Fault.SILENT: ("digits half keyed",),
    Fault.FROZEN: ("mid-code",),
    Fault.WEDGED: ("mid-code",),
}


def show(row: Row) -> None:
    """What was told until then is seen where a run is ended from outside."""
    sys.stdout.write(line(row) + "\n")


def failures(rows: list[Row]) -> list[str]:
    return ["\n    ".join([line(row), *row.broken]) for row in rows if not row.kept]


@pytest.mark.asterisk
@pytest.mark.timeout(240)
async def test_who_dies_anywhere_keeps_what_was_promised(tmp_path: Path) -> None:
    """Those that mostly wait are told beside those that mostly work."""
    told, others = Told(), Told()
    async with open_asterisk(tmp_path / "asterisk") as asterisk, asyncio.TaskGroup() as group:

        def tell(fault: Fault, points: list[Any], into: Told, lanes: int) -> None:
            # Who stands still does not read its media socket: that Asterisk lists no channels meanwhile (its console).
            shared = None if fault in {Fault.ASTERISK, Fault.FROZEN} else asterisk
            where = tmp_path / fault.name.lower()
            group.create_task(
                tell_all(where, points, fault, into, lanes=lanes, asterisk=shared, thorough=False, show=show)
            )

        tell(Fault.WE_DIE, stories(Fault.WE_DIE), told, 6)
        for fault, names in SOME.items():
            tell(fault, chosen(stories(fault), names), others, 1)
    assert failures([*told.rows, *others.rows]) == []
    assert len(told.rows) == len(POINTS)
    assert len(others.rows) == sum(map(len, SOME.values()))
    # Whoever teaches the product a new way to change the world finds out here that nobody has died there yet.
    assert told.seams - COVERED - PASSED_BY.keys() == set()
    assert told.seams >= COVERED - {"leg clean"} - {name for name in COVERED if name.startswith("told ")}


def test_every_story_is_in_the_table_and_every_promise_was_kept() -> None:
    page = read(PAGE.read_text())
    wanted = {(point.name, fault.lower()): point.promised[fault] for fault in Fault for point in stories(fault)}
    assert {at: promised for at, (promised, _) in page.items()} == wanted
    assert [at for at, (_, verdict) in page.items() if verdict == BROKEN] == []


def test_points_have_names_of_their_own_and_pass_no_seam_that_needs_none() -> None:
    assert len({point.name for point in POINTS}) == len(POINTS) >= 20
    assert not COVERED & PASSED_BY.keys()


@pytest.mark.parametrize(
    ("method", "path", "body", "name"),
    [
        ("GET", "channels/call_a1-1", None, None),
        ("POST", "channels/call_a1-1", {}, "ari POST channels/FIRST"),
        ("POST", "channels/call_a1-12", {}, "ari POST channels/SECOND"),
        ("POST", "channels/call_a1-2", {}, "ari POST channels/SECOND"),
        ("POST", "channels/externalMedia", {}, "ari POST channels/externalMedia"),
        ("POST", "channels/1764301234.7/variable?variable=X", {}, "ari POST channels/CALLER/variable"),
        ("POST", "channels/box-1764301234.7/continue", None, "ari POST channels/CALLER/continue"),
        ("DELETE", "channels/call_a1-1-snoop-1-2", None, "ari DELETE channels/SNOOP"),
        ("PUT", "applications/otpvoice-s1/eventFilter", {}, "ari PUT applications/APP/eventFilter"),
        ("POST", "bridges/otpvoice-s1-leg-7-bridge", {}, "ari POST bridges/LEG"),
        (
            "POST",
            "bridges/otpvoice-s1-leg-7-bridge/addChannel",
            {"channel": "otpvoice-s1-leg-7"},
            "ari POST bridges/LEG/addChannel LEG",
        ),
        (
            "POST",
            "bridges/otpvoice-s1-talk-call_a1-2/addChannel",
            {"channel": "call_a1-1"},
            "ari POST bridges/TALK/addChannel FIRST",
        ),
    ],
)
def test_seams_are_named_without_ids(method: str, path: str, body: dict[str, Any] | None, name: str | None) -> None:
    assert seams.of_request(method, path, body) == name


def test_words_are_read_from_what_a_script_is_given() -> None:
    given = ("call_1", b'{"id":"call_1","state":"dialing"}', 7, b'{"type":"call.dialing","data":{}}', b"{no JSON", "")
    assert seams.words_of(given) == {"dialing", "call.dialing"}
