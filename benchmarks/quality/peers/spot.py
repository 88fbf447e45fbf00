"""streamad's SPOT: a peak over threshold of the extreme value law, on the distance from a short moving mean."""

from __future__ import annotations

import sys
import types
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality.peers.peer import Stream, Verdict

PEERS_DIR = Path(__file__).parents[3] / ".cache" / "peers"  # where scripts/setup-peers installs
WINDOW = 1_000  # values that the law starts from, at most a third of the warm-up


class Spot:
    """Siffer, Fouque, Termier and Largouet (2017), by the library streamad; its quantile is the budget's.

    Its score is 1 from the extreme quantile on, which is its own threshold.
    """

    is_comparable = True

    def judge(self, stream: Stream) -> Verdict:
        window = int(np.clip(stream.start // 3, 60, WINDOW))
        model: Any = _detector()(prob=stream.rate, window_len=window)
        middle, unit = stream.usual
        scaled = (stream.y - middle) / unit + 10.0  # away from zero: streamad judges changes relative to the value
        strength, change = np.full((2, len(stream.y)), np.nan)
        before = 10.0
        with np.errstate(all="ignore"):
            for t, y in enumerate(scaled.tolist()):
                if y != y:
                    continue
                score = model.fit_score(np.array([y]))
                if score is not None:
                    strength[t], change[t] = score, y - before
                before = y
        with np.errstate(invalid="ignore"):
            return Verdict(strength, change, strength >= 1)


@cache
def _detector() -> Any:
    """streamad's class from its own file.

    The package wants numpy below 2 and imports scikit-learn, plotly and more when it starts, none of which SPOT uses;
    so it is installed aside without what it asks for, and its two packages are entered without running their start.
    """
    if str(PEERS_DIR) not in sys.path and PEERS_DIR.is_dir():
        sys.path.append(str(PEERS_DIR))
    found = find_spec("streamad")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'streamad'", name="streamad")
    (root,) = found.submodule_search_locations
    for name, path in (("streamad", root), ("streamad.model", str(Path(root) / "model"))):
        package = types.ModuleType(name)
        package.__path__ = [path]
        sys.modules[name] = package
    settings = np.geterr()
    try:
        return import_module("streamad.model.spot_Detector").SpotDetector
    finally:
        np.seterr(**settings)  # the file turns warnings off for everybody
