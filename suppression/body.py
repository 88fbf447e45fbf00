"""The alarm as JSON values: what every receiver, page and table shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from detector.schema import ALL
from suppression.candidate import Candidate
from suppression.reasons import REASONS
from suppression.sentence import summary
from suppression.suppressor import Scene

WINDOW_BEFORE_MS = 2 * 3_600_000


def iso(t_ms: int | None) -> str | None:
    """RFC 3339, UTC.

    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    if t_ms is None:
        return None
    text = datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(
        timespec="seconds" if t_ms % 1000 == 0 else "milliseconds"
    )
    return text.replace("+00:00", "Z")


def number(value: float, digits: int = 4) -> float | None:
    """A JSON number, None where there is no opinion."""
    return None if not math.isfinite(value) else float(f"{value:.{digits}g}")


def series_labels(scene: Scene, row: int) -> dict[str, str]:
    return dict(scene.index.labels(row))


def _labels_of(candidate: Candidate, scene: Scene, row: int) -> dict[str, str]:
    """Labels of a row of the candidate; of a feed its first metric, and `*` for every dimension of that."""
    if row >= 0 or candidate.feed is None:
        return series_labels(scene, row)
    schema = scene.index.schema
    metric = schema.metric(candidate.feed.metrics[0])
    names = schema.dimension_names if metric.dimensions is None else metric.dimensions
    return {"metric": metric.name, **dict.fromkeys(names, ALL)}


def _feed_json(candidate: Candidate) -> dict[str, Any] | None:
    feed = candidate.feed
    if feed is None:
        return None
    return {"stack": feed.stack, "metrics": list(feed.metrics), "series": feed.series, "since": iso(feed.since_ms)}


def deviation(observed: float | None, expected: float | None) -> float:
    """(observed - expected) / |expected|; NaN where one is unknown or nothing is expected.

    >>> deviation(25.0, 100.0), deviation(-5.0, -10.0)
    (-0.75, 0.5)
    """
    return math.nan if observed is None or not expected else (observed - expected) / abs(expected)


def at_worst(candidate: Candidate, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers that a body states: of its worst tick once it is over, or while no sample says how it is now.

    At its last tick an alarm is calm again: its numbers would describe no fault.
    """
    worst = candidate.worst
    if not worst or (candidate.state != "resolved" and numbers["observed"] is not None):
        return dict(numbers)
    kept = {name: worst[name] for name in ("observed", "expected", "lower", "upper", "scorers")}
    return {**numbers, **kept, "votes": {**numbers["votes"], **worst["votes"]}}


def body(candidate: Candidate, scene: Scene, numbers: dict[str, Any], revision: int) -> dict[str, Any]:
    """The `data` of an alarm event.

    `numbers`: observed, expected, lower, upper, surprise, p, scorers, votes, threshold; confidence where known.
    """
    first, present = (_labels_of(candidate, scene, row) for row in (candidate.row, candidate.present))
    numbers = at_worst(candidate, numbers)
    observed, expected = numbers["observed"], numbers["expected"]
    change = deviation(observed, expected)
    holds = {h.reason: h for h in candidate.holds}
    ended = candidate.state == "resolved"
    suppression = None
    if candidate.would_have_fired_ms is not None:
        suppression = {
            "reasons": [
                {"reason": h.reason, "by": h.by, "since": iso(h.since_ms), "until": iso(h.until_ms)}
                for h in candidate.holds
            ],
            "would_have_fired_at": iso(candidate.would_have_fired_ms),
            "released": candidate.fired_ms is not None,
        }
    return {
        "alarm_id": candidate.alarm_id,
        "revision": revision,
        "state": candidate.state,
        "acknowledged": candidate.acknowledged,
        "end": candidate.end,
        "severity": candidate.severity,
        "series": first,
        "cuboid": {
            "first": dict(scene.index.cuboid(candidate.row)) if candidate.row >= 0 else {},
            "present": dict(scene.index.cuboid(candidate.present)) if candidate.present >= 0 else {},
        },
        "feed": _feed_json(candidate),
        "direction": candidate.direction,
        "summary": summary(candidate, present, scene.index.schema.place, change, expected, scene.t_ms),
        "starts_at": iso(candidate.start_ms),
        "detected_at": iso(candidate.fired_ms if candidate.fired_ms is not None else candidate.would_have_fired_ms),
        "ends_at": iso(candidate.ended_ms) if ended else None,
        "observed": observed,
        "expected": expected,
        "lower": numbers["lower"],
        "upper": numbers["upper"],
        "deviation": number(change),
        "surprise": numbers["surprise"],
        "p": numbers["p"],
        "evidence": {
            "scorers": numbers["scorers"],
            "votes": numbers["votes"],
            "witnesses": [
                {
                    "metric": scene.index.metric_of(w.row).name,
                    **{k: v for k, v in series_labels(scene, w.row).items() if k != "metric"},
                    "stack": scene.index.metric_of(w.row).stack,
                    "surprise": number(w.surprise),
                    "llr": number(w.llr),
                    "age_ticks": w.age_ticks,
                }
                for w in candidate.witnesses
            ],
            "event": event_json(candidate),
            "checks": {reason: reason in holds for reason in REASONS},
            "threshold": numbers["threshold"],
            "confidence": numbers.get("confidence"),
            "window": {"from": iso(candidate.start_ms - WINDOW_BEFORE_MS), "to": iso(scene.t_ms)},
        },
        "suppression": suppression,
        "related": {"incident": candidate.incident or candidate.alarm_id},
    }


def event_json(candidate: Candidate) -> dict[str, Any] | None:
    if candidate.event is None:
        return None
    out = {k: v for k, v in candidate.event.items() if k not in ("until_ms", "peers_object", "outgrown")}
    return {k: number(float(v)) if isinstance(v, float | np.floating) else v for k, v in out.items()}
