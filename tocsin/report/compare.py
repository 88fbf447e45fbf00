"""Two backtests side by side: alarms that appear, vanish, or change between told and held."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from detector.errors import DataError
from tocsin.backtest import Page

Change = Literal["appears", "vanishes", "told_now", "held_now", "same"]
CHANGES: Mapping[Change, str] = {
    "appears": "told, and was not there before",
    "vanishes": "was told, and is not there any more",
    "told_now": "was held, is told now",
    "held_now": "was told, is held now",
    "same": "told in both",
}


class Opening(NamedTuple):
    """What is compared of an alarm; times in ms, `close_ms` None: still on."""

    series: str
    cuboid: str
    direction: str
    open_ms: int
    close_ms: int | None
    is_told: bool


class Pair(NamedTuple):
    """An alarm before and now."""

    change: Change
    before: Opening | None
    now: Opening | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The other backtest: where it came from, its alarms and its figures."""

    name: str
    openings: tuple[Opening, ...]
    figures: Mapping[str, float | None]


def opening(page: Page) -> Opening:
    """The part of a page that is compared."""
    return Opening(
        page.series_id, page.cuboid, page.direction, page.open_ms, page.close_ms, not page.is_suppressed
    )  # fmt: skip


def read_earlier(path: Path) -> Earlier:
    """An earlier `--json` result; DataError says what is wrong with it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        found = tuple(
            Opening(
                str(p["series"]), str(p["cuboid"]), str(p["direction"]), int(p["open_ms"]),
                None if p["close_ms"] is None else int(p["close_ms"]), bool(p["told"]),
            )
            for p in document["pages"]
        )  # fmt: skip
        return Earlier(path.name, found, dict(document["figures"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected the result of `tocsin backtest --json`: {error!r}") from None


def pair(before: Sequence[Opening], now: Sequence[Opening]) -> list[Pair]:
    """Every alarm that was told in either, in order of time. Equal cuboid, direction and overlapping times are one."""
    left = list(before)
    out: list[Pair] = []
    for one in now:
        match = next((other for other in left if _is_same(other, one)), None)
        if match is not None:
            left.remove(match)
            if one.is_told or match.is_told:
                change: Change = "held_now" if not one.is_told else "same" if match.is_told else "told_now"
                out.append(Pair(change, match, one))
        elif one.is_told:
            out.append(Pair("appears", None, one))
    out += [Pair("vanishes", other, None) for other in left if other.is_told]
    return sorted(out, key=_time)


def counts(pairs: Sequence[Pair]) -> dict[Change, int]:
    """How many of each change."""
    return {change: sum(p.change == change for p in pairs) for change in CHANGES}


def _is_same(a: Opening, b: Opening) -> bool:
    if (a.series, a.direction) != (b.series, b.direction):
        return False
    return (b.close_ms is None or a.open_ms <= b.close_ms) and (a.close_ms is None or b.open_ms <= a.close_ms)


def as_json(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Plain values."""
    return [
        {"change": p.change, "before": p.before and p.before._asdict(), "now": p.now and p.now._asdict()} for p in pairs
    ]


def _time(pair: Pair) -> int:
    either = pair.now or pair.before
    assert either is not None
    return either.open_ms
