"""What an ablation can switch off: each switch alters a freshly built engine; what has none has a written reason.

Scorers are silenced where their surprises are made, so that the filters behind them go on; rules give way to one that
never holds; the rest are values that the components have anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detector.innovations import Innovations, InnovationState
from detector.look import Place
from detector.view import Float32s
from suppression.candidate import Candidate
from suppression.impact import Impact
from suppression.suppressor import NO, Opinion, Scene
from tocsin.core import Core

Switch = Callable[[Core], None]


@dataclass(frozen=True, slots=True)
class Silenced:
    """A calibration that says nothing for some scorers. `silent` (K,) bool."""

    inner: Any
    silent: np.ndarray[Any, np.dtype[np.bool_]]

    def surprises(self, state: Any, z: Float32s, classes: Any, out: Float32s) -> Float32s:
        """(K, S) as the calibration's own, NaN for the silent."""
        heard = np.where(self.silent[:, None], np.float32(np.nan), z)
        answer: Float32s = self.inner.surprises(state, heard, classes, out)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass(frozen=True, slots=True)
class Never:
    """A rule that never holds."""

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        """No."""
        return NO

    judge_part = judge  # parts of a place that drifts, or that witnesses explain


class ExpectsOnly(Impact):
    """Events stay at what the operator expects: nothing is learnt of their size while they run."""

    def advance(self, *arguments: Any) -> None:
        """Learns nothing."""


class Seasonless(Innovations):
    """Hears the levels alone, never an expert with a season."""

    def _season(self, state: InnovationState, places: tuple[Place, Place]) -> Float32s:
        return np.zeros((3, len(state.seen)), np.float32)


def _scorers(chosen: Callable[[Core], slice]) -> Switch:
    def alter(core: Core) -> None:
        silent = np.zeros(core.scorers, bool)
        silent[chosen(core)] = True
        core.calibration = Silenced(core.calibration, silent)  # type: ignore[assignment]

    return alter


def _rule(name: str) -> Switch:
    rule: Any = Never()

    def alter(core: Core) -> None:
        core.judge = replace(core.judge, **{name: rule})

    return alter


def _parameter(name: str) -> Switch:
    def alter(core: Core) -> None:
        core.parameters = replace(core.parameters, **{name: float("inf")})  # type: ignore[arg-type]

    return alter


def _in_event_filter(core: Core) -> None:
    core.impact = ExpectsOnly(core.timing)


def _recent_peak(core: Core) -> None:
    assert core.lone is not None
    core.lone = replace(core.lone, peak=replace(core.lone.peak, share=0.0))


def _known_range(core: Core) -> None:
    assert core.lone is not None
    core.lone = replace(core.lone, hears_range=False)


def _seasonal_experts(core: Core) -> None:
    assert core.lone is not None
    own = core.lone.innovations
    values = {name: getattr(own, name) for name, field in type(own).__dataclass_fields__.items() if field.init}
    core.lone = replace(core.lone, innovations=Seasonless(**values))


def _missing_data(core: Core) -> None:
    assert core.lone is not None
    core.lone = replace(core.lone, gap_law=replace(core.lone.gap_law, least_weeks=float("inf")))


def _drift(core: Core) -> None:
    assert core.lone is not None
    core.lone = replace(core.lone, hears_drift=False)


RULES = ("mute", "silence", "calendar", "part_of", "low_impact", "agreement", "stack")
GRID: Mapping[str, Switch] = {
    "forecast residual": _scorers(lambda core: slice(0, core.horizons)),
    "derivative": _scorers(lambda core: slice(core.horizons, core.horizons + 1)),
    "sibling contrast": _scorers(lambda core: slice(core.horizons + 1, core.horizons + 1 + core.axes)),
    "witness contrast": _scorers(lambda core: slice(core.horizons + 1 + core.axes, core.scorers)),
    "zero run": _parameter("zero_nats"),
    "stuck": _parameter("stuck_nats"),
    "in-event filter": _in_event_filter,
    **{f"rule {name}": _rule(name) for name in RULES if name not in ("mute", "silence")},
}
LONE: Mapping[str, Switch] = {
    "seasonal experts": _seasonal_experts,
    "recent peak": _recent_peak,
    "known range": _known_range,
    "missing data": _missing_data,
    "drift": _drift,
}
CALENDAR = "calendar"  # a matter of the data, not of the engine
EXCUSED_GRID: Mapping[str, str] = {
    "rule mute": "holds only what an operator asked to mute; no set has such an event",
    "rule silence": "holds only what an operator silenced; no set has silences",
}
EXCUSED_LONE: Mapping[str, str] = {
    "worst hours": "the unit in which every series is judged; without it there is no one threshold to sweep",
    "opening law": "turns the budget into the threshold; a sweep over thresholds is the run without it",
}
