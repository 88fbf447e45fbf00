"""What people would pick instead, by name. A new one is a file here and a line in this table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listed:
    """Where a peer lives, what it needs, and whether it takes so long a point that large sets are sampled for it."""

    where: str  # module:class
    library: str = ""  # how it is installed; empty: numpy suffices
    is_slow: bool = False


BENCH = "pip install 'tocsin[bench]'"
LISTED: dict[str, Listed] = {
    "ewma": Listed("benchmarks.quality.peers.moving_average:MovingAverage"),
    "seasonal_median": Listed("benchmarks.quality.peers.seasonal_median:SeasonalMedian"),
    "river_holt_winters": Listed("benchmarks.quality.peers.holt_winters:HoltWinters", BENCH),
    "statsmodels_components": Listed("benchmarks.quality.peers.components:Components", BENCH),
    "river_half_space_trees": Listed("benchmarks.quality.peers.half_space_trees:HalfSpaceTrees", BENCH, is_slow=True),
    "streamad_spot": Listed("benchmarks.quality.peers.spot:Spot", "scripts/setup-peers", is_slow=True),
    "rrcf": Listed("benchmarks.quality.peers.random_cut_forest:RandomCutForest", BENCH, is_slow=True),
}
