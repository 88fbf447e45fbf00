"""The alarm as JSON values: what every receiver, page and table shows."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from suppression.candidate import Candidate
from suppression.reasons import REASONS
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


def describe(labels: dict[str, str]) -> str:
    """`requests on ios in eu-west` for people: the metric and whatever is not `*`."""
    named = {k: v for k, v in labels.items() if k != "metric" and v != "*"}
    parts = [f"{k.replace('_', ' ')} {v}" for k, v in named.items()]
    return f"{labels['metric']} on {', '.join(parts)}" if parts else f"{labels['metric']} over all series"


def summary(candidate: Candidate, labels: dict[str, str], change: float, t_ms: int) -> str:
    minutes = max((t_ms - candidate.start_ms) // 60_000, 1)
    how = "below" if change < 0 else "above"
    span = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
    if candidate.special == "zero_run":
        return f"{describe(labels)}: nothing but zeros for {span}"
    if candidate.special == "stuck":
        return f"{describe(labels)}: the same value again and again for {span}"
    size = f"{abs(change):.0%}" if change < 9.995 else f"{change + 1:.0f} times expected:"
    return f"{describe(labels)}: {size} {how} expected for {span}"


def body(candidate: Candidate, scene: Scene, numbers: dict[str, Any], revision: int) -> dict[str, Any]:
    """The `data` of an alarm event.

    `numbers`: observed, expected, lower, upper, surprise, p, scorers, votes, threshold.
    """
    first, present = series_labels(scene, candidate.row), series_labels(scene, candidate.present)
    observed, expected = numbers["observed"], numbers["expected"]
    change = math.expm1(candidate.raw) if expected is None or not expected else (observed or 0.0) / expected - 1
    if not math.isfinite(change):
        change = math.expm1(candidate.raw)
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
            "first": dict(scene.index.cuboid(candidate.row)),
            "present": dict(scene.index.cuboid(candidate.present)),
        },
        "direction": candidate.direction,
        "summary": summary(candidate, present, change, scene.t_ms),
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
