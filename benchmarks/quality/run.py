"""The one place where a method meets a dataset: each method takes a dataset and a budget and gives pages and p."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.quality import plain, tocsin
from benchmarks.quality.dataset import Dataset, Detection, Layout
from benchmarks.quality.peers import LISTED, harness

Method = Callable[[Dataset, float], Detection]
METHODS: dict[str, Method] = {
    "plain": plain.detect,
    "tocsin": tocsin.detect,
    **{name: partial(harness.detect, name) for name in LISTED},
}
MAGNITUDES: dict[str, Method] = {  # on grids beside the same peer's judgement of the contrast
    f"{name} (magnitude)": partial(harness.detect, name, view="magnitude") for name in LISTED
}
DEFAULT = "tocsin"
PEERS = ("plain",)  # shown beside it unless others are asked for
GROUPS: dict[str, tuple[str, ...]] = {
    "fast": ("plain", *(name for name, listed in LISTED.items() if not listed.is_slow)),
    "all": ("plain", *LISTED),
}


def detect(dataset: Dataset, budget: float, method: str = DEFAULT, jobs: int = 1) -> Detection:
    """Runs a method over all panels; the budget is false pages per series-week, for grids per service-week.

    `jobs`: processes that Tocsin itself may use.
    """
    if method == DEFAULT:
        return tocsin.detect(dataset, budget, jobs)
    return {**METHODS, **MAGNITUDES}[method](dataset, budget)


def rows(layout: Layout, method: str, peers: Sequence[str]) -> list[str]:
    """The methods of a table in its order, each once: groups spelt out, on grids each peer in both its views."""
    asked = [name for peer in peers for name in GROUPS.get(peer, (peer,))]
    out = [method]
    for name in asked:
        out.append(name)
        if layout == "grid" and name in LISTED:
            out.append(f"{name} (magnitude)")
    return list(dict.fromkeys(out))
