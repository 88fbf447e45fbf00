"""rrcf: mean collusive displacement of the newest shingle in a forest of the last values."""

from __future__ import annotations

from collections import deque
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.quality.peers.peer import Stream, Verdict

TREES, SIZE, SHINGLE = 10, 128, 4


class RandomCutForest:
    """Guha, Mishra, Roy and Schrijvers (2016), by the library rrcf: 10 trees of the last 128 shingles of 4 values."""

    is_comparable = False

    def judge(self, stream: Stream) -> Verdict:
        rrcf: Any = import_module("rrcf")  # carries no type marks
        trees = [rrcf.RCTree(random_state=seed) for seed in range(TREES)]
        middle, unit = stream.usual
        strength, change = np.full((2, len(stream.y)), np.nan)
        shingle: deque[float] = deque(maxlen=SHINGLE)
        count = 0
        for t, y in enumerate(((stream.y - middle) / unit).tolist()):
            if y != y:
                continue
            shingle.append(y)
            if len(shingle) < SHINGLE:
                continue
            total = 0.0
            for tree in trees:
                if count >= SIZE:
                    tree.forget_point(count - SIZE)
                tree.insert_point(list(shingle), index=count)
                total += tree.codisp(count)
            count += 1
            if count > SIZE:
                strength[t], change[t] = total / TREES, y - shingle[-2]
        return Verdict(strength, change)
