"""``python -m tests.rig.audit``: are there known vulnerabilities in what otpvoice needs at run time?

It asks pip-audit about the locked requirements. Known ones are listed, and the exit code is 1. Where nobody can be
asked (no network, or a mirror that knows of packages and nothing of vulnerabilities) that is said aloud, and the exit
code is 0: whoever has no network still builds. pip-audit itself says "no known vulnerabilities" to a mirror that
answers 404, so what it did not look up is counted here. Anything else that goes wrong is a failure.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

REQUIREMENTS: Final = Path(__file__).parents[2] / "requirements" / "runtime.txt"
TIMEOUT: Final = 15
"""Seconds for one answer."""
_AWAY: Final = re.compile(
    r"requests\.exceptions\.|urllib3\.exceptions\.|ServiceError|ConnectionError|Could not connect"
)
_LINE: Final = "=" * 100


@dataclass(frozen=True, slots=True)
class Audit:
    """``known``: a line for each vulnerability. ``not_asked``: packages that nobody could be asked about."""

    asked: int
    not_asked: tuple[str, ...]
    known: tuple[str, ...]


def read(document: Mapping[str, Any]) -> Audit:
    """Return what pip-audit found, by its JSON."""
    packages = document["dependencies"]
    skipped = tuple(package["name"] for package in packages if "skip_reason" in package)
    return Audit(
        asked=len(packages) - len(skipped),
        not_asked=skipped,
        known=tuple(
            f"{package['name']} {package['version']}  {one['id']}"
            f"  mended in: {', '.join(one['fix_versions']) or 'no version yet'}\n    {one.get('description', '')[:300]}"
            for package in packages
            for one in package.get("vulns", ())
        ),
    )


def audit(requirements: Path, environ: Mapping[str, str], *options: str) -> int:
    """Ask, and print what is known. Returns the exit code."""
    command = [
        sys.executable,
        "-m",
        "pip_audit",
        "--requirement",
        str(requirements),
        "--require-hashes",
        "--disable-pip",
    ]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(environ))
    try:
        found = read(json.loads(done.stdout))
    except (ValueError, LookupError, TypeError):
        if not _AWAY.search(done.stderr):
            print(done.stdout + done.stderr, file=sys.stderr)
            return 1
        _aloud("there is no way to the database of vulnerabilities from here.", done.stderr.splitlines()[-1])
        return 0
    for line in found.known:
        print(line)
    if found.not_asked:
        _aloud(f"nobody here knows anything of {len(found.not_asked)} packages:", ", ".join(found.not_asked))
    count = f"{len(found.known)} known vulnerabilities in {found.asked} packages"
    print(count if found.asked else "no package was audited")
    return 1 if found.known else 0


def _aloud(why: str, detail: str) -> None:
    print(f"{_LINE}\nNOT AUDITED: {why}\n{detail[:1000]}\n{_LINE}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(audit(REQUIREMENTS, os.environ))
