"""The table of the suite: which commands are run, and what is asked of their figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.quality.record import Metrics

Rule = Literal["at least", "at most", "within", "no lower than quiet"]
SAMPLES = Path("tests/data")  # shipped
WEEKLY = "false_per_week"


@dataclass(frozen=True, slots=True)
class Asked:
    """One figure asked: `metric` of the product's own pages, only while they stay within `limit` false pages a week;
    `sweep`: the same by the best single threshold on the scores. `plain`: what plain methods got on kinds like it."""

    measure: str
    metric: str
    value: float
    rule: Rule = "at least"
    limit: float | None = None
    sweep: str | None = None
    plain: str = "-"

    @property
    def text(self) -> str:
        limit = "" if self.limit is None else f" at ≤ {self.limit:g}"
        words = {"at least": "≥ ", "at most": "≤ ", "within": "within ×", "no lower than quiet": "no lower than quiet"}
        return words[self.rule] + ("" if self.rule == "no lower than quiet" else f"{self.value:g}{limit}")


@dataclass(frozen=True, slots=True)
class Run:
    """One command. `arguments` follow `python -m`; JSON and output folders are added by the suite."""

    name: str
    kind: str
    arguments: tuple[str, ...]
    asked: tuple[Asked, ...]
    needs_out: bool = True
    is_part: bool = False  # a seeded sample, there for its peers


class Reached(NamedTuple):
    """What one method got; verdicts are None where nothing could be counted."""

    pages: float | None
    rate: float | None
    pages_ok: bool | None
    scores: float | None
    scores_ok: bool | None


def reach(asked: Asked, metrics: Metrics) -> Reached:
    """Own pages count as reaching only within the limit of false pages."""
    value, rate = metrics.get(asked.metric), metrics.get(WEEKLY) if asked.limit is not None else None
    ok = _holds(asked, value, metrics)
    if ok and asked.limit is not None:
        ok = rate is not None and rate <= asked.limit
    scores = metrics.get(asked.sweep) if asked.sweep else None
    return Reached(value, rate, ok, scores, _holds(asked, scores, metrics) if asked.sweep else None)


def _holds(asked: Asked, value: float | None, metrics: Metrics) -> bool | None:
    if value is None:
        return None
    if asked.rule == "within":
        return value > 0 and abs(math.log(value)) <= math.log(asked.value)
    if asked.rule == "no lower than quiet":
        quiet = metrics.get("recall_quiet")
        return None if quiet is None else value >= quiet
    return value >= asked.value if asked.rule == "at least" else value <= asked.value


def recall(limit: float, value: float, plain: str) -> Asked:
    return Asked("recall of labelled incidents", "recall", value, "at least", limit, f"sweep@{limit:g}", plain)


PROMISE = (
    Asked("realised ÷ promised", "realised_over_promised", 2, "within"),
    Asked("the same in the worst class", "worst_class", 2, "within"),
)
QUICK = Asked("median delay, ticks", "delay_median", 3, "at most", plain="1-4")
INSIDE = Asked("recall inside special events", "recall_in_events", 0, "no lower than quiet", plain="0.70-0.76")
GRID = (recall(2, 0.85, "0.66-0.72"), INSIDE, PROMISE[0])
NAB = (
    Asked("precision of pages", "precision", 0.60, "at least", 0.25, "sweep_precision", "0.22"),
    Asked("official score, standard profile", "nab_standard", 60, plain="39"),
    *PROMISE,
)
KPI_F1 = Asked("F1 (k = 7), threshold from the first half", "k7_f1", 0.80, plain="0.75")


@dataclass(frozen=True, slots=True)
class Development:
    """A set below DATA. `part`: values of the sample on which the fast peers are shown; None: on all of it."""

    folder: str
    kind: str
    budget: float | None
    asked: tuple[Asked, ...]
    part: int | None = None
    part_asked: tuple[Asked, ...] = field(default=())
    is_ablated: bool = False  # what each part adds is printed too


DEVELOPMENT = (
    Development(
        "kpi2018_train", "web/machine KPI, minutes", 1.0, (recall(1, 0.55, "0.21"), KPI_F1, *PROMISE, QUICK), 200_000,
        (recall(1, 0.55, "0.21"), KPI_F1),
    ),
    Development("msft_cloud", "cloud telemetry", 1.0, (recall(1, 0.78, "0.68"), *PROMISE), is_ablated=True),
    Development(
        "asd", "servers with 19 metrics", 0.5, (recall(0.5, 0.60, "0.46"), *PROMISE), 250_000,
        (recall(0.5, 0.60, "0.46"),),
    ),
    Development("nab", "NAB", 0.25, NAB, 100_000, NAB[:2]),
    Development("grid_bike_s11", "grid on real demand", 2.0, GRID, is_ablated=True),
    Development(
        "rs_livestream", "live-streaming cells", None,
        (Asked("exact F1 of the first cuboid (RobustSpot's)", "f1_at_1", 0.643, plain="0.53"),),
    ),
)  # fmt: skip
WORLD = Run(
    "world", "simulated world, small", ("benchmarks.quality.world", "--seed", "7", "--small", "--peers"),
    (
        Asked("recall of identifiable incidents, false per 1000 series-weeks", "recall", 0.95, "at least", 3.0,
              plain="0.89-0.95 at 12-14"),
        Asked("precision", "precision", 0.90),
        Asked("median delay, ticks", "delay_median", 5, "at most"),
        PROMISE[0],
    ),
    needs_out=False,
)  # fmt: skip


def development_runs(data: Path) -> tuple[list[Run], list[str]]:
    """The commands of the sets that are there, and the names of those that are not."""
    runs, absent = [], []
    for one in DEVELOPMENT:
        folder = data / one.folder
        if not folder.is_dir():
            absent.append(one.folder)
            continue
        budget = ("--budget", f"{one.budget:g}") if one.budget is not None else ()
        call = ("benchmarks.quality", str(folder), *budget)
        peer = () if one.budget is None else ("--peer", "plain" if one.part else "fast")
        runs.append(Run(one.folder, one.kind, (*call, *peer), one.asked))
        if one.part:
            sampled = (*call, "--sample", str(one.part), "--peer", "fast")
            runs.append(Run(f"{one.folder}-part", f"{one.kind} (part)", sampled, one.part_asked, is_part=True))
    ablated = [_ablation(data / one.folder, one.kind, one.budget or 1) for one in DEVELOPMENT if one.is_ablated]
    return [*runs, WORLD, *(run for run in ablated if Path(run.arguments[1]).is_dir())], absent


def _ablation(folder: Path, kind: str, budget: float) -> Run:
    """The whole, then without each part; its table is printed as it is."""
    call = ("benchmarks.quality.ablation", str(folder), "--budget", f"{budget:g}")
    return Run(f"{folder.name}-ablation", f"{kind}: what each part adds", call, (), needs_out=False)


def shipped_runs(samples: Path = SAMPLES) -> list[Run]:
    """What every clone has."""
    grid = ("benchmarks.quality", str(samples / "grid_bike_sample"), "--budget", "2", "--peer", "fast")
    nab = ("benchmarks.quality", str(samples / "nab_sample"), "--budget", "0.25", "--peer", "fast")
    return [
        Run("grid_bike_sample", "grid on real demand (sample)", grid, GRID),
        Run("nab_sample", "NAB (sample)", nab, NAB),
        WORLD,
        _ablation(samples / "grid_bike_sample", "grid on real demand (sample)", 2),
    ]


def runs_named(runs: Sequence[Run], only: Sequence[str]) -> list[Run]:
    return [run for run in runs if not only or run.name in only]
