"""river's HoltWinters: the error of its forecast of the next value, judged by river's QuantileFilter."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.quality.dataset import DAY_MS
from benchmarks.quality.peers.peer import Stream, Verdict

ALPHA, BETA, GAMMA = 0.3, 0.01, 0.3
AWAY = 10.0  # from zero: river starts a season from values divided by their mean, an additive one too


class HoltWinters:
    """|error| over the root of river's exponentially weighted variance of errors.

    river's GaussianScorer says 1 from eight standard deviations on, and a threshold cannot tell those apart; so the
    error in standard deviations, which it orders alike, goes to the filter. A missing value enters as its forecast,
    since the model counts what it learns to know the time of day.
    """

    is_comparable = False

    def judge(self, stream: Stream) -> Verdict:
        anomaly, stats, series = (import_module(f"river.{name}") for name in ("anomaly", "stats", "time_series"))
        model: Any = series.HoltWinters(alpha=ALPHA, beta=BETA, gamma=GAMMA, seasonality=stream.day)
        spread: Any = stats.EWVar(fading_factor=1 - 0.5 ** (stream.step_ms / max(DAY_MS, 50 * stream.step_ms)))
        threshold: Any = anomaly.QuantileFilter(anomaly.HalfSpaceTrees(n_trees=1), q=1 - stream.rate)
        middle, unit = stream.usual
        z = np.full(len(stream.y), np.nan)
        over = np.zeros(len(stream.y), bool)
        first = max(2, stream.day)  # values that river gathers before it forecasts
        settled = 2 * first
        last = AWAY
        for t, value in enumerate(((stream.y - middle) / unit + AWAY).tolist()):
            forecast = model.forecast(horizon=1)[0] if t >= first else last
            y = forecast if value != value else value
            if value == value and t >= first:
                size = spread.get()
                if t >= settled:
                    z[t] = (value - forecast) / (size**0.5 + 1e-3)
                    over[t] = threshold.classify(abs(z[t]))
                    threshold.quantile.update(abs(z[t]))
                spread.update(value - forecast)
            model.learn_one(y)
            last = y
        return Verdict(np.abs(z), z, over)
