"""Every combiner keeps the contract: signed, symmetric, deaf to the order of rows, silent only where all are."""

from __future__ import annotations

import numpy as np
import pytest

from detector.state import grow
from ensemble.combiners import COMBINERS
from tests.conformance.kinds import bits, make

ROWS = 60


@pytest.fixture(params=sorted(COMBINERS))
def combiner(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    return make("combiners", COMBINERS, request.param)


def voices(seed: int) -> list[np.ndarray]:
    """F, D, P: surprises with gaps."""
    rng = np.random.default_rng(seed)
    return [
        np.where(rng.random(ROWS) < 0.2, np.nan, np.clip(4 * rng.standard_normal(ROWS), -15, 15)).astype(np.float32)
        for _ in range(3)
    ]


def test_a_score_changes_nothing(combiner) -> None:  # type: ignore[no-untyped-def]
    """Neither the memory nor the voices."""
    state = combiner.init(ROWS)
    F, D, P = voices(1)
    combiner.advance(state, D, P)
    before = [bits(state), F.tobytes(), D.tobytes(), P.tobytes()]
    c = combiner.score(state, F, D, P)

    assert ((ROWS,), np.float32) == (c.shape, c.dtype)
    assert before == [bits(state), F.tobytes(), D.tobytes(), P.tobytes()]


def test_advance_works_in_place_and_survives_silence(combiner) -> None:  # type: ignore[no-untyped-def]
    """The same arrays; NaN voices leave the memory finite."""
    state = combiner.init(ROWS)
    before = [id(getattr(state, n)) for n in state._fields]
    for seed in range(5):
        _, D, P = voices(seed)
        combiner.advance(state, D, P)
    combiner.advance(state, np.full(ROWS, np.nan, np.float32), np.full(ROWS, np.nan, np.float32))

    assert before == [id(getattr(state, n)) for n in state._fields]
    assert all(np.isfinite(getattr(state, n)).all() for n in state._fields)


def test_up_and_down_are_mirror_images(combiner) -> None:  # type: ignore[no-untyped-def]
    """score(-voices) = -score(voices)."""
    F, D, P = voices(2)
    state = combiner.init(ROWS)

    np.testing.assert_allclose(combiner.score(state, -F, -D, -P), -combiner.score(state, F, D, P), rtol=1e-6)


def test_no_voice_is_no_opinion_and_calm_voices_are_one(combiner) -> None:  # type: ignore[no-untyped-def]
    """NaN where nobody speaks; about 0 where all say "normal"."""
    state = combiner.init(3)
    nobody, calm = np.full(3, np.nan, np.float32), np.zeros(3, np.float32)

    assert np.isnan(combiner.score(state, nobody, nobody, nobody)).all()
    assert (np.abs(combiner.score(state, calm, calm, calm)) < 0.5).all()


def test_one_strong_voice_is_never_averaged_away(combiner) -> None:  # type: ignore[no-untyped-def]
    """The leading voice at 12, the others calm: at least 6 is left."""
    state = combiner.init(1)
    one = lambda x: np.array([x], np.float32)  # noqa: E731

    assert combiner.score(state, one(0.0), one(0.0), one(12.0))[0] >= 6
    assert combiner.score(state, one(12.0), one(0.0), one(np.nan))[0] >= 6


def test_a_louder_voice_never_lowers_the_score(combiner) -> None:  # type: ignore[no-untyped-def]
    """Monotone in each of them, for voices of one sign."""
    state = combiner.init(ROWS)
    F, D, P = (np.abs(v) for v in voices(3))
    before = combiner.score(state, F, D, P)
    for louder in ((F + 1, D, P), (F, D + 1, P), (F, D, P + 1)):
        after = combiner.score(state, *louder)
        known = np.isfinite(before)

        assert (after[known] >= before[known] - 1e-6).all()


def test_rows_are_independent(combiner) -> None:  # type: ignore[no-untyped-def]
    """A permutation of rows permutes the score, bit by bit."""
    order = np.random.default_rng(4).permutation(ROWS)
    F, D, P = voices(4)
    plain = combiner.score(combiner.init(ROWS), F, D, P)
    moved = combiner.score(combiner.init(ROWS), F[order], D[order], P[order])

    assert plain[order].tobytes() == moved.tobytes()


def test_growing_keeps_the_old_rows(combiner) -> None:  # type: ignore[no-untyped-def]
    """New rows remember nothing."""
    state = combiner.init(ROWS)
    _, D, P = voices(5)
    combiner.advance(state, D, P)
    grown = grow(state, ROWS + 4, combiner.init)

    assert all(np.array_equal(getattr(state, n), getattr(grown, n)[..., :ROWS]) for n in state._fields)
