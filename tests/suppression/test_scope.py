"""Scopes: patterns, exclusions, roll-ups and parents."""

from __future__ import annotations

import pytest

from suppression.scope import Scope
from suppression.silence import Silence

LEAF = {"metric": "requests", "device": "ios", "region": "us-east", "activity": "login"}


@pytest.mark.parametrize(
    ("scope", "labels", "expected"),
    [
        (Scope(), LEAF, True),
        (Scope({"region": ("us-*", "ca")}), LEAF, True),
        (Scope({"region": ("eu-*",)}), LEAF, False),
        (Scope({"region": ("us-*",), "activity": ("play",)}), LEAF, False),
        (Scope({"metric": ("requests",)}), LEAF, True),
        (Scope(exclude={"device": ("automotive",)}), LEAF, True),
        (Scope(exclude={"device": ("ios",)}), LEAF, False),
        (Scope({"device": ("*",)}, {"device": ("ios",)}), LEAF, False),
        (Scope({"region": ("US-*",)}), LEAF, False),
        (Scope({"region": ("us-*",)}), {**LEAF, "region": "*"}, False),
        (Scope({"region": ("*",)}), {**LEAF, "region": "*"}, True),
        (Scope(exclude={"region": ("ca",)}), {**LEAF, "region": "*"}, False),
        (Scope({"device": ("ios",)}), {"metric": "cdn_bytes", "region": "us-east"}, False),
        (Scope({"region": ("us-*",)}), {"metric": "cdn_bytes", "region": "us-east"}, True),
        (Scope({"device.family": ("phone",)}), {**LEAF, "device": "*", "device_family": "phone"}, True),
        (Scope({"device.family": ("tv",)}), {**LEAF, "device": "*", "device_family": "phone"}, False),
        (Scope({"device.family": ("phone",)}), {**LEAF, "device": "*"}, False),
    ],
)
def test_scope_matches(scope: Scope, labels: dict[str, str], expected: bool) -> None:
    """All keys must allow; a roll-up is inside only if its dimension is free or a bare * is given."""
    assert expected == scope.matches(labels)


def test_allows_per_key_gives_what_matches_gives() -> None:
    """A caller that works key by key over codes gets the same rows."""
    scope = Scope({"region": ("us-*",)}, {"device": ("tv",)})
    rows = [
        {**LEAF, "region": region, "device": device} for region in ("us-1", "eu", "*") for device in ("tv", "ios", "*")
    ]

    by_key = [all(scope.allows(key, row[key]) for key in scope.keys) for row in rows]

    assert [scope.matches(row) for row in rows] == by_key


def test_hostile_pattern_takes_no_time() -> None:
    """A pattern is no regular expression: nothing backtracks for ever."""
    assert not Scope({"region": ("*a" * 60 + "b",)}).matches({"region": "a" * 10_000})


def test_equal_scopes_have_equal_hashes() -> None:
    """A scope can be the key of a cache."""
    assert 1 == len({Scope({"b": ("1",), "a": ("2",)}), Scope({"a": ("2",), "b": ("1",)})})


def test_silence_holds_from_since_until_its_end() -> None:
    """The end is excluded."""
    silence = Silence("s", Scope(), 10, 20, "alice", "known")

    assert [False, True, True, False] == [silence.is_in_force(t) for t in (9, 10, 19, 20)]
