"""Whatever stands in a file of ours, the answer is a value or a list of faults with places, and it comes soon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.calendar_file import parse_calendars
from tocsin.config.faults import Fault, FaultsError
from tocsin.config.load import parse_config
from tocsin.silences_file import parse_silences

CONFIGS = Path(__file__).parents[2] / "configs"
SILENCES = "version: 1\nsilences:\n  - {match: {region: a}, until: 2026-12-02T06:00:00Z, by: a, why: 'b'}\n"
SEEDS: dict[str, tuple[str, Callable[[str], object]]] = {
    "config": (
        (CONFIGS / "tocsin.yaml").read_text(encoding="utf-8"),
        lambda text: parse_config(text, "f.yaml", {"TOCSIN__WARMUP": "1h"}).schema(),
    ),
    "calendar": (
        (CONFIGS / "calendar.yaml").read_text(encoding="utf-8"),
        lambda text: parse_calendars({"f.yaml": text}).between(1_790_000_000_000, 1_800_000_000_000),
    ),
    "silences": (SILENCES, lambda text: parse_silences({"f.yaml": text})),
}
PIECES = st.sampled_from(
    ["", " ", "\n", "\t", "- ", "null", "{}", "[]", "[", "'", '"', "&a", "*a", "!x", "---\n", "%", "${X}", "1e999",
     "-1", ".nan", "true", "9" * 30, "2026-02-30", "0001-01-01", "9999-12-31T23:59", "é", "\u2028", "\x07", "1000000d",
     "FREQ=HOURLY", "*", "{not: {}}", "{a: {b: {c: d}}}", "\ud83d"]
)  # fmt: skip


@pytest.mark.parametrize("kind", sorted(SEEDS))
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES | st.text(max_size=8)), min_size=1, max_size=4)
)
def test_edited_files_give_a_value_or_faults_with_places(kind: str, edits: list[tuple[float, int, str]]) -> None:
    """Pieces cut out and put in at random: never a traceback, never a fault without a place."""
    text, parse = SEEDS[kind]
    for where, cut, piece in edits:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + cut :]

    faults = _faults(parse, text)

    assert all(fault.line >= 1 and fault.column >= 1 and fault.reason for fault in faults)


def _faults(parse: Callable[[str], object], text: str) -> tuple[Fault, ...]:
    try:
        parse(text)
    except FaultsError as error:
        return error.faults
    return ()
