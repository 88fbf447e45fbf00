"""The numbers of an alarm's body: what was seen and expected, what each scorer says, now and at the worst tick."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detector.view import View
from suppression.body import number
from suppression.candidate import Candidate
from suppression.sentence import plural
from tocsin.core import Core, State
from tocsin.judgement import Judgement
from tocsin.rows import unlink

MOST_SURPRISE = 15.0


def remember_worst(core: Core, state: State, view: View, judgement: Judgement, candidate: Candidate) -> None:
    """Keeps the numbers of the tick at which the candidate's present cuboid deviates most in its direction."""
    row = candidate.present
    if (view.judgeable[row] or candidate.is_run) and candidate.is_at_worst():
        candidate.remember(_measured(core, state, view, judgement, candidate))


def numbers_of(core: Core, state: State, view: View, judgement: Judgement, candidate: Candidate) -> dict[str, Any]:
    """`numbers` of `suppression.body.body` as of this tick."""
    out = _measured(core, state, view, judgement, candidate)
    out["votes"]["effective"] = number(core.votes.effective(state.votes))
    fused = core.calibration.fused_surprise(
        state.calibration, candidate.sign * candidate.fused, int(state.rows.classes[candidate.present])
    )
    if candidate.is_run:
        fused = candidate.sign * min(max(abs(fused), _run_surprise(state, candidate)), MOST_SURPRISE)
    return {
        **out, "surprise": number(fused), "p": number(10 ** -abs(fused)),
        "threshold": threshold_json(core, candidate, judgement.threshold),
        "confidence": number(core.rows.confidence(state.rows, candidate.present)),
    }  # fmt: skip


def threshold_json(core: Core, candidate: Candidate, threshold: float) -> dict[str, Any]:
    """How loud it was, from where on people are told, and the budget which that comes from."""
    budget = {"rate": core.parameters.budget, "per": core.parameters.budget_per}
    return {"fused": number(candidate.fused), "at": number(threshold), "budget": budget}


def voice(name: str, now: float, peak: float, value: float, explains: str) -> dict[str, Any]:
    """One scorer as evidence: its signed surprise, the largest in the alarm's direction, its own number and unit."""
    return {"name": name, "surprise": number(now), "peak": number(peak), "value": number(value), "explains": explains}


def _measured(core: Core, state: State, view: View, judgement: Judgement, candidate: Candidate) -> dict[str, Any]:
    """What this tick says of the present cuboid: values in the user's unit, scorers and their votes."""
    row, sign = candidate.present, candidate.sign
    observed, expected, lower, upper = _values(state, view, candidate)
    D, F, P = (float(a[row]) for a in (judgement.D, judgement.F, judgement.P))
    scorers = [
        voice(
            "forecast_residual", F, _signed(sign, candidate.residual), _strongest_z(view, state, row),
            "residual over minutes to hours, in sd",
        ),
        voice("derivative", D, _signed(sign, candidate.onset), math.nan, "change of slope, in sd"),
        voice(
            "correlation", P, _signed(sign, candidate.contrast), math.nan,
            f"contrast with {_peers(core, view, row)}, in sd",
        ),
    ]  # fmt: skip
    if candidate.is_run:
        run = _signed(sign, min(_run_surprise(state, candidate), MOST_SURPRISE))
        scorers.append(voice(candidate.special, run, run, _run_nats(state, candidate), "run of equal values, in nats"))
    said = [s for s in (F, D, P) if math.isfinite(s)]
    votes = {
        "for": sum(sign * s >= 2 for s in said),
        "against": sum(abs(s) < 1 or sign * s < 0 for s in said),
        "abstain": 3 - len(said),
    }
    return {
        "observed": number(observed, 6), "expected": number(expected, 6),
        "lower": number(lower, 6), "upper": number(upper, 6), "scorers": scorers, "votes": votes,
    }  # fmt: skip


def _values(state: State, view: View, candidate: Candidate) -> tuple[float, float, float, float]:
    """Observed, expected, and expected less and plus three standard deviations, in the user's unit.

    What a shadow would have deviated from is the expectation without the event.
    """
    row = candidate.present
    y, base = float(view.y[row]), float(view.base[row] if candidate.is_shadow else view.mu[row])
    is_count = state.rows.kind[row] == 0
    counting = 1 / (max(float(view.mu[row]), 0.0) + 1) if is_count else 0.0
    sd = 3 * math.sqrt(counting + float(state.residual.sig2[0, row]))
    if is_count:
        return y, base, base * math.exp(-sd), base * math.exp(sd)
    at = np.array([row])
    observed, expected, lower, upper = (
        float(unlink(state.rows, np.array([v], np.float32), at)[0]) for v in (y, base, base - sd, base + sd)
    )
    return observed, expected, lower, upper


def _strongest_z(view: View, state: State, row: int) -> float:
    """z of the strongest horizon of the forecast residual of one row; 0 without."""
    z = view.L[:, row] / np.sqrt(view.V[:, row] + state.residual.sig2[:, row])
    return float(z[int(np.nanargmax(np.abs(z)))]) if np.isfinite(z).any() else 0.0


def _run_nats(state: State, candidate: Candidate) -> float:
    return float(max(state.zero.run[candidate.present], state.stuck.run[candidate.present]))


def _run_surprise(state: State, candidate: Candidate) -> float:
    return _run_nats(state, candidate) / math.log(10)


def _signed(sign: int, size: float) -> float:
    return sign * size + 0.0  # 0.0 rather than -0.0


def _peers(core: Core, view: View, row: int) -> str:
    parts = []
    for axis, name in enumerate(core.schema.dimension_names):
        code = int(view.lattice.siblings[axis][row])
        if code:
            others = int(view.lattice.sibling_counts[axis][code]) - 1
            parts.append(f"{others} {plural(name, others)}")
    if (view.witnesses[:, row] >= 0).any():
        parts.append("the independent stack")
    return " and ".join(parts) or "no peers"
