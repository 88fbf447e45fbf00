"""statsmodels' unobserved components: fitted once on the warm-up, then the error of each one-step forecast."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.quality.dataset import DAY_MS
from benchmarks.quality.peers.peer import Stream, Verdict

FITTED = 4_000  # ticks of the end of the warm-up that are fitted on, three seasons at least
HARMONICS = 3
STEPS = 25  # of the optimiser


class Components:
    """Local level and a daily season of three harmonics (and a weekly one of two, from ten days of warm-up on).

    Durbin and Koopman (2012), chapter 3, by Kalman filter. Parameters come from the warm-up alone, so that the
    standardised error of a tick's forecast is causal: running the filter over all ticks is extending it one by one.
    """

    is_comparable = False

    def judge(self, stream: Stream) -> Verdict:
        structural: Any = import_module("statsmodels.tsa.statespace.structural")
        middle, unit = stream.usual
        y = (stream.y - middle) / unit
        nothing = np.full(len(y), np.nan)
        fitted = y[max(0, stream.start - max(FITTED, 3 * stream.day)) : stream.start]
        if np.isfinite(fitted).sum() < 50:
            return Verdict(nothing, nothing)
        seasons = self._seasons(stream)

        def model(values: Any) -> Any:
            return structural.UnobservedComponents(
                values, level="local level", freq_seasonal=seasons, stochastic_freq_seasonal=[False] * len(seasons)
            )

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = model(fitted).fit(disp=0, maxiter=STEPS).params
            whole = model(y)
            for name in ("no_smoothing", "no_filtered", "no_gain", "no_predicted", "no_likelihood"):
                setattr(whole.ssm, f"memory_{name}", True)
            whole.update(found)
            z = np.array(whole.ssm.filter().standardized_forecasts_error[0])
        z[np.isnan(y)] = np.nan
        z[: 2 * whole.ssm.k_states] = np.nan  # the filter's own start
        return Verdict(np.abs(z), z)

    @staticmethod
    def _seasons(stream: Stream) -> list[dict[str, float]]:
        day, known = stream.day, stream.start
        seasons: list[dict[str, float]] = []
        if day >= 3 and known >= 2 * day:
            seasons.append({"period": day, "harmonics": min(HARMONICS, day // 2)})
        if stream.step_ms < DAY_MS and known >= 10 * day:
            seasons.append({"period": 7 * day, "harmonics": 2})
        return seasons
