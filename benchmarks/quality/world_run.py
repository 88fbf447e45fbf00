"""The engine driven through a simulated world: the warm start on its history, then its own step, every page noted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.magnitude import FixedBudget, Magnitude
from connectors.simulation import Rates, World, WorldParameters, make_geography
from connectors.simulation.matching import Page
from detector.frame import Tick
from detector.timing import DAY_MS, WEEK_MS
from ensemble.budget import Per
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.width import leaves_of
from tocsin.backfill import QUIET_MS
from tocsin.calendar_file import parse_calendars
from tocsin.core import Core, State
from tocsin.fork import fork
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up

MINUTE_MS = 60_000
DAY_MINUTES = DAY_MS // MINUTE_MS
MAGNITUDE_LEVELS = (4.0, 5.0)
Progress = Callable[[str, int, int], None]


class Scenario(NamedTuple):
    """A world and how much of it is scored: `weeks` from the end of its history on. `name` is permanent."""

    name: str
    world: World
    weeks: float

    @property
    def from_ms(self) -> int:
        parameters = self.world.parameters
        return parameters.start_ms + int(parameters.history_days * DAY_MS)

    @property
    def until_ms(self) -> int:
        return min(self.from_ms + round(self.weeks * WEEK_MS), self.world.parameters.end_ms)


def scenario(seed: int, weeks: float, small: bool = False) -> Scenario:
    """`world-SEED`: 2,400 leaves, four weeks of history, five to score; `world-SEED-small`: 320 leaves, two and one.

    Fewer weeks are the beginning of the same world.
    """
    if not small:
        return Scenario(f"world-{seed}", World(WorldParameters(seed=seed)), weeks)
    geography = make_geography({"phone": 3, "tv": 3, "browser": 2}, {"na": 3, "eu": 5})
    parameters = WorldParameters(
        seed=seed, minutes=21 * DAY_MINUTES, history_days=14.0, geography=geography, rates=Rates(incidents_per_day=4.0)
    )
    return Scenario(f"world-{seed}-small", World(parameters), weeks)


@dataclass(slots=True)
class Record:
    """One candidate from its opening on. Times are starts of ticks, None: it never came to that."""

    candidate: Candidate
    opened_ms: int
    told_ms: int | None = None
    loud_ms: int | None = None  # it would have been told if no rule held it and nothing was waited for
    level_ms: dict[float, int] = field(default_factory=dict)  # fused score reached this level
    held: tuple[str, ...] = ()  # reasons, the leading one first, when it was first held
    cells: dict[int, NDArray[np.intp]] = field(default_factory=dict)  # time → cells of its cuboid
    change: dict[int, float] = field(default_factory=dict)  # time → log deviation
    closed_ms: int | None = None

    def page(self, at_ms: int | None, until_ms: int) -> Page | None:
        """The page that people would have had from this time on."""
        if at_ms is None:
            return None
        return Page(at_ms, self.closed_ms or until_ms, self.cells[at_ms], self.change[at_ms])


@dataclass(frozen=True, slots=True)
class Run:
    """What one method said of a scenario."""

    records: tuple[Record, ...]
    thresholds: tuple[float, ...]  # at the end of each day
    until_ms: int

    def told(self) -> list[Page]:
        return self._pages(r.page(r.told_ms, self.until_ms) for r in self.records)

    def unheld(self) -> list[Page]:
        """Pages if no rule held anything; what belongs to another candidate is no page of its own."""
        return self._pages(r.page(r.loud_ms, self.until_ms) for r in self.records)

    def louder(self, level: float) -> list[Page]:
        """Pages of everything that reached this level of the fused score."""
        return self._pages(r.page(r.level_ms.get(level), self.until_ms) for r in self.records)

    @staticmethod
    def _pages(found: Iterator[Page | None]) -> list[Page]:
        return [page for page in found if page is not None]


class Service:
    """One world's engine after its warm start; each run starts from a copy of it."""

    def __init__(self, of: Scenario, progress: Progress = lambda what, done, all_: None) -> None:
        self.scenario, self.progress = of, progress
        world = of.world
        self.controls = Controls(calendar=parse_calendars({"calendar.yaml": world.calendar_yaml()}))
        core = Core(world.schema(), Parameters())
        panel = world.panel(0, int(world.parameters.history_days * DAY_MINUTES))
        self.learnt = warm_up(
            core, core.init(), world.leaves, panel.t_ms, panel.y, self.controls.calendar,
            QUIET_MS, progress=lambda done, all_: progress("history", done, all_),
        )  # fmt: skip
        rows = self.learnt.index.rows
        self.rows = np.array([rows[key] for key in world.leaves])
        self.cell_of = np.full(len(self.learnt.index), -1, np.intp)  # row → watched leaf of the world
        self.cell_of[self.rows[: world.watched_count]] = np.arange(world.watched_count)

    def run(self, budget: float, per: Per = "1000-series-week", magnitude: float | None = None) -> Run:
        """The engine over the scored weeks; with `magnitude` that peer: its entering score, no budget."""
        core = Core(self.scenario.world.schema(), Parameters(budget=budget, budget_per=per))
        state = fork(self.learnt)
        if magnitude is None:
            core.budget.settle(state.budget, core.adapt(state).watched_leaves)
        else:
            core.combiner = Magnitude()  # type: ignore[assignment]
            core.budget = FixedBudget(magnitude)  # type: ignore[assignment]
            state.budget.threshold = magnitude
        return self._drive(core, state)

    def _drive(self, core: Core, state: State) -> Run:
        """Steps every scored minute and notes what becomes of each candidate."""
        records: dict[str, Record] = {}
        thresholds: list[float] = []
        delivered = np.ones(len(core.schema.metrics), bool)
        world, of = self.scenario.world, self.scenario
        first = (of.from_ms - world.parameters.start_ms) // MINUTE_MS
        minutes = (of.until_ms - of.from_ms) // MINUTE_MS
        for day in range(0, minutes, DAY_MINUTES):
            panel = world.panel(first + day, first + min(day + DAY_MINUTES, minutes))
            for t_ms, values in zip(panel.t_ms.tolist(), panel.y, strict=True):
                y = np.full(len(state.index), np.nan)
                y[self.rows] = values
                state, _ = step(core, state, Tick(t_ms, y, delivered), self.controls)
                self._note(core, state, records, t_ms)
            thresholds.append(state.budget.threshold)
            self.progress("scored", day + len(panel.t_ms), minutes)
        return Run(tuple(records.values()), tuple(thresholds), of.until_ms)

    def _note(self, core: Core, state: State, records: dict[str, Record], t_ms: int) -> None:
        for candidate in state.candidates:
            record = records.get(candidate.alarm_id)
            if record is None:
                record = records[candidate.alarm_id] = Record(candidate, t_ms)
            record.candidate = candidate
            if candidate.state == "resolved":
                record.closed_ms = record.closed_ms or candidate.ended_ms
                continue
            record.closed_ms = None
            is_news = False
            if record.told_ms is None and candidate.fired_ms is not None:
                record.told_ms, is_news = t_ms, True
            is_own = not candidate.is_shadow and "part_of" not in candidate.reasons[:1]
            if record.loud_ms is None and not candidate.is_weak and is_own:
                record.loud_ms, is_news = t_ms, True
            if not record.held and candidate.state == "held":
                record.held, is_news = candidate.reasons, True
            for level in MAGNITUDE_LEVELS:
                if level not in record.level_ms and candidate.fused >= level and not candidate.is_shadow:
                    record.level_ms[level], is_news = t_ms, True
            if is_news:
                cells = self.cell_of[leaves_of(core.adapt(state).lattice, candidate.present)]
                record.cells[t_ms] = cells[cells >= 0]
                record.change[t_ms] = candidate.raw or candidate.size
