"""Which cuboids moved: roots found by localisation, and rows too loud to be left without one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.frame import Floats
from detector.state import chunks
from detector.view import Float32s, View
from suppression.localise import RESIDUAL_VARIANCE, Root, explain_away, left_over, without_common_drift
from suppression.width import leaves_of
from tocsin.core import Core, Derived, State
from tocsin.judgement import Judgement

WITNESS_BETTER = 0.7  # share of a row's own variance that the contrast with a witness must undercut
MOST_LOUD = 50  # rows without a candidate looked at in one tick
LEAST_LEFT = 0.03  # log deviation of a loud row: how sure the row is was weighed when it became loud, by its own noise
UNEXPLAINED = 0.5  # part of a loud row's deviation that other roots must have left


def loud_rows(state: State, derived: Derived, view: View, judgement: Judgement) -> NDArray[np.int64]:
    """Rows in an episode whose fused score reaches the threshold while no candidate that counts speaks for them.

    Loudest first, at most `MOST_LOUD`. A row may enter long before it is loud, as a leak does.
    """
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero((np.abs(judgement.c) >= judgement.threshold) & (state.episode.sign != 0))
    if not len(rows):
        return rows
    rows = rows[np.argsort(-np.abs(judgement.c[rows]), kind="stable")][:MOST_LOUD]
    spoken = {sign: np.zeros(derived.lattice.size, bool) for sign in (1, -1)}
    for candidate in state.candidates:
        if candidate.state != "resolved" and not candidate.is_weak:
            spoken[candidate.sign][leaves_of(derived.lattice, candidate.present)] = True
    return np.array(
        [row for row in rows if not _is_spoken_for(view, int(row), spoken[1 if judgement.c[row] > 0 else -1])], np.int64
    )


def _explained_rows(core: Core, state: State, derived: Derived) -> list[int]:
    """Rows, widest first, whose movement is explained by what is no fault of theirs: it is no news in their cells.

    What witnesses explain, and whole places that drift without being told.
    """
    lattice = derived.lattice
    places = {core.schema.place}
    rows = [
        c.present
        for c in state.candidates
        if not c.is_shadow
        and (
            (c.state == "held" and "stack" in c.reasons)
            or (
                c.state in ("pending", "held")
                and {n.partition(".")[0] for n in state.index.cuboid(c.present)} <= places
            )
        )
    ]
    return sorted(set(rows), key=lambda row: (-len(leaves_of(lattice, row)), row))


def _is_spoken_for(view: View, row: int, spoken: NDArray[np.bool_]) -> bool:
    """Do candidates hold at least half of the row's leaves, or of what these moved? `spoken` (S,) marks theirs."""
    leaves = leaves_of(view.lattice, row)
    inside = spoken[leaves]
    held = int(np.count_nonzero(inside))
    if not held or 2 * held >= len(leaves):
        return held > 0
    gap = np.nan_to_num(np.expm1(np.clip(view.L[1, leaves], -20, 5)) * np.abs(view.mu[leaves]))
    return bool(gap[inside].sum() * np.sign(gap.sum()) >= 0.5 * abs(gap.sum()))


def find_roots(
    core: Core, state: State, derived: Derived, view: View, judgement: Judgement, loud: NDArray[np.int64]
) -> list[tuple[Root, str]]:
    """What moved, as few cuboids; a loud row, a zero run or a stuck row without a root is its own."""
    lattice = derived.lattice
    entered = np.flatnonzero(judgement.entered)
    out: list[tuple[Root, str]] = []
    plain = entered[~judgement.run[entered]] if not lattice.rollups else np.zeros(0, np.int64)
    for row in plain:
        size = float(view.L[1, row])
        out.append((Root(int(row), size if size else 1e-6 * state.episode.sign[row], size, 0.0), ""))
    x, v = explained_deviation(core, state, derived, view)
    alone = x, v
    if lattice.rollups:
        wanted = lattice.watched & ~derived.ignored & view.judgeable & (state.rows.born >= 0)
        explained = _explained_rows(core, state, derived)
        out += [(root, "") for root in core.localisation.roots(lattice, x, v, wanted, explained)]
        x, v = explain_away(lattice, x, v, explained)
    covered = np.zeros(lattice.size, bool)
    for root, _ in out:
        covered[leaves_of(lattice, root.row)] = True
    found = {root.row for root, _ in out}
    for row in loud.tolist():
        leaves = leaves_of(lattice, row)
        if row in found or covered[leaves].all() or _is_spoken_for(view, row, covered):
            continue
        size, _ = left_over(lattice, x, v, row)
        whole, _ = left_over(lattice, *alone, row)
        if abs(size) < max(LEAST_LEFT, UNEXPLAINED * abs(whole)) or size * judgement.c[row] <= 0:
            continue
        covered[leaves] = True
        out.append((Root(row, size, float(view.L[0, row]), 0.0), ""))
    runs = entered[judgement.run[entered]]
    for row in runs[np.argsort([-len(leaves_of(lattice, int(r))) for r in runs], kind="stable")]:
        leaves = leaves_of(lattice, int(row))
        if covered[leaves].all():
            continue
        covered[leaves] = True
        special = "zero_run" if state.zero.run[row] >= core.parameters.zero_nats else "stuck"
        size = float(view.L[0, row])
        out.append((Root(int(row), min(size, -1e-6), size, 0.0), special))
    return out


def explained_deviation(core: Core, state: State, derived: Derived, view: View) -> tuple[Floats, Floats]:
    """(S,), (S,) log deviation of leaves less what a witness or the common drift explains, and its variance.

    The short horizon, or the middle one where that is stronger. Where the contrast with a witness has learnt a
    smaller variance than the row's own, the witness's movement is taken out; else natural common drift, within what
    roll-ups usually do.
    """
    sig2, lattice = state.residual.sig2, derived.lattice
    at = lattice.leaf_rows
    x = np.full(lattice.size, np.nan)
    v = np.full(lattice.size, np.nan)
    deviation, variance = _stronger(view.L[:2, at], view.V[:2, at], sig2[:2, at])
    judgeable, loading = view.judgeable[at], np.asarray(view.loading_variance)
    if not judgeable.all():
        deviation[~judgeable] = np.nan
    variance += loading[at] if loading.ndim else loading.astype(np.float32)
    variance += np.float32(RESIDUAL_VARIANCE)
    x[at], v[at] = deviation, variance
    if not view.testimonies:
        if derived.drift_levels:
            x = without_common_drift(lattice, x, v, sig2[1], derived.drift_levels)
        return x, v
    by_witness = np.zeros(len(x), bool)
    best = WITNESS_BETTER * sig2[1].astype(float)
    for testimony, is_cell in zip(view.testimonies, derived.cell_witness, strict=True):
        better = np.isfinite(testimony.residual) & (testimony.pe2 < best) & is_cell
        best[better] = testimony.pe2[better]
        x[better] = testimony.residual[better]
        v[better] = (testimony.contrast.noise + RESIDUAL_VARIANCE)[better]
        by_witness |= better
    if derived.drift_levels and not by_witness[lattice.leaf & lattice.watched].all():
        own = np.where(by_witness, np.nan, x) if by_witness.any() else x
        drifted = without_common_drift(lattice, own, v, sig2[1], derived.drift_levels)
        x = np.where(by_witness, x, drifted)
    return x, v


def _stronger(L: Float32s, V: Float32s, sig2: Float32s) -> tuple[Float32s, Float32s]:
    """(n,), (n,) deviation and counting variance of the horizon that stands out more, the first of equals. (2, n)."""
    n = L.shape[1]
    deviation, variance = np.empty((2, n), np.float32)
    for first, end in chunks(n):  # a chunk at a time, for its scratch to stay in cache
        some = slice(first, end)
        size = L[:, some] * L[:, some]
        with np.errstate(invalid="ignore"):
            size /= V[:, some] + sig2[:, some]
            pick = size[1] > size[0]
        deviation[some] = np.where(pick, L[1, some], L[0, some])
        variance[some] = np.where(pick, V[1, some], V[0, some])
    return deviation, variance
