"""One alarm for a terminal: the sentence, the evidence table, what was considered, and its timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Body = Mapping[str, Any]
STATE_STYLE = {"firing": "bold red", "held": "yellow", "pending": "cyan", "resolved": "green"}


def page(body: Body, timeline: Sequence[Body]) -> RenderableType:
    """Everything that speaks for and against the alarm, the most telling first."""
    evidence = body.get("evidence") or {}
    parts: list[RenderableType] = [_head(body)]
    parts += _scorers(evidence)
    parts += _checks(body, evidence.get("checks") or {})
    parts += _witnesses(evidence.get("witnesses") or [])
    parts += _event(evidence.get("event"))
    parts += _threshold(evidence.get("threshold"))
    parts += _confidence(evidence.get("confidence"))
    parts += _timeline(timeline)
    return Group(*parts)


def _head(body: Body) -> Text:
    state = str(body.get("state"))
    text = Text()
    text.append(state.upper(), STATE_STYLE.get(state, ""))
    text.append(f"  {body.get('severity')}  {plain(body.get('summary'))}\n", "bold")
    text.append(f"{body.get('alarm_id')}/{body.get('revision')}\n", "dim")
    end = f", {body['end']} at {body.get('ends_at')}" if body.get("end") else ""
    text.append(f"since {body.get('starts_at')}, detected {body.get('detected_at') or '-'}{end}\n")
    feed = body.get("feed")
    if feed:
        text.append(f"nothing arrives of {plain(', '.join(feed['metrics']))}; {feed['series']} series were due")
        text.append(f"; surprise {number(body.get('surprise'))}, p {number(body.get('p'))}\n")
        return text
    observed, expected = number(body.get("observed")), number(body.get("expected"))
    band = f"{number(body.get('lower'))} to {number(body.get('upper'))}"
    text.append(f"observed {observed}, expected {expected} (normal {band})")
    text.append(f"; surprise {number(body.get('surprise'))}, p {number(body.get('p'))}\n")
    return text


def _scorers(evidence: Mapping[str, Any]) -> Iterable[RenderableType]:
    scorers = evidence.get("scorers") or []
    if not scorers:
        return
    table = _table(
        "Evidence", "scorer", "surprise", "peak", "value", "what it says", right=("surprise", "peak", "value")
    )
    for s in scorers:
        row = (
            s.get("name"),
            number(s.get("surprise")),
            number(s.get("peak")),
            number(s.get("value")),
            s.get("explains"),
        )
        table.add_row(*map(plain, row))
    yield table
    votes = evidence.get("votes")
    if votes:
        counts = ", ".join(f"{plain(votes.get(name))} {name}" for name in ("for", "against", "abstain"))
        yield Text(f"votes: {counts}; worth {number(votes.get('effective'))} independent ones\n")


def _checks(body: Body, checks: Mapping[str, Any]) -> Iterable[RenderableType]:
    reasons = {r.get("reason"): r for r in (body.get("suppression") or {}).get("reasons") or []}
    if not checks and not reasons:
        return
    table = _table("What could hold it", "reason", "holds", "by", "from", "until")
    for name in [*checks, *(n for n in reasons if n not in checks)]:
        found = reasons.get(name, {})
        holds = "yes" if checks.get(name) else "was" if found else "no"
        table.add_row(*map(plain, (name, holds, found.get("by"), found.get("since"), found.get("until"))))
    yield table


def _witnesses(witnesses: Sequence[Body]) -> Iterable[RenderableType]:
    if not witnesses:
        return
    table = _table(
        "Independent witnesses", "witness", "stack", "surprise", "log ratio", "age", right=("surprise", "log ratio")
    )
    for w in witnesses:
        known = ("metric", "stack", "surprise", "llr", "age", "age_ticks", "lag")
        labels = " ".join(f"{k}={v}" for k, v in w.items() if k not in known and v != "*")
        age = w.get("age") if w.get("age") is not None else f"{w.get('age_ticks', '-')} ticks"
        row = (f"{w.get('metric')} {labels}", w.get("stack"), number(w.get("surprise")), number(w.get("llr")), age)
        table.add_row(*map(plain, row))
    yield table


def _event(event: Body | None) -> Iterable[RenderableType]:
    if event:
        table = _table("Calendar event considered", *event)
        table.add_row(*(number(v) if isinstance(v, float) else plain(v) for v in event.values()))
        yield table


def _threshold(threshold: Body | None) -> Iterable[RenderableType]:
    if threshold:
        budget = threshold.get("budget") or {}
        text = f"fused {number(threshold.get('fused'))} against {number(threshold.get('at'))}"
        if budget:
            text += f"; budget {number(budget.get('rate'))} per {plain(budget.get('per'))}"
            text += f", realised {number(budget.get('realised'))}"
        yield Text(text + "\n")


def _confidence(confidence: float | None) -> Iterable[RenderableType]:
    if confidence is not None and confidence < 1:
        yield Text(f"the series is young: judged with a confidence of {confidence:.2f}, 1 from its 14th day on\n")


def _timeline(timeline: Sequence[Body]) -> Iterable[RenderableType]:
    if timeline:
        table = _table(
            "Timeline", "time", "revision", "event", "state", "severity", "end", "summary", right=("revision",)
        )
        for entry in timeline:
            names = ("time", "revision", "type", "state", "severity", "end", "summary")
            table.add_row(*(plain(entry.get(name)) for name in names))
        yield table


def _table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def number(value: object) -> str:
    """Four digits; `-` where there is no opinion.

    >>> number(1113.4), number(5e-13), number(None)
    ('1113', '5e-13', '-')
    """
    return f"{value:.4g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else "-"


def plain(value: object) -> Text:
    """Text that no label or title can colour, link or break: neither markup nor control characters get through."""
    if value is None or value == "":
        return Text("-")
    if isinstance(value, Text):
        return value
    return Text("".join(c if c.isprintable() else "�" for c in str(value)))
