"""Every code that an answer may have is explained, with its status, and no other is."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from otpvoice.dialects import complaints
from otpvoice.dialects.destinations import Destinations
from otpvoice.dialects.native import parse_call
from otpvoice.dialects.offers import CallDefaults, TrunkOffer
from otpvoice.dialects.problems import ProblemFound
from otpvoice.web import problems

ROOT = Path(__file__).parents[2]
WHERE = [*(ROOT / "otpvoice" / "dialects").glob("*.py"), *(ROOT / "otpvoice" / "web").glob("*.py")]
WHERE += [*(ROOT / "otpvoice" / "stasis").glob("*.py"), ROOT / "otpvoice" / "service.py"]
CALLS = [call for path in WHERE for call in ast.walk(ast.parse(path.read_text())) if isinstance(call, ast.Call)]


def said(name: str, *positions: int) -> Iterator[tuple[object, ...]]:
    """Return the literals at these positions of every call of ``name``; what is no literal is in a table (below)."""
    for call in CALLS:
        if isinstance(call.func, ast.Name) and call.func.id == name:
            given = [call.args[position] for position in positions if position < len(call.args)]
            if len(given) == len(positions) and all(isinstance(one, ast.Constant) for one in given):
                yield tuple(one.value for one in given if isinstance(one, ast.Constant))


def answers() -> set[tuple[int, str]]:
    """Return status and code of each kind of answer."""
    found: set[tuple[object, ...]] = {*said("Refusal", 0, 1)}
    found |= {(status, str(code)) for code, (status, _) in problems._FAULTS.items()}
    found |= {(status, code) for status, code in problems._OF_STATUS.items()}
    found |= {(503, code) for code in problems._NOT_TAKEN}
    found |= {(503, code) for name in ("NotTaken", "unavailable") for (code,) in said(name, 0)}
    return {(status, code) for status, code in found if isinstance(status, int) and isinstance(code, str)}


def complained() -> set[str]:
    """Return the codes that entries of ``errors`` may have."""
    found = {code for code, _ in complaints._SENTENCES.values()} | {"invalid"}
    found |= {str(code) for code in problems._FAULTS if code != "invalid_request"}
    return found | {str(code) for name, at in (("complaint", 0), ("Problem", 1)) for (code,) in said(name, at)}


def part(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


PAGE = (ROOT / "docs" / "errors.md").read_text()
API = (ROOT / "docs" / "http.md").read_text()


def sections(text: str) -> list[str]:
    return re.findall(r"^### (\w+)$", text, re.MULTILINE)


def test_the_codes_are_found() -> None:
    """A search that finds nothing would agree with an empty page."""
    assert {(401, "unauthorized"), (409, "call_elsewhere"), (503, "draining"), (400, "invalid_json")} <= answers()
    assert {"format", "required", "conflict", "voice", "null", "not_supported", "rule"} <= complained()


def test_each_answer_has_a_section() -> None:
    assert sorted(sections(part(PAGE, "Answers"))) == sorted({code for _, code in answers()})


def test_each_complaint_has_a_section() -> None:
    assert sorted(sections(part(PAGE, "Complaints"))) == sorted(complained() - {code for _, code in answers()})


def test_each_section_says_what_to_know() -> None:
    for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]:
        name, _, text = section.partition("\n")
        assert len(text.split("\n## ")[0].split()) >= 8, name


def test_each_section_of_an_answer_names_its_status() -> None:
    for section in re.split(r"^### ", part(PAGE, "Answers"), flags=re.MULTILINE)[1:]:
        name, _, text = section.partition("\n")
        statuses = {int(status) for status in re.findall(r"\b([45]\d\d)[.:]", text)}
        assert statuses == {status for status, code in answers() if code == name}, name


def test_the_table_of_statuses_is_whole() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.*?) \|", part(API, "Errors"), re.MULTILINE)
    listed = [(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)]
    assert sorted(listed) == sorted(answers())


def test_the_type_of_an_answer_is_its_section() -> None:
    assert (ROOT / f"{problems.DOCS.strip('/#')}.md").read_text() == PAGE


def test_the_problem_of_the_api_page_is_a_real_one() -> None:
    (shown,) = re.findall(r"^```json file=problem.json\n(.*?)^```$", API, re.MULTILINE | re.DOTALL)
    gather = {"type": "gather", "max_digits": 65}
    defaults = CallDefaults({"default": TrunkOffer("default")}, Destinations(("+1",)), "en-US")
    with pytest.raises(ProblemFound) as found:
        parse_call(json.dumps({"to": "+12025550123", "actions": [gather]}).encode(), defaults, 0.0)
    answer = problems.of_problems(found.value).response()
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body) == json.loads(shown)


def test_what_later_versions_take_is_listed() -> None:
    """Each of them is known by name, and refused as the page says."""
    _, later = part(API, "Errors").rsplit("\n\n", 1)
    for action in re.findall(r"`(\w+)`", later.split("actions")[1].split(")")[0]):
        assert ("$.actions[0].type", "not_supported") in complaints_of({"actions": [{"type": action}]})
    for field in ("webhook", "replay", "gate"):
        assert f"`{field}`" in later
        assert (f"$.{field}", "not_supported") in complaints_of({"code": "482913", field: {}})


def complaints_of(fields: dict[str, object]) -> list[tuple[str, str]]:
    defaults = CallDefaults({"default": TrunkOffer("default")}, Destinations(("+1",)), "en-US")
    with pytest.raises(ProblemFound) as found:
        parse_call(json.dumps({"to": "+12025550123", **fields}).encode(), defaults, 0.0)
    return [(problem.path, problem.code) for problem in found.value.problems]
