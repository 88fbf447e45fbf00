"""Cross checks: what one section of `tocsin.yaml` says about another, and what this version cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.mapping import parse_path
from detector.errors import ConfigError
from tocsin.config.faults import Loc
from tocsin.config.node import describe, did_you_mean

Finding = tuple[Loc, str]
DEFAULT_DIMENSIONS = ("device", "region", "activity")
SECOND_MS, WEEK_MS = 1_000, 604_800_000


def cross_checks(raw: dict[str, Any]) -> Iterator[Finding]:
    """Findings of a file as plain values; sections of the wrong type are passed over, their own check tells of them."""
    dimensions = _mapping(raw, "dimensions") if "dimensions" in raw else dict.fromkeys(DEFAULT_DIMENSIONS)
    metrics = _mapping(raw, "metrics") if "metrics" in raw else {"value": {}}
    yield from _dimensions(dimensions)
    yield from _metrics(metrics, dimensions)
    place = raw.get("place")
    if isinstance(place, str) and place not in dimensions:
        yield ("place",), f"{place!r} is no dimension{_known(place, dimensions)}"
    yield from _independence(raw, metrics, dimensions)
    levels = {"metric": None, **dimensions, **dict.fromkeys(_levels(dimensions))}
    for i, group in enumerate(_list(raw, "groups")):
        for key in _mapping(group, "match"):
            if key not in levels:
                yield ("groups", i, "match", key), f"is neither metric, a dimension nor a parent{_known(key, levels)}"
    yield from _prometheus(raw, metrics, dimensions)
    yield from _receivers(raw)
    yield from _paths(raw)
    yield from _not_yet(raw)


def _dimensions(dimensions: dict[str, Any]) -> Iterator[Finding]:
    for name, dimension in dimensions.items():
        for parent in _mapping(dimension, "parents"):
            if f"{name}_{parent}" in dimensions:
                yield (
                    ("dimensions", name, "parents", parent),
                    f"its label {name}_{parent} is a dimension's name already",
                )
        values = _list(dimension, "values")
        if len({str(value) for value in values}) < len(values):
            yield ("dimensions", name, "values"), "a value is given twice"


def _metrics(metrics: dict[str, Any], dimensions: dict[str, Any]) -> Iterator[Finding]:
    read: dict[str, str] = {}
    for name, metric in metrics.items():
        if not name or len(name) > 128 or not name.isprintable() or name == "*":
            yield ("metrics", name), f"expected a name of 1 to 128 printable characters, got {describe(name)}"
        denominator = metric.get("denominator") if isinstance(metric, dict) else None
        if isinstance(denominator, str) and (denominator not in metrics or denominator == name):
            yield ("metrics", name, "denominator"), f"{denominator!r} is no other metric{_known(denominator, metrics)}"
        for i, dimension in enumerate(_list(metric, "dimensions")):
            if isinstance(dimension, str) and dimension not in dimensions:
                yield (
                    ("metrics", name, "dimensions", i),
                    f"{dimension!r} is no dimension{_known(dimension, dimensions)}",
                )
        if isinstance(metric, dict):
            value = metric.get("value", "value")
            source = f"{metric.get('where')} {value.get('path') if isinstance(value, dict) else value}"
            if source in read:
                yield ("metrics", name), f"reads the same values as {read[source]!r}; expected another where or value"
            read.setdefault(source, name)


def _independence(raw: dict[str, Any], metrics: dict[str, Any], dimensions: dict[str, Any]) -> Iterator[Finding]:
    stacks: dict[str, set[str]] = {"watched": set(), "witness": set()}
    for metric in metrics.values():
        if isinstance(metric, dict):
            stacks.setdefault(str(metric.get("role", "watched")), set()).add(str(metric.get("stack", "")))
    for i, item in enumerate(_list(raw, "independence")):
        for role in ("watched", "witness"):
            stack = item.get(role) if isinstance(item, dict) else None
            if isinstance(stack, str) and stack and stack not in stacks[role]:
                known = dict.fromkeys(sorted(filter(None, stacks[role])))
                yield ("independence", i, role), f"no {role} metric has the stack {stack!r}{_known(stack, known)}"
        for j, label in enumerate(_list(item, "match")):
            if isinstance(label, str) and label not in dimensions:
                yield ("independence", i, "match", j), f"{label!r} is no dimension{_known(label, dimensions)}"


def _prometheus(raw: dict[str, Any], metrics: dict[str, Any], dimensions: dict[str, Any]) -> Iterator[Finding]:
    section = _mapping(_mapping(raw, "source"), "prometheus")
    for name in _mapping(section, "queries"):
        if name not in metrics:
            yield ("source", "prometheus", "queries", name), f"{name!r} is no metric{_known(name, metrics)}"
    known = {**dimensions, **dict.fromkeys(_levels(dimensions))}
    for name in _mapping(section, "labels"):
        if name not in known:
            yield ("source", "prometheus", "labels", name), f"{name!r} is no dimension{_known(name, known)}"


def _receivers(raw: dict[str, Any]) -> Iterator[Finding]:
    kafka = _mapping(_mapping(raw, "outputs"), "kafka")
    has_servers = (
        kafka.get("bootstrap_servers") is not None or _at(raw, "source", "kafka", "bootstrap_servers") is not None
    )
    if kafka.get("alarms_topic") is not None and not has_servers:
        yield ("outputs", "kafka", "alarms_topic"), "needs bootstrap_servers here, as the source names none"
    if kafka.get("alarms_topic") in _list(_mapping(_mapping(raw, "source"), "kafka"), "topics"):
        yield ("outputs", "kafka", "alarms_topic"), "must not be one of the topics that are read"
    first: dict[str, int] = {"kafka": -1, "stdout": -1}
    for i, webhook in enumerate(_list(_mapping(raw, "outputs"), "webhooks")):
        name = _at(webhook, "name")
        if isinstance(name, str) and name in first:
            other = f"outputs.webhooks.{first[name]}" if first[name] >= 0 else f"outputs.{name}"
            yield ("outputs", "webhooks", i, "name"), f"{name!r} is the name of {other} already"
        elif isinstance(name, str):
            first[name] = i


def _paths(raw: dict[str, Any]) -> Iterator[Finding]:
    places: list[tuple[Loc, Any]] = [
        (("source", "format", "samples"), _at(raw, "source", "format", "samples")),
        (("source", "format", "timestamp", "path"), _at(raw, "source", "format", "timestamp", "path")),
    ]
    for name, dimension in _mapping(raw, "dimensions").items():
        places.append((("dimensions", name, "path"), _at(dimension, "path")))
        for parent, level in _mapping(dimension, "parents").items():
            places.append((("dimensions", name, "parents", parent, "path"), _at(level, "path")))
    for name, metric in _mapping(raw, "metrics").items():
        value = _at(metric, "value")
        loc: Loc = ("metrics", name, "value")
        places.append(((*loc, "path"), value.get("path")) if isinstance(value, dict) else (loc, value))
    for loc, text in places:
        if isinstance(text, str) and text:
            try:
                parse_path(text)
            except ConfigError as error:
                yield loc, str(error)


def _not_yet(raw: dict[str, Any]) -> Iterator[Finding]:
    """Keys that the file may have when they ask for nothing; a promise that cannot be kept is refused."""
    if _at(raw, "suppression", "audit", "inject_faults") is True:
        yield ("suppression", "audit", "inject_faults"), "this version has no audit yet; expected false or no such key"
    if _at(raw, "source", "dead_letter_topic") is not None:
        reason = "this version keeps bad records in its own journal and writes no topic; expected no such key"
        yield ("source", "dead_letter_topic"), reason
    if _at(raw, "outputs", "alertmanager", "enabled") is True:
        reason = (
            "this version does not push to Alertmanager; expected false: use the shipped Prometheus rules or a webhook"
        )
        yield ("outputs", "alertmanager", "enabled"), reason
    if _at(raw, "outputs", "kafka", "scores_topic") is not None:
        yield ("outputs", "kafka", "scores_topic"), "this version does not write scores; expected null or no such key"
    if _at(raw, "outputs", "prometheus", "values") is True:
        yield (
            ("outputs", "prometheus", "values"),
            "this version does not export raw values; expected false or no such key",
        )


def _levels(dimensions: dict[str, Any]) -> list[str]:
    return [f"{name}.{parent}" for name, item in dimensions.items() for parent in _mapping(item, "parents")]


def _known(word: str, names: dict[str, Any]) -> str:
    return did_you_mean(word, list(names)) or f"; known are {', '.join(names) or 'none'}"


def _mapping(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
