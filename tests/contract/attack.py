"""What the OpenAPI document allows and what it does not, sent to a door by Schemathesis: bounded, from one seed.

It runs as a process of its own, which leaves files in its folder: that has to be a temporary one.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SEED: Final = 20_261_127
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    # What the schema refuses the door refuses: there the schema is never stricter (tests/docs/test_openapi.py). The
    # other way round does not hold: a trunk, a recording or a destination is for the account to say.
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
PHASES: Final = ("examples", "fuzzing", "stateful")
"""What the document shows, anything it allows and does not, and calls that are looked at and ended after they were
asked for. Not ``coverage`` for all of it: of ``POST /v1/calls`` alone that is 6500 requests."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What came of it. ``said``: all that Schemathesis printed, with what to repeat it by."""

    found: bool
    said: str


async def attack(
    document: Path, url: str, key: str, *, examples: int, phases: Collection[str] = PHASES, only: Collection[str] = ()
) -> Attack:
    """Send up to so many requests to each address. ``only``: operations by their id; none: all of them.

    Its folder is the document's.
    """
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("run", document, "--url", url, "--header", f"Authorization: Bearer {key}", "--phases", ",".join(phases)),
        *("--checks", ",".join(CHECKS), "--seed", str(SEED), "--max-examples", str(examples), "--continue-on-failure"),
        *("--no-shrink", "--generation-database", "none", "--request-timeout", "10", "--warnings", "off", "--no-color"),
        *(f"--include-operation-id={name}" for name in only),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=document.parent,
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    # 1 says that something was found; more, that it could not be tried.
    assert process.returncode in {0, 1}, said.decode()
    return Attack(process.returncode == 1, said.decode())
