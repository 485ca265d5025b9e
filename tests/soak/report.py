"""What a soak says at its end: a page for people, as Markdown. Pure but for ``machine``."""

from __future__ import annotations

import os
import platform
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from otpvoice.testkit.programs import find
from tests.faults.invariants import PROMISES
from tests.soak.run import Soaked
from tests.soak.samples import BOUNDS, Sample

PAGE: Final = Path(__file__).parents[2] / "docs" / "soak.md"
BEGIN: Final = "<!-- result: begin -->\n"
END: Final = "<!-- result: end -->\n"


def machine() -> dict[str, str]:
    """Return what it ran on, with versions."""
    return {
        "otpvoice": version("otpvoice"),
        "Python": platform.python_version(),
        "Asterisk": _said("asterisk", "-V").removeprefix("Asterisk "),
        "Redis": _said("redis-server", "--version").partition("v=")[2].partition(" ")[0],
        "kernel": platform.release(),
        "cores": str(os.cpu_count()),
    }


def markdown(done: Soaked, about: Mapping[str, str], date: str) -> str:
    """Return the result: what held, what was done, and what was used."""
    return "\n\n".join(
        [
            f"{date} · {' · '.join(f'{name} {value}' for name, value in about.items())}",
            f"`make soak {repeats(done)}`: **{'all held' if done.well else 'NOT ALL HELD'}**.",
            _table(("promise", "", "holds"), _promises(done)),
            *([_list(done.problems)] if done.problems else []),
            _table(("what was done", "times"), _deeds(done)),
            _table(("trouble", "times", "until all was up again, s (longest)"), _troubles(done)),
            _table(("how calls ended", "calls"), done.outcomes.most_common()),
            _table(("grows in half an hour", "by, in each life long enough", "flat is up to", ""), _trends(done)),
            _table(("used", "least", "middle", "most"), _used(done.samples)),
        ]
    )


def repeats(done: Soaked) -> str:
    """Return what makes the same run again."""
    return f"SEED={done.seed} MINUTES={done.minutes:g} RATE={done.rate:.3f}"


def minutes_table(samples: Iterable[Sample]) -> str:
    """Return a line for each minute and process: the last sample of it."""
    last: dict[tuple[int, str], Sample] = {(int(one.at // 60), one.whose): one for one in samples}
    rows = (
        (minute, whose, one.life, ", ".join(f"{name} {figure:.1f}" for name, figure in one.figures.items()))
        for (minute, whose), one in sorted(last.items())
    )
    return _table(("minute", "process", "life", "figures"), rows)


def with_result(page: str, result: str) -> str:
    """Return the page with this result. Raises ``ValueError`` where a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{result}\n\n{END}{after}"


# --- tables ---------------------------------------------------------------------------------------------------------


def _promises(done: Soaked) -> Iterator[tuple[str, str, str]]:
    for verdict in done.verdicts:
        broken = f"**no**: {'; '.join(verdict.why)}" if verdict.why else "**not judged**"
        yield verdict.invariant, PROMISES[verdict.invariant], "yes" if verdict.holds else broken


def _deeds(done: Soaked) -> Iterator[tuple[str, object]]:
    yield from ((f"calls asked for: {kind}", count) for kind, count in done.asked.most_common())
    yield from ((f"callees: {callee}", count) for callee, count in done.callees.most_common())
    yield "calls that the client was promised", done.accepted
    yield "calls that the client gave up", done.gave_up
    for status, count in sorted(done.answers.items()):
        yield (f"answers with {status}" if status else "requests without an answer"), count
    yield "requests that are none", done.junk
    yield "telephones rung", done.invites
    yield "webhooks posted", done.posts
    yield "of these once more", done.repeated
    yield "seconds until all had settled, then", f"{done.drained:.0f}"


def _troubles(done: Soaked) -> Iterator[tuple[str, int, str]]:
    lasted: defaultdict[str, list[float]] = defaultdict(list)
    for fault, seconds in done.troubles:
        lasted[fault.trouble].append(seconds)
    for trouble, seconds_each in sorted(lasted.items()):
        yield trouble, len(seconds_each), f"{max(seconds_each):.1f}"


def _trends(done: Soaked) -> Iterator[tuple[str, str, str, str]]:
    for (whose, name), lives in sorted(done.trends.items()):
        judged = [one for one in lives if one.growth is not None]
        growths = ", ".join(f"{one.growth:+.1f} of {one.middle:.0f} ({one.seconds:.0f} s)" for one in judged)
        bound = max((one.may for one in judged), default=BOUNDS[whose, name].floor)
        flat = all(one.flat for one in lives)
        said = ("flat" if flat else "**grows**") if judged else "too short to say"
        yield f"{whose}: {name}", growths, f"{bound:.0f}", said


def _used(samples: Iterable[Sample]) -> Iterator[tuple[str, str, str, str]]:
    figures: defaultdict[str, list[float]] = defaultdict(list)
    for sample in samples:
        for name, figure in sample.figures.items():
            figures[f"{sample.whose}: {name}"].append(figure)
    for name, values in figures.items():
        ordered = sorted(values)
        yield name, f"{ordered[0]:.0f}", f"{ordered[len(ordered) // 2]:.0f}", f"{ordered[-1]:.0f}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', '/') for cell in line)} |" for line in lines)


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _said(program: str, option: str) -> str:
    done = subprocess.run([find(program), option], capture_output=True, text=True, check=True)
    return done.stdout.strip()
