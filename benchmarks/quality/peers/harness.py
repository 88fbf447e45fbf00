"""Every peer on the same stream, ticks, warm-up, page merging and budget: from verdicts on series to pages."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.dataset import WEEK_MS, Dataset, Detection, Page, Panel
from benchmarks.quality.paging import calm_ticks, runs_over
from benchmarks.quality.peers import LISTED
from benchmarks.quality.peers.peer import Peer, Stream
from benchmarks.quality.plain import tail
from benchmarks.quality.plain_features import Features, columns_as_they_are, contrasts, magnitudes
from detector.errors import ConfigError

View = Callable[[Panel], Features]
VIEWS: dict[str, View] = {"contrast": contrasts, "magnitude": magnitudes}  # of grids; other sets are taken as they are
UNIT = 0.99  # quantile of a series' own warm-up that its strengths are counted in
LEAST_UNIT = 20  # opinions in the warm-up below which a series has no unit of its own
CUTS = 200  # thresholds that are tried on the warm-up


class MissingPeerError(ConfigError):
    """The library of a peer is not installed."""


def resolve(name: str) -> Peer:
    """The peer of a name, its module imported now; its library on first use."""
    module, _, word = LISTED[name].where.partition(":")
    peer: Peer = getattr(import_module(module), word)()
    return peer


def detect(name: str, dataset: Dataset, budget: float, view: str = "contrast") -> Detection:
    """Pages and p of a peer; raises MissingPeerError where its library is not there."""
    try:
        return judge_all(resolve(name), dataset, budget, VIEWS[view])
    except ModuleNotFoundError as error:
        raise MissingPeerError(
            f"{name}: needs {(error.name or 'a library').partition('.')[0]}, which is not installed: "
            f"{LISTED[name].library}"
        ) from error


def judge_all(peer: Peer, dataset: Dataset, budget: float, view: View = contrasts) -> Detection:
    """A peer over all panels: a page is told by its own thresholder, else over the warm-up's threshold."""
    told = []
    for panel in dataset.panels:
        features = view(panel) if dataset.layout == "grid" else columns_as_they_are(panel)
        told.append(_Told(panel, features, peer, budget))
    cut = None if any(t.has_own for t in told) else _cut(told, budget)
    pages = [page for number, t in enumerate(told) for page in t.pages(number, cut)]
    return Detection(tuple(pages), tuple(tail(t.strength) for t in told))


class _Told:
    """What a peer says of a panel: strengths by feature (T, F) and by unit (T, U), and its own bar by unit (T, U)."""

    def __init__(self, panel: Panel, features: Features, peer: Peer, budget: float) -> None:
        self.panel, self.features = panel, features
        count = len(features.unit)
        self.by_feature, self.deviation = np.full((2, len(panel.t_ms), count), np.nan)
        over = np.zeros((len(panel.t_ms), count), bool)
        self.has_own = False
        sharing = np.bincount(features.unit, minlength=len(panel.units))
        for f, u in enumerate(features.unit.tolist()):
            unit = panel.units[u]
            rate = min(budget * panel.step_ms / WEEK_MS / int(sharing[u]), 0.5)
            span = slice(unit.first, unit.last + 1)
            start = max(unit.score_from - unit.first, 0)
            weight = features.weight if isinstance(features.weight, float) else features.weight[span, f]
            said = peer.judge(Stream(features.y[span, f], panel.step_ms, start, rate, weight))
            own = 1.0 if peer.is_comparable else _unit(said.strength[start // 2 : start])
            self.by_feature[span, f], self.deviation[span, f] = said.strength / own, said.deviation
            if said.over is not None:
                self.has_own = True
                over[span, f] = said.over
        self.strength = np.full((len(panel.t_ms), len(panel.units)), np.nan)
        self.over = np.zeros(self.strength.shape, bool)
        for u in range(len(panel.units)):
            mine = features.unit == u
            self.strength[:, u] = np.fmax.reduce(self.by_feature[:, mine], axis=1)
            self.over[:, u] = over[:, mine].any(axis=1)

    def warm(self, u: int) -> NDArray[np.float64]:
        """Strengths of the later half of a warm-up: what a model says at its very start is no measure of it."""
        unit = self.panel.units[u]
        return self.strength[(unit.first + unit.score_from) // 2 : unit.score_from, u]

    def pages(self, number: int, cut: float | None) -> list[Page]:
        calm, out = calm_ticks(self.panel.step_ms), []
        for u, unit in enumerate(self.panel.units):
            with np.errstate(invalid="ignore"):
                over = self.over[:, u].copy() if cut is None else self.strength[:, u] > cut
            over[: unit.score_from] = False
            over[unit.last + 1 :] = False
            mine = np.flatnonzero(self.features.unit == u)
            for first, last in zip(*(a.tolist() for a in runs_over(over, calm)), strict=True):
                loudest = int(mine[np.nanargmax(np.nan_to_num(self.by_feature[first, mine], nan=-1.0))])
                close = last + calm + 1
                out.append(
                    Page(
                        panel=number,
                        unit=u,
                        open=first,
                        close=close if close < len(self.strength) else None,
                        direction="up" if self.deviation[first, loudest] > 0 else "down",
                        cuboid=self.features.cuboids[loudest],
                        p=float(np.nanmin(tail(self.strength[first : last + 1, u]))),
                    )
                )
        return out


def _unit(warm: NDArray[np.float64]) -> float:
    known = warm[np.isfinite(warm)]
    if known.size < LEAST_UNIT:
        return 1.0
    return float(np.quantile(known, UNIT)) or float(known.max()) or 1.0


def _cut(told: list[_Told], budget: float) -> float:
    """The smallest threshold that would have told no more than the budget in the later halves of all warm-ups."""
    warm = [(t.warm(u), calm_ticks(t.panel.step_ms), t.panel.step_ms) for t in told for u in range(len(t.panel.units))]
    weeks = sum(len(values) * step for values, _, step in warm) / WEEK_MS
    known = np.concatenate([values[np.isfinite(values)] for values, _, _ in warm]) if warm else np.zeros(0)
    if not known.size:
        return np.inf
    known = np.sort(known)[::-1]
    ranks = np.unique(np.geomspace(1, max(known.size // 4, 1), CUTS).astype(np.int64)) - 1
    best = float(known[0])
    for cut in known[ranks].tolist():
        with np.errstate(invalid="ignore"):
            pages = sum(len(runs_over(values > cut, calm)[0]) for values, calm, _ in warm)
        if pages > budget * weeks:
            break
        best = float(cut)
    return best
