"""What is let go is told for what it does now, not for what it, or that which held it, once did."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from suppression.candidate import Candidate
from tocsin.letting_go import has_calmed, start_anew

ROWS = 3


def judgement(**voices: float) -> Any:
    """Voices of row 1; nothing is known of the others. The entering level is 4.5."""
    arrays = {name: np.full(ROWS, np.nan, np.float32) for name in ("F", "P", "W", "c")}
    for name, value in voices.items():
        arrays[name][1] = value
    return SimpleNamespace(**arrays, run=np.zeros(ROWS, bool), entering=4.5)


def held(sign: int = 1) -> Candidate:
    return Candidate(
        "a", 1, 1, sign, 0, 0, raw=1.5, peak_raw=2.0, residual=12.0, contrast=14.0, testimony=9.0, onset=11.0,
        fused=17.0, largest_z=30.0, state="held",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("c", "sign", "expected"),
    [(4.6, 1, False), (4.4, 1, True), (-9.0, 1, True), (-9.0, -1, False), (math.nan, 1, True)],
)
def test_what_would_not_enter_now_has_calmed(c: float, sign: int, expected: bool) -> None:
    assert has_calmed(held(sign), judgement(c=c)) == expected


def test_a_run_of_zeros_and_a_shadow_are_not_asked() -> None:
    """No voice speaks of them."""
    now = judgement(c=0.0)
    now.run[1] = True
    shadow = held()
    shadow.is_shadow = True
    assert not has_calmed(held(), now)
    assert not has_calmed(shadow, judgement(c=0.0))


def test_peaks_start_anew_from_what_the_row_does_now() -> None:
    onset = SimpleNamespace(up=np.array([0, 2.5, 0], np.float32), down=np.zeros(ROWS, np.float32))
    view = SimpleNamespace(L=np.array([[0, 0.25, 0]], np.float32))
    one = held()
    start_anew(one, SimpleNamespace(onset=onset), view, judgement(F=3, P=5, W=-2, c=5.5))  # type: ignore[arg-type]

    assert (one.residual, one.contrast, one.testimony, one.onset, one.fused) == (3, 5, 0, 2.5, 5.5)
    assert (one.raw, one.peak_raw, one.largest_z) == (0.25, 0.25, 0)


def test_without_peers_now_there_is_no_contrast() -> None:
    quiet = SimpleNamespace(onset=SimpleNamespace(up=np.zeros(ROWS), down=np.zeros(ROWS)))
    one = held(-1)
    start_anew(one, quiet, SimpleNamespace(L=np.zeros((1, ROWS))), judgement(F=3.0))  # type: ignore[arg-type]

    assert math.isnan(one.contrast)
    assert (one.residual, one.fused) == (0, 0)
