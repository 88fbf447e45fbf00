"""The one sentence of an alarm: what, where, how far from what was expected, for how long."""

from __future__ import annotations

import math
from collections.abc import Mapping

from detector.schema import ALL, MINUTE_MS
from suppression.candidate import Candidate, SilentFeed

PLAIN_SIZE = 9.995  # relative rise from which "times what was expected" reads better than a percentage


def plural(noun: str, count: int = 2) -> str:
    """The noun as it stands behind a count; names of dimensions are plain English nouns as a rule.

    >>> plural("activity"), plural("region"), plural("class"), plural("day"), plural("device", 1)
    ('activities', 'regions', 'classes', 'days', 'device')
    """
    if count == 1:
        return noun
    if noun.endswith("y") and noun[-2:-1] not in set("aeiou"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"


def describe(labels: Mapping[str, str], place: str | None) -> str:
    """The metric and whatever is not `*`: places with "in", the rest with "on"; a bare number keeps its name.

    >>> describe({"metric": "requests", "device": "tv-2", "region": "eu-1", "activity": "*"}, "region")
    'requests on tv-2 in eu-1'
    >>> describe({"metric": "load", "host": "7"}, None)
    'load on host 7'
    >>> describe({"metric": "requests", "region": "*"}, "region"), describe({"metric": "load"}, None)
    ('requests over all series', 'load')
    """
    named = {k: v for k, v in labels.items() if k != "metric" and v != ALL}
    if not named:
        return labels["metric"] if len(labels) == 1 else f"{labels['metric']} over all series"
    spelt = {k: v if any(x.isalpha() for x in v) else f"{k.replace('_', ' ')} {v}" for k, v in named.items()}
    places = [v for k, v in spelt.items() if _is_place(k, place)]
    others = [v for k, v in spelt.items() if not _is_place(k, place)]
    on = f" on {', '.join(others)}" if others else ""
    where = f" in {', '.join(places)}" if places else ""
    return f"{labels['metric']}{on}{where}"


def summary(
    candidate: Candidate, labels: Mapping[str, str], place: str | None, change: float, expected: float | None, t_ms: int
) -> str:
    """`requests on tv-2 in eu-1 are 79% below expected for 50 min`; "were" once it is over.

    `change`: (observed - expected) / |expected|, NaN where that says nothing.
    """
    if candidate.feed is not None:
        return silent(candidate.feed, t_ms)
    subject, span = describe(labels, place), _span(t_ms - candidate.start_ms)
    if candidate.special == "zero_run":
        return f"{subject}: nothing but zeros for {span}"
    if candidate.special == "stuck":
        return f"{subject}: the same value again and again for {span}"
    if candidate.special == "missing":
        return f"{subject}: no data for {span}"
    metric = labels["metric"]
    many = metric.endswith("s") and not metric.endswith("ss")
    ended = candidate.state == "resolved"
    verb = ("were" if many else "was") if ended else ("are" if many else "is")
    return f"{subject} {verb} {_size(change, expected, candidate.sign)} for {span}"


def silent(feed: SilentFeed, t_ms: int) -> str:
    """What is missing, of how many series, for how long.

    >>> silent(SilentFeed(0, "", ["requests"], 300, 0), 12 * MINUTE_MS)
    'requests: no data from any of 300 series for 12 min'
    >>> silent(SilentFeed(0, "app", ["cpu", "load", "memory"], 4, 0), 12 * MINUTE_MS)
    'cpu and 2 other metrics: no data from any of 4 series for 12 min'
    """
    others = len(feed.metrics) - 1
    more = f" and {others} other {plural('metric', others)}" if others else ""
    return f"{feed.metrics[0]}{more}: no data from any of {feed.series} series for {_span(t_ms - feed.since_ms)}"


def _size(change: float, expected: float | None, sign: int) -> str:
    if not math.isfinite(change):
        known = "expected" if expected is None else f"the expected {expected:g}"
        return f"{'above' if sign > 0 else 'below'} {known}"
    if change >= PLAIN_SIZE and expected is not None and expected > 0:
        return f"{change + 1:.0f} times what was expected"
    return f"{abs(change):.0%} {'below' if change < 0 else 'above'} expected"


def _span(lasted_ms: int) -> str:
    minutes = max(lasted_ms // MINUTE_MS, 1)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def _is_place(name: str, place: str | None) -> bool:
    return place is not None and (name == place or name.startswith((f"{place}_", f"{place}.")))
