"""Every code that an answer may have has a page that says what to do, with its status, and no other has one."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from otpvoice.dialects import complaints
from otpvoice.dialects.problems import Fault
from otpvoice.stasis import NotTaken
from otpvoice.web import problems
from otpvoice.web.pages import FOLDER, ErrorPage, error_pages
from tests.docs.error_examples import EXAMPLES, answered
from tests.docs.error_index import PAGE, written

ROOT = Path(__file__).parents[2]
CODE_AT = {"Refusal": 1, "unavailable": 0, "NotTaken": 0, "Problem": 1, "complaint": 0}
"""Who is given a code, and as which argument."""
TABLES = {"web/problems.py", "dialects/complaints.py"}
"""Where codes come from tables, which are asked below; everywhere else they are written out."""
PAGES = error_pages()
ELSEWHERE = ("dialects/callflow/", "dialects/jsonrpc/", "core/", "stasis/")
"""Where a problem has another spelling's word, which is never answered, or ``complaint`` is something else."""
API = (ROOT / "docs" / "http.md").read_text()


@cache
def calls() -> list[tuple[str, ast.Call]]:
    """Return each call that is written in the program, and where."""
    return [
        (path.relative_to(ROOT / "otpvoice").as_posix(), call)
        for path in sorted((ROOT / "otpvoice").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
    ]


def given(name: str) -> Iterator[tuple[str, ast.Call, ast.expr]]:
    """Yield where it is called, how, and what it is given as the code."""
    for place, call in calls():
        called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", None)
        if name in {"Problem", "complaint"} and place.startswith(ELSEWHERE):
            continue
        if called == name and len(call.args) > CODE_AT[name]:
            yield place, call, call.args[CODE_AT[name]]


def literal(code: ast.expr) -> str | None:
    """Return the code that is written there: a text, or a member of ``Fault``; None: it is neither."""
    match code:
        case ast.Constant(value=str(text)):
            return text
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="Fault"), attr=member), attr="value"):
            return Fault[member].value
        case _:
            return None


def said(name: str) -> set[str]:
    return {code for _, _, one in given(name) if (code := literal(one)) is not None}


def answers() -> set[tuple[int, str]]:
    """Return status and code of each kind of answer."""
    found = {(status, str(code)) for code, (status, _) in problems._FAULTS.items()}
    found |= {(status, code) for status, code in problems._OF_STATUS.items()}
    found |= {(503, code) for code in said("unavailable")}
    for _, call, one in given("Refusal"):
        status, code = call.args[0], literal(one)
        if isinstance(status, ast.Constant) and isinstance(status.value, int) and code is not None:
            found.add((status.value, code))
    for code in {*problems._NOT_TAKEN, *said("NotTaken")}:
        refusal = problems.of_not_taken(NotTaken(code, facts={"call": "call_1", "limit": "account_rate"}))
        found.add((refusal.status, refusal.code))
    return found


def complained() -> set[str]:
    """Return the codes that entries of ``errors`` may have."""
    return {code for code, _ in complaints._SENTENCES.values()} | {"invalid"} | said("Problem") | said("complaint")


def part(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def shown(text: str) -> list[object]:
    """Return the answers that a page shows."""
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


# --- the codes --------------------------------------------------------------------------------------------------------


def test_the_codes_are_found() -> None:
    """A search that finds nothing would agree with no pages."""
    assert {(401, "unauthorized"), (409, "call_elsewhere"), (503, "draining"), (400, "invalid_json")} <= answers()
    assert {(503, "media_wedged"), (429, "queue_full"), (409, "destination_busy")} <= answers()
    assert {"format", "required", "conflict", "voice", "null", "rule"} <= complained()
    assert {"destination_not_allowed", "invalid_json"} <= complained()


@pytest.mark.parametrize("name", CODE_AT)
def test_a_code_is_written_out_where_it_is_given_or_is_in_a_table(name: str) -> None:
    """Else the search would not find it."""
    assert not [
        f"{place}:{call.lineno}" for place, call, code in given(name) if not literal(code) and place not in TABLES
    ]


def test_each_refusal_that_has_a_name_is_given_somewhere() -> None:
    """Its page would be of an answer that nobody gets."""
    tree = ast.parse((ROOT / "otpvoice" / "web" / "problems.py").read_text())
    named = {
        one.name
        for one in tree.body
        if isinstance(one, ast.FunctionDef) and isinstance(one.returns, ast.Name) and one.returns.id == "Refusal"
    }
    called = {call.func.id for _, call in calls() if isinstance(call.func, ast.Name)}
    called |= {call.func.attr for _, call in calls() if isinstance(call.func, ast.Attribute)}
    assert "not_found" in named
    assert sorted(named - called) == []


def test_each_answer_has_a_page_with_its_status() -> None:
    assert sorted((status, code) for code, page in PAGES.items() for status in page.statuses) == sorted(answers())


def test_each_complaint_has_a_page_that_says_so() -> None:
    assert sorted(code for code, page in PAGES.items() if page.complaint) == sorted(complained())


def test_a_page_is_of_an_answer_or_a_complaint_and_each_file_is_a_page() -> None:
    assert PAGES.keys() == {code for _, code in answers()} | complained()
    assert {path.name for path in (FOLDER / "errors").iterdir()} == {f"{code}.md" for code in PAGES}


def test_the_table_of_statuses_is_whole() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", part(API, "Errors"), re.MULTILINE)
    listed = [(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)]
    assert sorted(listed) == sorted(answers())


# --- the pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_a_page_says_what_it_means_why_that_is_and_what_to_do(page: ErrorPage) -> None:
    _, _, meaning, usually, todo, *_ = page.text.split("\n\n")
    assert meaning.startswith(page.meaning.split()[0])
    assert (usually.split(" ", 1)[0], todo.split(" ", 3)[:3]) == ("**Usually:**", ["**What", "to", "do:**"])
    assert all(said.rstrip().endswith(".") for said in (meaning, usually, todo))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# other\n\nComplaint\n\nIt is so.\n",
        "# code\n\nIt is so.\n",
        "# code\n\nAnswer: 40\n\nIt is so.\n",
        "# code\n\nComplaint\n\nIt is\n",
        "code\n\nComplaint\n\nIt is so.\n",
    ],
)
def test_what_does_not_begin_as_a_page_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="does not begin"):
        ErrorPage.of("code", text)


@pytest.mark.parametrize(
    ("kind", "statuses", "complaint"),
    [
        ("Answer: 409", (409,), False),
        ("Answer: 403, 422 · complaint", (403, 422), True),
        ("Complaint", (), True),
    ],
)
def test_a_page_begins_with_what_kind_of_code_it_is(kind: str, statuses: tuple[int, ...], *, complaint: bool) -> None:
    page = ErrorPage.of("code", f"# code\n\n{kind}\n\nIt is\nso. And so on.\n")
    assert (page.statuses, page.complaint, page.meaning) == (statuses, complaint, "It is so.")


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_answer_that_a_page_shows_is_a_real_one(code: str) -> None:
    answer = answered(EXAMPLES[code]())
    assert answer["code"] == code
    assert answer["status"] in PAGES[code].statuses
    assert shown(PAGES[code].text) == [answer]


def test_no_page_shows_another_answer() -> None:
    assert {code for code, page in PAGES.items() if "```" in page.text} == EXAMPLES.keys()


# --- the index, and the page of the API -------------------------------------------------------------------------------


def test_the_index_is_the_one_of_the_pages() -> None:
    assert PAGE.read_text() == written(), "make docs"


def test_the_answer_that_the_index_and_the_api_page_show_is_a_real_one() -> None:
    (shown_by_api,) = re.findall(r"^```json file=problem.json\n(.*?)^```$", API, re.MULTILINE | re.DOTALL)
    answer = answered(EXAMPLES["invalid_request"]())
    assert shown(PAGE.read_text()) == [json.loads(shown_by_api)] == [answer]
