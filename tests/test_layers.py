"""The folders are layers: who may import whom, and what the pure ones may never touch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import otpvoice

ROOT = Path(otpvoice.__file__).parent

MAY_IMPORT: dict[str, set[str]] = {
    "core": {"core"},
    "media": {"media"},
    "trust": {"trust"},
    "dialects": {"dialects", "core", "media", "trust"},
    "ari": {"ari", "core", "media"},
    "adapters": {"adapters", "core", "media", "trust"},
    "session": {"session", "core", "media"},
    "rehearsal": {"rehearsal", "core", "media"},
    "stasis": {"stasis", "session", "ari", "rehearsal", "core", "media"},
    "chronicle": {"chronicle", "stasis", "adapters", "dialects", "core"},
    "recovery": {"chronicle", "stasis", "ari", "adapters", "dialects", "core"},
    "interview": {"session", "adapters", "dialects", "core"},
    "dialplan": {"stasis", "dialects", "ari", "core"},
    "web": {"web", "stasis", "dialects", "media", "core", "trust"},
    "settings": {"settings", "core", "dialects", "media", "trust"},
    "logs": {"logs", "core"},
    "metrics": {"metrics", "session", "core"},
    "testkit": {"testkit", "media"},
    "doctor": {"doctor", "settings", "ari", "adapters", "core", "media"},
    "cli": {"cli", "service", "doctor", "settings", "logs", "testkit", "adapters", "dialects", "core", "media"},
    # The only places where everything meets.
    "service": {
        "service",
        "adapters",
        "ari",
        "chronicle",
        "core",
        "dialects",
        "dialplan",
        "interview",
        "logs",
        "media",
        "metrics",
        "recovery",
        "rehearsal",
        "session",
        "settings",
        "stasis",
        "trust",
        "web",
    },
    "__main__": {"cli"},
    "__init__": set(),
}
DOORS = {"dialects.native", "dialects.callflow", "dialects.jsonrpc", "dialects.stasis_args"}
"""Dialects share what is beside them, and never import each other."""
IMPURE = {"asyncio", "aiohttp", "redis", "time", "random", "secrets", "os", "socket", "logging", "structlog", "uuid"}
PURE = ("core", "media", "dialects", "trust")
VENDORS = ("telesign", "8x8", "wavecell", "voxology", "exotel", "commpeak", "twilio")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(name: str) -> str | None:
    return name.removeprefix("otpvoice.") if name.startswith("otpvoice.") else None


MODULES = list(modules())
PURE_MODULES = [(module, path) for module, path in MODULES if module.split(".")[0] in PURE]
NEUTRAL_MODULES = [
    (module, path) for module, path in MODULES if module.split(".")[0] not in ("dialects", "web", "media")
]


@pytest.mark.parametrize(("module", "path"), MODULES, ids=[module for module, _ in MODULES])
def test_a_module_imports_only_what_its_layer_may(module: str, path: Path) -> None:
    layer = module.split(".", maxsplit=1)[0]
    assert layer in MAY_IMPORT, f"{layer} has no place in the house"
    for name in filter(None, map(ours, imports(path))):
        other = name.split(".")[0]
        if other == "__version__":
            continue
        assert other in MAY_IMPORT[layer], f"{module} imports {name}"
        other_door = DOORS - {".".join(module.split(".")[:2])}
        assert layer != "dialects" or ".".join(name.split(".")[:2]) not in other_door, f"{module} imports {name}"


@pytest.mark.parametrize(("module", "path"), PURE_MODULES, ids=[module for module, _ in PURE_MODULES])
def test_the_pure_layers_have_no_clock_no_chance_and_no_io(module: str, path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE
    source = path.read_text()
    assert ".now(" not in source
    assert "open(" not in source


@pytest.mark.parametrize(("module", "path"), NEUTRAL_MODULES, ids=[module for module, _ in NEUTRAL_MODULES])
def test_vendors_are_named_in_their_dialects_only(module: str, path: Path) -> None:
    assert not [vendor for vendor in VENDORS if vendor in path.read_text().lower()]


def test_the_plan_of_the_house_says_the_same() -> None:
    table = (ROOT.parent / "docs" / "architecture.md").read_text().split("\n## The rooms\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `otpvoice/(\w+)(?:/|\.py)` \|.*\| (.*?) \|$", table, re.MULTILINE)
    rooms = {room: set(re.findall(r"`(\w+)`", others)) for room, others in rows}
    assert rooms.pop("locales") == set(), "data imports nothing"
    assert rooms == {room: others - {room} for room, others in MAY_IMPORT.items() if not room.startswith("__")}


def test_every_layer_of_the_table_exists() -> None:
    """A rule for a room that is not there would protect nothing."""
    assert {module.split(".")[0] for module, _ in MODULES} | {"__init__"} >= MAY_IMPORT.keys() - {""}
