"""Rows, ticks and clocks: who lies above and beside whom, equal to naive twins that know rows by their labels."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.align import Aligner, Fates
from detector.frame import Key
from detector.leaning import lean_on
from detector.pairing import pair_rows, witness_metrics
from detector.schema import Dimension, Independence, Metric, Parent, Schema
from detector.series import SeriesIndex
from detector.timing import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, Timing
from detector.view import View
from detector.watermark import NEVER, PartitionClock
from tests import naive_rows
from tests.naive_rows import Arrival, Labels

DEVICES, REGIONS, SERVERS = ("phone-a", "phone-b", "tv", "tv-b"), ("eu", "na"), ("s1", "s2")
FAMILY = Parent("family", {"phone": ("phone-*",), "tv": ("tv-*",)})  # "tv" itself has none
WORLD = Schema(
    dimensions=(Dimension("device", (FAMILY,)), Dimension("region"), Dimension("server", peers=False)),
    metrics=(
        Metric("requests", stack="app"), Metric("errors", stack="app", dimensions=("device", "region")),
        Metric("cdn", role="witness", stack="edge", dimensions=("region",)),
        Metric("probe", role="witness", stack="edge", dimensions=("device", "region")),
        Metric("idle", role="witness", stack="nobody", dimensions=("region",)),
    ),
    independence=(Independence("app", "edge"),),
)  # fmt: skip
KEYS: list[Key] = [
    *(("requests", *labels) for labels in product(DEVICES, REGIONS, SERVERS)),
    *(("errors", *labels, "") for labels in product(DEVICES, REGIONS)),
    *(("cdn", "", region, "") for region in REGIONS),
    *(("probe", device, "eu", "") for device in DEVICES[:3]),
    *(("idle", "", region, "") for region in REGIONS),
]


def world(seed: int) -> tuple[SeriesIndex, list[Key]]:
    """Three quarters of all keys, admitted in three steps."""
    keys = [KEYS[i] for i in np.random.default_rng(seed).permutation(len(KEYS))[: 3 * len(KEYS) // 4]]
    index = SeriesIndex(WORLD)
    for step in range(3):
        index.admit(keys[step::3])
    return index, keys


def labels_of(index: SeriesIndex) -> list[Labels]:
    return [index.labels(row) for row in range(len(index))]


@pytest.mark.parametrize("seed", range(4))
def test_rows_and_their_sums_equal_their_naive_twin(seed: int) -> None:
    """All that the leaves imply and nothing else; a row is the sum of its leaves, however they arrived."""
    index, keys = world(seed)
    lattice, labels = index.lattice(), labels_of(index)
    above = {key: naive_rows.labels_above(WORLD, key) for key in keys}
    value = dict(zip(keys, np.random.default_rng(seed).normal(size=len(keys)).tolist(), strict=True))
    y = np.zeros(len(index))
    for key, row in index.rows.items():
        y[row] = value[key]
    lattice.sum_up(y)

    assert sorted(map(sorted, ({*row.items()} for row in labels))) == sorted(
        map(sorted, {frozenset(row.items()) for rows in above.values() for row in rows})
    )
    for row, mine in enumerate(labels):
        leaves = [key for key in keys if mine in above[key]]
        assert sorted(index.rows[key] for key in leaves) == lattice.leaves_of(row).tolist()
        assert pytest.approx(sum(value[key] for key in leaves)) == y[row]
        assert len(leaves) == lattice.leaf_counts[row]
        assert lattice.leaf[row] == (mine == above[leaves[0]][0])


@pytest.mark.parametrize("seed", range(4))
def test_what_lies_above_leaves_equals_its_naive_twin(seed: int) -> None:
    """Row by level above some leaves, one part of the lattice, the rows above one row: all by labels."""
    index, keys = world(seed)
    lattice, labels = index.lattice(), labels_of(index)
    above = {index.rows[key]: naive_rows.labels_above(WORLD, key) for key in keys}
    for leaf in lattice.leaves.tolist():
        found = lattice.all_above(np.array([leaf]))[:, 0]
        assert sorted(labels.index(row) for row in above[leaf]) == sorted(found[found >= 0].tolist())
    for level in range(len(lattice.levels)):
        rows = set(lattice.rows_at(level).tolist())
        expected = [
            [labels.index(r) for r in above[leaf] if labels.index(r) in rows] for leaf in lattice.leaves.tolist()
        ]
        assert [mine[0] if mine else -1 for mine in expected] == lattice.ancestors(level).tolist()
    mask = np.random.default_rng(seed).random(len(index)) < 0.4
    part = lattice.part_of([mask])
    chosen = np.flatnonzero(mask & lattice.leaf)
    weight = np.random.default_rng(seed).random(len(chosen))
    sums = {row: 0.0 for leaf in chosen.tolist() for row in (labels.index(r) for r in above[leaf])}
    for leaf, w in zip(chosen.tolist(), weight.tolist(), strict=True):
        for r in above[leaf]:
            sums[labels.index(r)] += w

    assert sorted(sums) == part.rows.tolist()
    assert pytest.approx([sums[row] for row in sorted(sums)]) == part.sum_up(weight).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_siblings_witnesses_and_whom_rows_lean_on_equal_their_naive_twins(seed: int) -> None:
    """By labels: one differs, all that the witness has agree, one is opened."""
    index, _ = world(seed)
    lattice, labels = index.lattice(), labels_of(index)
    pairs, leaning = pair_rows(index), lean_on(index)

    assert ["cdn", "probe"] == [WORLD.metrics[k].name for k in witness_metrics(index)]
    for row, mine in enumerate(labels):
        for axis, dimension in enumerate(WORLD.dimensions):
            code = lattice.siblings[axis]
            found = {r for r in range(len(labels)) if r != row and code[r] == code[row] > 0}
            beside = {
                r for r, other in enumerate(labels) if naive_rows.are_siblings(WORLD, mine, other, dimension.name)
            }
            assert beside == found
        for k, metric in enumerate(witness_metrics(index)):
            wanted = naive_rows.witness_labels(WORLD, mine, WORLD.metrics[metric])
            there = [labels.index(w) for w in wanted if w in labels]
            assert (there[0] if there else -1) == pairs[k, row]
        above = naive_rows.leaning_labels(WORLD, mine)
        assert (labels.index(above) if above is not None else -1) == leaning.parent[row]
        if above is not None:
            dimension = WORLD.dimensions[leaning.axis[row]].name
            assert mine[dimension] != above[dimension]


def test_what_is_computed_once_a_tick_equals_its_formula() -> None:
    """Counting variance, weights of leaves, their sums and totals; gauges weigh one, what is not expected nothing."""
    index, keys = world(1)
    lattice = index.lattice()
    rng = np.random.default_rng(1)
    gauges = np.flatnonzero(rng.random(len(index)) < 0.3)
    mu = rng.normal(5, 4, len(index)).astype(np.float32)
    mu[rng.random(len(mu)) < 0.1] = np.nan
    view = View(0, lattice, mu, gauges)
    view.mu = view.base = mu
    weight = [
        naive_rows.leaf_weight(m, row in gauges, leaf)
        for row, (m, leaf) in enumerate(zip(mu.tolist(), lattice.leaf.tolist(), strict=True))
    ]
    counting = [naive_rows.counting_variance(m, row in gauges) for row, m in enumerate(mu.tolist())]
    requests = [float(mu[index.rows[key]]) for key in keys if key[0] == "requests"]
    known = ~np.isnan(mu) | np.isin(np.arange(len(mu)), gauges)

    assert pytest.approx(weight) == view.weight(mu).tolist()
    assert pytest.approx(np.array(counting)[known]) == view.V_now()[known]
    for row in range(len(mu)):
        assert pytest.approx(sum(weight[i] for i in lattice.leaves_of(row).tolist())) == view.base_sums()[row]
    assert pytest.approx(sum(m for m in requests if not math.isnan(m)), rel=1e-5) == view.total_of(0)


# -- time ------------------------------------------------------------------------------------------------------------


@given(interval_ms=st.integers(1000, WEEK_MS), ticks=st.integers(1, 100), duration=st.floats(1, 1e9))
def test_durations_equal_their_naive_twins(interval_ms: int, ticks: int, duration: float) -> None:
    """Horizons, buckets, slots of a week, learning ticks, and what a half-life leaves."""
    timing = Timing(interval_ms)
    horizons, bucket = naive_rows.horizons_ms(interval_ms), naive_rows.bucket_ms(interval_ms)

    assert horizons == list(timing.horizons_ms)
    assert pytest.approx([naive_rows.left_after(interval_ms, h, 1) for h in horizons]) == list(timing.lam)
    assert (bucket, max(7 * DAY_MS // bucket, 1)) == (timing.bucket_ms, timing.slots)
    assert pytest.approx(naive_rows.left_after(interval_ms, duration, ticks), abs=1e-12) == timing.keep(duration, ticks)
    n = timing.ticks(duration)
    assert n == 1 or (n - 1) * interval_ms < duration <= n * interval_ms
    assert abs(timing.learn_every * interval_ms - 5 * MINUTE_MS) <= interval_ms / 2 or timing.learn_every == 1
    assert (ticks * interval_ms + interval_ms // 2) // bucket == timing.bucket(ticks * interval_ms)


TIMES = st.lists(
    st.one_of(
        st.integers(0, 3 * HOUR_MS), st.sampled_from((0, HOUR_MS, HOUR_MS + 1, 30 * DAY_MS, 30 * DAY_MS + HOUR_MS))
    ),
    max_size=20,
)


@given(times=TIMES, cuts=st.lists(st.integers(0, 20), max_size=4), lateness=st.integers(0, DAY_MS))
@settings(max_examples=300)
def test_the_clock_of_a_partition_equals_its_naive_twin(times: list[int], cuts: list[int], lateness: int) -> None:
    """What was seen before each sample, whatever the batches; the watermark is so much earlier than the greatest."""
    clock = PartitionClock()
    before: list[int] = []
    ends = [*sorted(min(c, len(times)) for c in cuts), len(times)]
    for low, high in zip([0, *ends], ends, strict=False):
        before += clock.pass_over(np.array(times[low:high], np.int64)).tolist()
    expected, seen = naive_rows.seen_before(times)

    assert [NEVER if t is None else t for t in expected] == before
    assert (NEVER if seen is None else seen - lateness) == clock.watermark_ms(lateness)
    clock.closed_ms = 5 * HOUR_MS
    assert max(5 * HOUR_MS, NEVER if seen is None else seen - lateness) == clock.watermark_ms(lateness)


# -- ticks -----------------------------------------------------------------------------------------------------------

AGGREGATES = ("sum", "mean", "min", "max", "last")
MANY = Schema(
    dimensions=(Dimension("device"),), metrics=tuple(Metric(name, aggregate=name) for name in AGGREGATES), place=None,
    max_series=6,
)  # fmt: skip
ARRIVALS = st.lists(
    st.builds(
        Arrival, st.integers(0, 1), st.tuples(st.sampled_from(AGGREGATES), st.sampled_from(("a", "b"))),
        st.integers(0, 3).map(lambda n: n * 25_000), st.sampled_from((1.0, 2.5, -4.0, float("nan"))),
    ),
    min_size=1, max_size=25,
)  # fmt: skip


@given(arrivals=ARRIVALS, size=st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_aligned_ticks_and_fates_equal_their_naive_twin(arrivals: list[Arrival], size: int) -> None:
    """Repetitions, conflicts, gaps, five ways to aggregate, more series than allowed; in batches of any size."""
    index, fates = SeriesIndex(MANY), Fates()
    aligner = Aligner(MANY, index, ["p0", "p1"], fates)
    for partition in (0, 1):
        mine = [a for a in arrivals if a.partition == partition]
        for low in range(0, len(mine), size):
            some = mine[low : low + size]
            aligner.add(
                partition, [a.key for a in some], np.array([a.time_ms for a in some], np.int64),
                np.array([a.value for a in some]),
            )  # fmt: skip
    expected, met = naive_rows.aligned(arrivals, {name: name for name in AGGREGATES}, MANY.interval_ms, MANY.max_series)
    last = max(expected)
    while aligner.next_ms is not None and aligner.next_ms <= last:
        tick = aligner.close()
        found = {key: float(tick.y[row]) for key, row in index.rows.items() if row < len(tick.y)}
        assert pytest.approx(expected.get(tick.t_ms, {})) == {k: v for k, v in found.items() if not math.isnan(v)}

    assert met == {(int(p[1:]), *fate): n for p, counts in fates.counts.items() for fate, n in counts.items()}
