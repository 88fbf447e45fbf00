"""The reference page of the alarm names every field that alarms have, and every word that they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suppression.controls import Controls
from suppression.reasons import ENDS, REASONS
from tests.scenarios.stage import SCHEMA, Told, perform, planned, together, when

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "alarm.md").read_text(encoding="utf-8")
NAMED = {part for quoted in re.findall(r"`([^`]+)`", PAGE) for part in quoted.removesuffix("[]").split(".")}
OPEN = ("series", "first", "present", "checks")  # names inside are labels and reasons
LABELS = set(SCHEMA.dimension_names)


def fields(value: Any) -> Iterator[str]:
    """The names of all fields, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name not in OPEN:
                yield from fields(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner)


def told() -> list[Told]:
    """An outage inside an event that explains some of the fall, and elsewhere a fall that a witness shares."""
    factor = together(
        when(0.6, 60, 180, region="eu"), when(0.2, 90, 150, device="tv", region="eu"),
        when(0.5, 60, 120, region="na"), when(0.5, 60, 120, region="na", metric="cdn"),
    )  # fmt: skip
    return perform(factor, 240, Controls(calendar=planned(60, 180, region="eu")))


def test_the_page_names_every_field() -> None:
    """Of held, firing and resolved alarms with witnesses and an event."""
    found = {name.removesuffix("[]") for event in told() for name in fields(dict(event.data))}
    listed = {name.partition("[")[0] for name in NAMED}

    assert {"llr", "predicted", "reasons", "effective"} <= found
    assert set() == found - listed - LABELS


def test_the_page_names_every_end_and_reason() -> None:
    """The closed sets of words."""
    assert set() == {*ENDS, *REASONS} - NAMED
