"""Prometheus' own checker, on files and on expressions that lie in other files."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from otpvoice.testkit.programs import find

_ENVIRON: Final = {"GOMAXPROCS": "1", "GOGC": "400"}
"""Some hundred databases are opened and thrown away: half of the processor goes into collecting them."""


def promtool(*arguments: str, folder: Path, standard_input: bytes | None = None) -> str:
    """Run it there. Fails with what it says, unless it is content."""
    done = subprocess.run(
        [find("promtool"), *arguments],
        cwd=folder,
        input=standard_input,
        env=os.environ | _ENVIRON,
        capture_output=True,
        check=False,
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def parsed(expressions: Sequence[str], folder: Path) -> None:
    """Have expressions parsed, all in one go. Fails with those that are none."""
    rules = [{"record": f"expression:{number}", "expr": one} for number, one in enumerate(expressions, start=1)]
    # JSON is YAML, and needs no care about quotes.
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "expressions", "rules": rules}]}, indent=1))
    said = promtool("check", "rules", "rules.yml", folder=folder)
    assert f"{len(expressions)} rules found" in said, said


def computed(
    expressions: Mapping[str, Mapping[str, float]], series: Mapping[str, str], *, at: str, folder: Path
) -> None:
    """Have expressions computed, a sample of each series a minute. Fails where one is not what is said of it."""
    asked = [
        {
            "expr": expression,
            "eval_time": at,
            "exp_samples": [{"labels": labels, "value": value} for labels, value in samples.items()],
        }
        for expression, samples in expressions.items()
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": given, "promql_expr_test": asked}
    (folder / "test.yml").write_text(json.dumps({"evaluation_interval": "1m", "tests": [test]}))
    promtool("test", "rules", "test.yml", folder=folder)
