"""river's HalfSpaceTrees on the newest value and the one before it, with river's QuantileFilter."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.quality.peers.peer import Stream, Verdict

TREES, HEIGHT, WINDOW = 10, 8, 250


class HalfSpaceTrees:
    """Score of river's trees (Tan, Ting and Liu 2011), inputs scaled to 0..1 by river's MinMaxScaler.

    As in river's own example the filter protects the trees from what it calls anomalous.
    """

    is_comparable = False

    def judge(self, stream: Stream) -> Verdict:
        anomaly, preprocessing = (import_module(f"river.{name}") for name in ("anomaly", "preprocessing"))
        trees: Any = anomaly.HalfSpaceTrees(n_trees=TREES, height=HEIGHT, window_size=WINDOW, seed=1)
        judge: Any = anomaly.QuantileFilter(trees, q=1 - stream.rate)
        scaler: Any = preprocessing.MinMaxScaler()
        strength, change = np.full((2, len(stream.y)), np.nan)
        over = np.zeros(len(stream.y), bool)
        before, seen = float("nan"), 0
        for t, y in enumerate(stream.y.tolist()):
            if y != y:
                continue
            x: dict[Any, float] = {"now": y, "before": before if before == before else y}
            scaler.learn_one(x)
            x = scaler.transform_one(x)
            score = trees.score_one(x)
            seen += 1
            if seen > WINDOW:
                strength[t], change[t] = score, y - before
                over[t] = judge.classify(score)
                judge.quantile.update(score)
            if not over[t]:
                trees.learn_one(x)
            before = y
        return Verdict(strength, change, over)
