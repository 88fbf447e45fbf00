"""From when to when each series was judged in a backtest: the time that false pages are counted against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tocsin.outcome import ROW_STATES, Outcome

if TYPE_CHECKING:
    from tocsin.engine import Engine, Lane

NOT_JUDGED = np.array([state in ("warming", "gap", "silent") for state in ROW_STATES])


class Unit(NamedTuple):
    """What pages are counted for: a watched leaf, or an entity with all of its metrics. Both ends are ticks judged."""

    labels: Mapping[str, str]  # without `metric` where it has several
    first_ms: int
    last_ms: int
    interval_ms: int
    metrics: int = 1


@dataclass(slots=True)
class JudgedSpans:
    """First and last judged tick of every row, by interval."""

    _spans: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Takes one tick in; rows only ever get more."""
        empty = np.zeros(0, np.int64)
        first, last = self._spans.get(outcome.interval_ms, (empty, empty))
        more = len(outcome.state) - len(first)
        if more:
            first, last = (np.concatenate([a, np.full(more, -1, np.int64)]) for a in (first, last))
            self._spans[outcome.interval_ms] = first, last
        judged = ~NOT_JUDGED[outcome.state]
        last[judged] = outcome.t_ms
        first[judged & (first < 0)] = outcome.t_ms

    def units(self, engine: Engine) -> list[Unit]:
        """The units of all lanes that were ever judged, in order of their rows."""
        return [unit for lane in engine.lanes for unit in self._of_lane(lane)]

    def _of_lane(self, lane: Lane) -> list[Unit]:
        spans = self._spans.get(lane.schema.interval_ms)
        if spans is None:
            return []
        index, found = lane.state.index, []
        for rows in unit_rows(lane):
            first, last = spans[0][rows], spans[1][rows]
            if (first >= 0).any():
                labels = index.labels(rows[0])
                if len(rows) > 1:
                    del labels["metric"]
                since, until = int(first[first >= 0].min()), int(last.max())
                found.append(Unit(labels, since, until, lane.schema.interval_ms, len(rows)))
        return found


def unit_rows(lane: Lane) -> list[list[int]]:
    """Rows of each unit: of lone series what the engine takes for one, else each watched leaf by itself."""
    derived = lane.core.adapt(lane.state)
    if derived.units is not None:
        return [[row for row in column if row >= 0] for column in derived.units.table.T.tolist()]
    watched = np.flatnonzero(derived.lattice.leaf & derived.lattice.watched & ~derived.ignored)
    return [[row] for row in watched.tolist()]
