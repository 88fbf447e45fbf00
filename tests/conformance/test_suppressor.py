"""Every suppressor keeps the contract: a reason of the closed set, an opinion that can be asked for twice."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields, is_dataclass
from typing import get_args

import numpy as np
import pytest

from connectors.kinds import resolve_kind
from detector.errors import ConfigError
from detector.scorers import SCORERS
from detector.timing import Timing
from suppression.candidate import Candidate
from suppression.controls import Controls
from suppression.decide import Judge
from suppression.impact import Effects
from suppression.reasons import REASONS, Reason
from suppression.suppressor import Opinion, Scene
from suppression.suppressors import SUPPRESSORS
from tests.conformance.kinds import make
from tests.grids import grid

INDEX = grid(4, 4, 2, families=True)
KEPT = ("state", "end", "revision", "alarm_id", "sign", "row", "present", "fired_ms", "ended_ms", "severity", "holds")


def scene(candidates: list[Candidate]) -> Scene:
    """A tick without events, silences, witnesses or company."""
    n = len(INDEX)
    zeros = np.zeros((3, n), np.float32)
    return Scene(
        0, Timing(60_000), INDEX, INDEX.lattice(), Controls(), Effects(), 7.5, zeros, zeros, np.zeros(n), np.zeros(n),
        **{f.name: np.zeros(n) for f in fields(Scene) if f.name in ("contrast", "testimony")},
        is_coupled=np.zeros(n, bool), age=np.zeros(n, np.int32), candidates=candidates,
    )  # fmt: skip


def loud(row: int) -> Candidate:
    """Every voice speaks for it."""
    return Candidate(
        "A", row, row, -1, 0, 0, size=-1.0, raw=-1.0, peak_raw=-1.0, residual=12, contrast=12, onset=12, fused=24,
        largest_z=20, is_weak=False,
    )  # fmt: skip


@pytest.fixture(params=sorted(SUPPRESSORS))
def rule(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    return make("suppressors", SUPPRESSORS, request.param)


def test_it_is_a_frozen_value_with_a_reason_of_the_closed_set(rule) -> None:  # type: ignore[no-untyped-def]
    """The kind's name, the reason and the word in the ledger are one."""
    assert is_dataclass(rule)
    assert type(rule).__dataclass_params__.frozen
    assert rule.reason in get_args(Reason)
    assert SUPPRESSORS[rule.reason].endswith(type(rule).__name__)


@pytest.mark.parametrize("row", [0, 20, len(INDEX) - 1])
def test_a_loud_candidate_on_an_ordinary_day_is_not_held(rule, row: int) -> None:  # type: ignore[no-untyped-def]
    """No event, no silence, no witness, nothing wider: nobody has a reason."""
    candidate = loud(row)

    assert not rule.judge(candidate, scene([candidate])).holds


def test_an_opinion_can_be_asked_for_twice_and_ends_nothing(rule) -> None:  # type: ignore[no-untyped-def]
    """It may annotate the candidate; state, revision and end are not its business."""
    candidate = loud(0)
    before = deepcopy(candidate)
    stage = scene([candidate])
    first, second = rule.judge(candidate, stage), rule.judge(candidate, stage)

    assert isinstance(first, Opinion)
    assert first == second
    assert {name: getattr(before, name) for name in KEPT} == {name: getattr(candidate, name) for name in KEPT}


def test_an_annotated_candidate_survives_a_snapshot(rule) -> None:  # type: ignore[no-untyped-def]
    """Whatever a rule writes on it is JSON."""
    candidate = loud(3)
    rule.judge(candidate, scene([candidate]))

    assert candidate == Candidate.from_json(candidate.to_json())


def test_every_reason_has_its_rule_and_every_rule_is_asked() -> None:
    """The seven reasons, the table and the judge name the same."""
    assert set(REASONS) == set(SUPPRESSORS)
    assert set(REASONS) == {f.name for f in fields(Judge) if hasattr(getattr(Judge(), f.name), "judge")}


def test_a_loud_candidate_on_an_ordinary_day_is_told() -> None:
    """All rules together."""
    candidate = loud(0)

    assert "tell" == Judge().decide(candidate, scene([candidate]))
    assert [] == candidate.holds


def test_an_unknown_kind_is_refused_with_what_was_expected() -> None:
    """The message names the axis, the value and the kinds there are."""
    with pytest.raises(ConfigError, match=r"scorers: expected one of correlation, .*, got 'sorcery'"):
        resolve_kind("scorers", SCORERS, "sorcery")
