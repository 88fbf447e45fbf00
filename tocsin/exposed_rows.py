"""The rows of one interval as `/metrics/series` writes them: fixed texts and sets, learnt once a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.schema import ALL, Schema
from detector.series import SeriesIndex
from tocsin.exposition import GaugeBlock, label_text
from tocsin.outcome import ROW_STATES, Outcome

Expose = Literal["active", "places", "all"]
TELLING = [ROW_STATES.index("firing"), ROW_STATES.index("held")]


class ExposedRows:
    """The rows of one interval: their fixed texts and sets, and the newest outcome."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.outcome: Outcome | None = None
        self._texts: list[str] = []
        self._blocks: dict[str, GaugeBlock] = {}
        self._places: list[str] = []
        self._place_code: list[int] = []  # -1: not a watched leaf of a place
        self._leaf: list[bool] = []
        self._is_place_total: list[bool] = []
        self.of_metric: dict[str, list[int]] = {}  # metric → its rows

    def catch_up(self) -> None:
        """Learns the rows that came since the last time."""
        if self.outcome is None:
            return
        index, codes = self.outcome.index, {name: code for code, name in enumerate(self._places)}
        for row in range(len(self._texts), len(self.outcome.state)):
            self._add(index, row, codes)

    def _add(self, index: SeriesIndex, row: int, codes: dict[str, int]) -> None:
        labels, place = index.labels(row), self._schema.place
        name = labels.get(place, ALL) if place is not None else ALL
        is_counted = index.is_leaf(row) and index.is_watched(row)
        if is_counted and name != ALL and name not in codes:
            codes[name] = len(self._places)
            self._places.append(name)
        self.of_metric.setdefault(labels.get("metric", ""), []).append(row)
        self._texts.append(label_text(labels))
        self._leaf.append(is_counted)
        self._place_code.append(codes[name] if is_counted and name != ALL else -1)
        others = [value for key, value in labels.items() if key not in ("metric", place)]
        self._is_place_total.append(name != ALL and all(value == ALL for value in others))

    @property
    def states(self) -> NDArray[np.int8]:
        return self.outcome.state if self.outcome is not None else np.zeros(0, np.int8)

    @property
    def leaves(self) -> NDArray[np.bool_]:
        return np.array(self._leaf[: len(self.states)], bool)

    def block(self, name: str, text: str, of: Sequence[int] | None = None) -> GaugeBlock:
        """The family's block over all rows, or over the rows `of`, which only ever grow."""
        block = self._blocks.setdefault(name, GaugeBlock(name, text))
        rows = range(len(self._texts)) if of is None else of
        if len(block) < len(rows):
            block.grow(self._texts[row] for row in rows[len(block) :])
        return block

    def shown(self, expose: Expose) -> NDArray[np.bool_]:
        states = self.states
        if expose == "all":
            return np.ones(len(states), bool)
        told: NDArray[np.bool_] = np.isin(states, TELLING)
        return told | np.array(self._is_place_total, bool) if expose == "places" else told

    def place_states(self) -> dict[tuple[str, str], int]:
        codes = np.array(self._place_code, np.int64)
        of = codes >= 0
        width = len(ROW_STATES)
        flat = np.bincount(codes[of] * width + self.states[of], minlength=len(self._places) * width)
        table = flat.reshape(-1, width)
        return {
            (name, state): int(table[row, code])
            for row, name in enumerate(self._places)
            for code, state in enumerate(ROW_STATES)
        }
