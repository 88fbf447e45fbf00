"""Every kind of an axis as a value: required fields of its configuration get what a small grid needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from connectors.kinds import resolve_kind
from detector.scorers.forecast_residual import ForecastResidual
from detector.state import fork
from detector.view import View
from tests.grids import MINUTES, grid, view_of

LATTICE = grid(6).lattice()  # six siblings and their sum
SIZE = LATTICE.size
GIVEN: dict[str, Any] = {"timing": MINUTES, "axes": 1, "witnesses": 1}
UNKNOWN = ("ell", "last", "past_x")  # arrays in which NaN says "nothing yet"


def make(axis: str, table: Mapping[str, str], kind: str) -> Any:
    """The kind with its defaults; a field without a default that nobody here knows is a fault of the contract."""
    found = resolve_kind(axis, table, kind)
    required = [f.name for f in fields(found) if f.default is MISSING and f.default_factory is MISSING]
    return found(**{name: GIVEN[name] for name in required})


class Line:
    """A residual in front, for it makes the deviations that the other scorers read; then the scorer under test."""

    def __init__(self, scorer: Any, n: int = SIZE) -> None:
        self.scorer = scorer
        self.first = ForecastResidual(MINUTES)
        self.before = self.first.init(n)
        self.is_first = isinstance(scorer, ForecastResidual)
        self.state = scorer.init(n)

    def view(self, y: np.ndarray, mu: np.ndarray, k: int = 0) -> View:
        """The tick as the scorer under test gets it, its own filters not yet moved."""
        view = view_of(LATTICE, y, mu, t_ms=k * 60_000)
        view.witnesses = np.array([[5, 5, 5, 5, 5, -1, -1]])
        if not self.is_first:
            self.first.advance(self.before, view)
        return view

    def tick(self, y: np.ndarray, mu: np.ndarray, rate: float | np.ndarray = 1.0, k: int = 0) -> np.ndarray:
        """advance, score, learn."""
        view = self.view(y, mu, k)
        self.scorer.advance(self.state, view)
        z: np.ndarray = self.scorer.score(self.state, view)
        self.scorer.learn(self.state, view, np.full(SIZE, rate, np.float32))
        return z


def stream(seed: int, ticks: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Counts of six series and their sum, around expectations that are a little wrong."""
    rng = np.random.default_rng(seed)
    mu = np.tile(rng.uniform(5, 200, SIZE), (ticks, 1))
    y = rng.poisson(mu * rng.uniform(0.7, 1.4, SIZE)).astype(float)
    mu[:, 6], y[:, 6] = mu[:, :6].sum(axis=1), y[:, :6].sum(axis=1)
    return y, mu


def bits(state: Any) -> dict[str, bytes]:
    return {name: getattr(state, name).tobytes() for name in state._fields}


def faults(state: Any) -> list[str]:
    """Arrays that hold infinity, or NaN where it means nothing."""
    floats = {n: getattr(state, n) for n in state._fields if getattr(state, n).dtype.kind == "f"}
    return [n for n, a in floats.items() if np.isinf(a).any() or (np.isnan(a).any() and n not in UNKNOWN)]


__all__ = ["LATTICE", "SIZE", "Line", "bits", "faults", "fork", "make", "stream"]
