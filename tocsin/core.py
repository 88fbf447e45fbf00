"""The components of one interval's engine, and the state they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.absence import AbsenceState
from detector.contrast import ContrastState
from detector.forecasters.seasonal import Seasonal, SeasonalState
from detector.frame import Ints
from detector.innovations import InnovationState
from detector.leaning import Leaning, lean_on
from detector.link import Link
from detector.pairing import pair_rows, witness_metrics
from detector.runs import RunState
from detector.schema import Schema
from detector.scorers.correlation import Correlation
from detector.scorers.derivative import Derivative, DerivativeState
from detector.scorers.forecast_residual import ForecastResidual, ResidualState
from detector.scorers.stuck import Stuck
from detector.scorers.witness import Witness, WitnessState
from detector.scorers.zero_run import ZeroRun
from detector.series import Lattice, SeriesIndex
from detector.state import grow
from detector.timing import Timing
from ensemble.budget import Budget, BudgetState
from ensemble.calibrate import Calibration, CalibrationState, volume_class
from ensemble.combiners.contrast_led import ContrastLed, OnsetState
from ensemble.episode import Episode, EpisodeState
from ensemble.gap_law import GapLawState
from ensemble.known_range import KnownRangeState
from ensemble.opening_law import OpeningLawState
from ensemble.recent_peak import RecentPeakState
from ensemble.votes import Votes, VotesState
from ensemble.worst_hours import WorstHoursState
from suppression.candidate import Candidate
from suppression.decide import Judge
from suppression.impact import Impact, ImpactState, ScopeCache
from suppression.localise import Localisation
from tocsin.feeds import FeedRows, Feeds
from tocsin.lone import Collected, Lone, LoneRows, Units
from tocsin.newborn import Newborn
from tocsin.parameters import Parameters
from tocsin.rows import Rows, RowState

LEVEL_SHAPES = 64  # cuboid levels told apart by calibration; more share the last class
KINDS = 2  # counts, gauges
VOLUMES = 7
VOICES = 3  # forecast residual, derivative, correlation


@dataclass(slots=True)
class State:
    """All memory of one interval: arrays (…, S), the series index, open candidates, the budget's peaks.

    `step` consumes it; `fork` copies.
    """

    index: SeriesIndex
    rows: RowState
    season: SeasonalState
    residual: ResidualState
    derivative: DerivativeState
    contrast: ContrastState
    witness: WitnessState
    zero: RunState
    stuck: RunState
    calibration: CalibrationState
    votes: VotesState
    onset: OnsetState
    episode: EpisodeState
    link: Link
    innovation: InnovationState
    hours: WorstHoursState
    entity_hours: WorstHoursState
    drift_hours: WorstHoursState
    peak: RecentPeakState
    known: KnownRangeState
    law: OpeningLawState
    lone_rows: LoneRows
    collected: Collected
    absence: AbsenceState
    gaps: GapLawState
    feed_absence: AbsenceState  # (…, F), of feeds
    feed_gaps: GapLawState  # (…, F)
    feed_rows: FeedRows  # (F,)
    impact: ImpactState
    budget: BudgetState
    candidates: list[Candidate] = field(default_factory=list)
    feed_alarms: list[Candidate] = field(default_factory=list)  # open ones, of feeds that are silent
    t_ms: int = -1  # last tick stepped
    ticks: int = 0


@dataclass(slots=True)
class Derived:
    """What follows from the index and changes only when rows are added; no state."""

    lattice: Lattice
    witnesses: Ints  # (W, S)
    cell_witness: NDArray[np.bool_]  # (W, S) the witness row is as narrow as the row itself
    ignored: NDArray[np.bool_]  # (S,) rows of groups with `ignore`
    shapes: NDArray[np.int32]  # (S,) code of the cuboid level, the metric aside
    drift_levels: tuple[int, ...]
    watched_leaves: int
    places: int
    place_codes: NDArray[np.int32]  # (S,) place of each row, 0 = all
    leaning: Leaning  # whose steps of the season a row takes
    units: Units | None = None  # of lone series


class Core:
    """Frozen components; one per interval. `adapt` grows a state to the index."""

    def __init__(self, schema: Schema, parameters: Parameters) -> None:
        self.schema = schema
        self.parameters = parameters
        self.timing = timing = Timing(schema.interval_ms)
        names = schema.dimension_names
        self.place_axis = names.index(schema.place) if schema.place in names else -1
        self.axes = len(names)
        self.witness_count = len(witness_metrics(SeriesIndex(schema)))
        self.rows = Rows(timing, parameters)
        self.seasonal = Seasonal(timing)
        self.newborn = Newborn(timing, self.seasonal, parameters.warmup_ms)
        self.residual = ForecastResidual(timing)
        self.derivative = Derivative(timing)
        self.contrast = Correlation(timing, self.axes, self.place_axis)
        self.witness = Witness(timing, self.witness_count)
        self.zero = ZeroRun()
        self.stuck = Stuck()
        self.horizons = len(timing.lam)
        self.scorers = self.horizons + 1 + self.axes + self.witness_count
        self.calibration = Calibration(timing, self.scorers, LEVEL_SHAPES * KINDS * VOLUMES)
        self.votes = Votes(VOICES)
        self.combiner = ContrastLed(timing)
        self.episode = Episode(timing)
        self.budget = Budget(parameters.budget, parameters.budget_per)
        self.impact = Impact(timing)
        self.localisation = Localisation()
        self.judge = Judge()
        self.scopes = ScopeCache()
        self._unused = Lone.of(schema, 0)
        self.lone = Lone.of(schema, parameters.warmup_ms) if schema.is_lone else None
        self.feeds = Feeds.of(schema)
        self._derived: tuple[SeriesIndex, int, Derived] | None = None

    def init(self) -> State:
        parts = {name: self.initial(name)(0) for name in COMPONENTS}
        return State(SeriesIndex(self.schema), **parts, impact=ImpactState(), budget=self.budget.init())

    def adapt(self, state: State) -> Derived:
        """Grows the arrays to the index; returns what follows from it."""
        size = len(state.index)
        before = len(state.rows.age)
        if before < size:
            for name in COMPONENTS:
                setattr(state, name, grow(getattr(state, name), size, self.initial(name)))
            if before and self.lone is None:
                self.newborn.adopt(state, before)
        if self._derived is None or self._derived[0] is not state.index or self._derived[1] != size:
            self._derived = (state.index, size, self._derive(state.index))
        return self._derived[2]

    def watched(self, state: State) -> int:
        """What the budget counts: watched leaves, an entity of lone series once."""
        derived = self.adapt(state)
        return derived.watched_leaves if derived.units is None else len(derived.units.heads)

    def initial(self, name: str) -> Callable[[int], Any]:
        """How the part of the state of this name starts, for a number of rows; parts of the other kind stay empty."""
        if name in FEED_COMPONENTS:
            return getattr(self.feeds, f"init_{name.removeprefix('feed_')}")  # type: ignore[no-any-return]
        if name in LONE_COMPONENTS:
            first = getattr(self.lone or self._unused, f"init_{name.removeprefix('lone_')}")
            return first if self.lone is not None else lambda n: first(0)
        component: Any = {
            "rows": self.rows, "season": self.seasonal, "residual": self.residual, "derivative": self.derivative,
            "contrast": self.contrast, "witness": self.witness, "zero": self.zero, "stuck": self.stuck,
            "calibration": self.calibration, "votes": self.votes, "onset": self.combiner, "episode": self.episode,
        }[name]  # fmt: skip
        return component.init if self.lone is None or name == "rows" else lambda n: component.init(0)

    def _derive(self, index: SeriesIndex) -> Derived:
        lattice = index.lattice()
        tops = [len(d.parents) + 1 for d in self.schema.dimensions]
        shape_codes: dict[tuple[int, ...], int] = {}
        shapes = np.asarray(
            [min(shape_codes.setdefault(level, len(shape_codes)), LEVEL_SHAPES - 1) for _, level in lattice.levels],
            np.int32,
        )
        drift = [
            code
            for code, (m, level) in enumerate(lattice.levels)
            if self.schema.metrics[m].role == "watched"
            and sum(at not in (-1, top) for at, top in zip(level, tops, strict=True)) <= 1
            and all(at in (-1, 0, top) for at, top in zip(level, tops, strict=True))
            and any(at > 0 for at in level)
        ]
        ignored = np.zeros(lattice.size, bool)
        for group in self.schema.groups:
            if group.ignore:
                ignored |= _group_rows(index, lattice, group.match)
        pairs = pair_rows(index)
        watched = int((lattice.leaf & lattice.watched & ~ignored).sum())
        if self.place_axis >= 0 and lattice.size:
            places, place_codes = np.unique(lattice.codes[self.place_axis], return_inverse=True)
        else:
            places, place_codes = np.zeros(1), np.zeros(lattice.size, np.int32)
        return Derived(
            lattice=lattice,
            witnesses=pairs,
            cell_witness=_as_narrow(lattice, tops, pairs),
            ignored=ignored,
            shapes=shapes[lattice.level] if lattice.size else np.zeros(0, np.int32),
            drift_levels=tuple(sorted(drift, key=lambda c: -sum(lattice.levels[c][1]))),
            watched_leaves=watched,
            places=len(places),
            place_codes=place_codes.reshape(-1).astype(np.int32),
            leaning=lean_on(index),
            units=self.lone.units(lattice, ignored) if self.lone is not None else None,
        )

    def classes(self, state: State, derived: Derived) -> NDArray[np.int64]:
        """(S,) calibration class of each row: cuboid level × kind × volume."""
        gauge = state.rows.kind > 0
        with np.errstate(over="ignore", invalid="ignore"):
            volume = np.where(gauge, 0, volume_class(np.exp(np.nan_to_num(np.minimum(state.season.ell, 50), nan=-5))))
        return (derived.shapes.astype(np.int64) * KINDS + gauge) * VOLUMES + volume


LONE_COMPONENTS = (
    "link", "innovation", "hours", "entity_hours", "drift_hours", "peak", "known", "law", "lone_rows",
    "collected", "absence", "gaps",
)  # fmt: skip
FEED_COMPONENTS = ("feed_absence", "feed_gaps", "feed_rows")
COMPONENTS = (
    "rows", "season", "residual", "derivative", "contrast", "witness", "zero", "stuck", "calibration", "votes", "onset",
    "episode", *LONE_COMPONENTS, *FEED_COMPONENTS,
)  # fmt: skip


def _as_narrow(lattice: Lattice, tops: list[int], pairs: Ints) -> NDArray[np.bool_]:
    """(W, S) does the witness row restrict just the dimensions that the row restricts?"""
    restricted = np.array(
        [[at not in (-1, top) for at, top in zip(level, tops, strict=True)] for _, level in lattice.levels]
    )
    if not lattice.size or not restricted.size:
        return pairs >= 0
    of_row = restricted[lattice.level]
    same = (of_row[None] == of_row[np.maximum(pairs, 0)]).all(axis=2)
    out: NDArray[np.bool_] = same & (pairs >= 0)
    return out


def _group_rows(index: SeriesIndex, lattice: Lattice, match: object) -> NDArray[np.bool_]:
    from suppression.scope import Scope
    from suppression.scoping import leaf_mask

    return leaf_mask(index, Scope(match=match, exclude={}))  # type: ignore[arg-type]
