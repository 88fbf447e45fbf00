"""The sentence of an alarm: subject, verb, size, span; it reads in every state and at every size."""

from __future__ import annotations

import math

import pytest

from suppression.candidate import Candidate
from suppression.reasons import State
from suppression.sentence import describe, plural, summary

MINUTE_MS = 60_000
LABELS = {"metric": "requests", "device": "tv-2", "region": "eu-1", "activity": "*"}


def sentence(
    change: float, *, expected: float | None = 100.0, state: State = "firing", minutes: int = 50, **of: object
) -> str:
    sign = 1 if change > 0 else -1
    candidate = Candidate("id", 0, 0, sign, 0, 0, state=state, **of)  # type: ignore[arg-type]
    return summary(candidate, LABELS, "region", change, expected, minutes * MINUTE_MS)


@pytest.mark.parametrize(("state", "verb"), [("firing", "are"), ("held", "are"), ("resolved", "were")])
def test_what_is_over_is_told_in_the_past(state: State, verb: str) -> None:
    """Firing and held alarms are, resolved ones were."""
    assert f"requests on tv-2 in eu-1 {verb} 79% below expected for 50 min" == sentence(-0.79, state=state)


def test_one_thing_is_singular() -> None:
    """A metric that does not end in s."""
    candidate = Candidate("id", 0, 0, 1, 0, 0, state="firing")

    assert "load on web 3 is 40% above expected for 1 min" == summary(
        candidate, {"metric": "load", "web": "3"}, None, 0.4, 1.0, 0
    )


def test_a_multiple_reads_as_a_multiple() -> None:
    """From ten times on a percentage says less; without a positive expectation there is no multiple."""
    assert "requests on tv-2 in eu-1 are 12 times what was expected for 50 min" == sentence(11.0)
    assert "requests on tv-2 in eu-1 are 1100% above expected for 50 min" == sentence(11.0, expected=-5.0)


def test_where_nothing_was_expected_no_share_is_named() -> None:
    """Relative to zero there is no percentage, only a side."""
    assert "requests on tv-2 in eu-1 are below the expected 0 for 50 min" == sentence(math.nan, expected=0.0)
    assert "requests on tv-2 in eu-1 are below expected for 50 min" == sentence(math.nan, expected=None)


def test_runs_say_what_they_are() -> None:
    """Zeros and values that stand still."""
    assert "requests on tv-2 in eu-1: nothing but zeros for 3 h" == sentence(-1.0, special="zero_run", minutes=200)
    assert "requests on tv-2 in eu-1: the same value again and again for 50 min" == sentence(-0.1, special="stuck")


def test_places_stand_behind_in_with_their_parents() -> None:
    """Everything else behind on; a bare number keeps the name of its dimension."""
    labels = {"metric": "errors", "device": "*", "device_family": "phone", "region": "*", "region_continent": "europe"}

    assert "errors on phone in europe" == describe(labels, "region")
    assert "errors on host 7, disk 1" == describe({"metric": "errors", "host": "7", "disk": "1"}, "region")


@pytest.mark.parametrize(
    ("noun", "expected"),
    [("activity", "activities"), ("key", "keys"), ("box", "boxes"), ("branch", "branches"), ("region", "regions")],
)
def test_nouns_have_their_plural(noun: str, expected: str) -> None:
    """English names of dimensions; one of them stays as it is."""
    assert expected == plural(noun, 4)
    assert noun == plural(noun, 1)
