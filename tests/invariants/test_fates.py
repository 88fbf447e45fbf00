"""Nothing is dropped uncounted: every sample has one fate, and the counts add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from detector.frame import Rejected
from detector.schema import MINUTE_MS, Dimension, Metric, Schema
from detector.timing import HOUR_MS
from tests.streams import START_MS, Log, Sample, counts, drive, engine_for, log_of, memory, play

ONE = Schema(dimensions=(Dimension("device"),), metrics=(Metric("requests"),), place=None, lateness_ms=2 * MINUTE_MS)


def sample(minute: float, value: float = 5.0, device: str = "tv") -> Sample:
    return Sample(("requests", device), START_MS + int(minute * MINUTE_MS), value)


def fates(log: Log, schema: Schema = ONE, **how: object) -> dict[tuple[str, str], int]:
    engine, _ = play(log, schema, **how)
    return dict(engine.fates["p/0"])


def one(samples: list[Sample], ends: float | None = None, **more: object) -> Log:
    return Log({"p/0": samples}, None if ends is None else START_MS + int(ends * MINUTE_MS), **more)  # type: ignore[arg-type]


def test_every_sample_of_a_closed_stream_has_one_fate() -> None:
    """scored + gap + late + duplicate + rejected = samples taken in (conflict is a note on scored)."""
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(3000):
        value = float("nan") if rng.random() < 0.05 else float(rng.integers(0, 3))
        samples.append(
            sample(float(rng.integers(0, 60)) + round(rng.normal(0, 3)) / 2 + 30, value, f"d{rng.integers(5)}")
        )
    samples.sort(key=lambda s: s.time_ms + rng.integers(0, 6 * MINUTE_MS))
    found = fates(one(samples, 200), replace(ONE, max_series=4))

    assert 3000 == sum(n for (result, _), n in found.items() if result != "conflict")
    assert {"scored", "gap", "late", "duplicate", "rejected", "conflict"} == {result for result, _ in found}


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_sample_beyond_the_lateness_is_late_and_changes_nothing(size: int) -> None:
    """However the stream is cut, the same samples are late (B24)."""
    calm = [sample(m) for m in range(20)]
    late = [*calm[:12], sample(3, 900), *calm[12:]]
    plain, _ = play(one(calm, 30), ONE, sizes=[size] * 100)
    engine, _ = play(one(late, 30), ONE, sizes=[size] * 100)

    assert {("scored", ""): 20, ("late", ""): 1} == engine.fates["p/0"]
    assert plain.lanes[0].state.residual.Y.tobytes() == engine.lanes[0].state.residual.Y.tobytes()


def test_a_sample_within_the_lateness_waits_and_is_used() -> None:
    """Two minutes late, of a tick that is still open (B23)."""
    samples = [sample(0), sample(1), sample(3), sample(2), sample(4)]

    assert {("scored", ""): 5} == fates(one(samples, 10))


def test_an_exact_duplicate_has_no_effect() -> None:
    """Same series, time and value: counted, and the state is as without it (B25)."""
    calm = [sample(m) for m in range(10)]
    plain, _ = play(one(calm, 10), ONE)
    engine, _ = play(one(sorted([*calm, *calm[3:6]], key=lambda s: s.time_ms), 10), ONE)

    assert {("scored", ""): 10, ("duplicate", ""): 3} == engine.fates["p/0"]
    assert {k: v for k, v in memory(plain).items() if k != "header"} == {
        k: v for k, v in memory(engine).items() if k != "header"
    }


@pytest.mark.parametrize(
    ("aggregate", "value"), [("sum", 12.0), ("mean", 4.0), ("min", 1.0), ("max", 9.0), ("last", 2.0)]
)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_several_samples_of_a_tick_are_aggregated_in_sorted_order(
    aggregate: str, value: float, order: tuple[int, ...]
) -> None:
    """By time, then value, whatever the order of arrival; an equal time with another value is a conflict (B26, B44)."""
    schema = replace(ONE, metrics=(Metric("requests", aggregate=aggregate, kind="count"),))  # type: ignore[arg-type]
    three = [sample(0.1, 9), sample(0.5, 1), sample(0.5, 2)]
    engine, outcomes = play(one([three[i] for i in order], 1), schema)

    assert [value] == outcomes[0].observed[:1].tolist()
    assert {("scored", ""): 3, ("conflict", ""): 1} == engine.fates["p/0"]


def test_a_sample_of_2099_is_rejected_and_does_not_move_the_watermark() -> None:
    """Later than its record by more than ten minutes: `future`; all others are scored (B27)."""
    calm = [sample(m) for m in range(20)]
    far = Sample(("requests", "tv"), 4_070_908_800_000, 5.0)
    samples = [*calm[:10], far, *calm[10:]]
    log = one(
        samples,
        30,
        record_ms={"p/0": [s.time_ms for s in calm[:10]] + [calm[9].time_ms] + [s.time_ms for s in calm[10:]]},
    )

    assert {("scored", ""): 20, ("rejected", "future"): 1} == fates(log)


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_lone_leap_ahead_does_not_make_the_others_late(size: int) -> None:
    """Its record lies as far ahead (a file): believed only once a second sample confirms it (B29)."""
    calm = [sample(m) for m in range(20)]
    samples = [*calm[:10], sample(60 * 24 * 300), *calm[10:]]
    engine, _ = play(one(samples), ONE, sizes=[size] * 100)

    assert ("late", "") not in engine.fates["p/0"]
    assert START_MS + 17 * MINUTE_MS == engine.watermarks["p/0"]


def test_samples_that_are_all_ahead_are_each_rejected() -> None:
    """A producer's clock is three hours fast (B28)."""
    samples = [sample(m + 180) for m in range(10)]

    assert {("rejected", "future"): 10} == fates(
        one(samples, record_ms={"p/0": [s.time_ms - 3 * HOUR_MS for s in samples]})
    )


def test_a_gap_is_counted_and_leaves_the_state_as_it_was() -> None:
    """NaN and no sample at all are the same thing (B33)."""
    calm = [sample(m) for m in range(30)]
    with_gap = [s._replace(value=float("nan")) if i == 20 else s for i, s in enumerate(calm)]
    engine, _ = play(one(with_gap, 30), ONE)
    silent, _ = play(one([*calm[:20], *calm[21:]], 30), ONE)

    assert {("scored", ""): 29, ("gap", ""): 1} == engine.fates["p/0"]
    assert {k: v for k, v in memory(silent).items() if k != "header"} == {
        k: v for k, v in memory(engine).items() if k != "header"
    }


def test_series_beyond_the_limit_are_refused_and_the_known_ones_unharmed() -> None:
    """Admission in sorted order of labels, the rest rejected with a reason, tick by tick (B50, B52)."""
    calm = [sample(m, 5, d) for m in range(10) for d in ("a", "b")]
    bomb = sorted([*calm, *(sample(5, 1, f"x{i}") for i in range(50))], key=lambda s: s.time_ms)
    schema = replace(ONE, max_series=3)
    engine, _ = play(one(bomb, 10), schema)

    assert {("scored", ""): 21, ("rejected", "series_limit"): 49} == engine.fates["p/0"]
    assert {("requests", "a"), ("requests", "b"), ("requests", "x0")} == set(engine.lanes[0].state.index.rows)


def test_what_a_source_rejected_is_counted_with_its_samples() -> None:
    """A refused record of 7 samples counts 7; tombstones count as gaps."""
    engine = engine_for(one([sample(0)]), ONE)
    batch = one([sample(0)]).batches()[0]
    drive(engine, [replace(batch, rejected=(Rejected(4, "bad_shape", "no value", 7),), gaps=2)])
    drive(engine, [replace(one([], 5).batches()[0], partition="p/0")])

    assert {("rejected", "bad_shape"): 7, ("gap", ""): 2, ("scored", ""): 1} == engine.fates["p/0"]


def test_fates_of_a_whole_grid_equal_what_was_sent() -> None:
    """Per partition, for a stream with witnesses."""
    log = log_of(counts(ticks=60))
    engine, _ = play(log, sizes=[37] * 1000)

    assert {p: {("scored", ""): len(samples)} for p, samples in log.partitions.items()} == engine.fates
