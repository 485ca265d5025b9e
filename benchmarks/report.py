"""What was measured, as one table: absolute figures, ratios, and whether each budget was met.

A budget that is missed is said and changes nothing: the machine may be to blame, and whoever reads decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.accept import CONNECTIONS, Accepted
from benchmarks.ceiling import Ceiling
from benchmarks.cost import Costs, percentile
from benchmarks.rig import Who
from benchmarks.webhooks import Webhooks

CALL_RATIO: Final = 1.5
FIRST_RTP_MS: Final = 40.0
LAG_MS: Final = 20.0
KB_A_CALL: Final = 64.0
STORE_RATIO: Final = 1.5
WEBHOOK_RATIO: Final = 1.5


@dataclass(frozen=True, slots=True)
class Line:
    """One figure. ``budget``: the most it may be; None: it is told, not judged."""

    what: str
    value: float
    unit: str
    budget: float | None = None
    remark: str = ""

    @property
    def verdict(self) -> str:
        """Return ``met``, or by how much it was missed."""
        if self.budget is None:
            return ""
        if self.value <= self.budget:
            return "met"
        return f"missed by {100 * (self.value / self.budget - 1):.0f} %" if self.budget else "missed"


def of_costs(costs: Costs, judged: float) -> Iterator[Line]:
    """Tell what calls cost at each rate, and how soon they are heard; the budgets hold at the rate ``judged``."""
    for rate, by_who in costs.rounds.items():
        for who in by_who:
            yield Line(f"CPU of {_NAMES[who]}, a call at {rate:g}/s", costs.ms(rate, who), "ms")
        asterisk = costs.ms(rate, Who.PRODUCT, "asterisk")
        yield Line(f"CPU of Asterisk, a call of the product's at {rate:g}/s", asterisk, "ms")
        yield Line(
            f"product to bare loop at {rate:g}/s", costs.ratio(rate, Who.PRODUCT, Who.BARE), "×", CALL_RATIO, _ASKED
        )
        if Who.PRODUCT_DIRECT in by_who:
            ratio = costs.ratio(rate, Who.PRODUCT_DIRECT, Who.BARE_DIRECT)
            yield Line(f"product to bare loop at {rate:g}/s, without hook", ratio, "×", CALL_RATIO, _DIRECT)
    for who in (Who.BARE, Who.PRODUCT):
        spans = costs.spans(judged, who, "answer_to_rtp")
        remark = f"{_NAMES[who]}, {judged:g}/s, {len(spans)} calls"
        yield Line("200 OK to first packet, p50", 1000 * percentile(spans, 50), "ms", None, remark)
        budget = FIRST_RTP_MS if who is Who.PRODUCT else None
        yield Line("200 OK to first packet, p99", 1000 * percentile(spans, 99), "ms", budget, remark)
    accepted = costs.spans(judged, Who.PRODUCT, "accepted")
    yield Line("request to 202, p50", 1000 * percentile(accepted, 50), "ms", None, f"product, {judged:g}/s")
    yield Line("request to 202, p99", 1000 * percentile(accepted, 99), "ms", None, f"product, {judged:g}/s")


_NAMES: Final = {
    Who.BARE: "bare loop",
    Who.PRODUCT: "product",
    Who.BARE_DIRECT: "bare loop without hook",
    Who.PRODUCT_DIRECT: "product without hook",
}
_ASKED: Final = "both asked over HTTP; median of neighbouring rounds"
_DIRECT: Final = "both asked by a function call"


def of_lags(lags: list[float], rate: float) -> Iterator[Line]:
    """Tell how late the event loop was."""
    remark = f"product, {rate:g}/s, {len(lags)} samples"
    yield Line("event loop lag, p50", 1000 * percentile(lags, 50), "ms", None, remark)
    yield Line("event loop lag, p99", 1000 * percentile(lags, 99), "ms", LAG_MS, remark)
    yield Line("event loop lag, most", 1000 * lags[-1], "ms", None, remark)


def of_ceiling(ceiling: Ceiling) -> Iterator[Line]:
    """Tell what rate held."""
    yield Line("calls a second that hold", ceiling.reached, "/s", None, ceiling.why)


def of_memory(kb: float, *, legs_made: bool) -> Iterator[Line]:
    """Tell what a waiting call takes."""
    remark = "200 calls wait for a key; " + (
        "their legs were made before" if legs_made else "their legs were made for them"
    )
    yield Line("memory of a waiting call", kb, "kB", KB_A_CALL, remark)


def of_store(ours: float, bare: float) -> Iterator[Line]:
    """Tell what the store adds."""
    yield Line("bare EVALSHA, p50", 1000 * bare, "ms")
    yield Line("a summary by the store, p50", 1000 * ours, "ms")
    yield Line("store to bare EVALSHA", ours / bare, "×", STORE_RATIO)


def of_acceptance(accepted: Accepted, repeatable: Accepted) -> Iterator[Line]:
    """Tell how fast requests are taken, without a telephone network behind them."""
    for one, how in ((accepted, ""), (repeatable, ", each with an idempotency key")):
        remark = f"test key{how}; {CONNECTIONS} connections, the calls rehearsed meanwhile"
        yield Line("requests accepted a second", one.per_second, "/s", None, remark)
        yield Line("request to 202, p50", 1000 * percentile(one.spans, 50), "ms", None, remark)
        yield Line("request to 202, p99", 1000 * percentile(one.spans, 99), "ms", None, remark)
        if one.failed:
            yield Line("requests not accepted", one.failed, "", 0, remark)


def of_webhooks(webhooks: Webhooks) -> Iterator[Line]:
    """Tell what a webhook costs."""
    yield Line("bare POST, CPU", 1000 * webhooks.bare, "ms")
    yield Line(
        "webhook to bare POST", webhooks.posted / webhooks.bare, "×", WEBHOOK_RATIO, "signed, by the guarded client"
    )
    remark = "taken from Redis, posted, crossed out in Redis"
    yield Line("whole delivery to bare POST", webhooks.delivered / webhooks.bare, "×", None, remark)
    yield Line("webhooks a second", webhooks.per_second, "/s", None, "to one endpoint")


def show(lines: list[Line], machine: Mapping[str, Any]) -> None:
    """Print the table."""
    console = Console(width=150) if not Console().is_terminal else Console()
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), highlight=False)
    table = Table("what", "measured", "budget", "verdict", "remark", box=None, pad_edge=False)
    for name in ("measured", "budget"):
        next(column for column in table.columns if column.header == name).justify = "right"
    for line in lines:
        budget = "" if line.budget is None else f"{line.budget:g} {line.unit}"
        table.add_row(line.what, f"{line.value:.2f} {line.unit}", budget, line.verdict, line.remark)
    console.print(table, highlight=False)


def as_json(lines: list[Line], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same for a machine."""
    return {"machine": dict(machine), "figures": [asdict(line) | {"verdict": line.verdict} for line in lines]}
