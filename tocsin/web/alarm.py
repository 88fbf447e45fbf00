"""One alarm as its template needs it: the sentence first, then why it is believed, then everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suppression.reasons import REASONS
from tocsin.api.store import Body, Points
from tocsin.api.times import to_ms, to_text
from tocsin.json_values import mapping, mappings, reasons_of
from tocsin.web import words
from tocsin.web.inbox import SEVERITY_MARK, Chip, chips

RESERVED_LINKS = ("self",)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that could have explained it."""

    reason: str
    verdict: str  # "holds it", "does not explain it", "nothing found"
    finding: str
    is_interesting: bool


@dataclass(frozen=True, slots=True)
class AlarmView:
    """The page of one alarm; texts are ready to be shown."""

    id: str
    revision: str
    state: str
    mark: str
    severity: str
    headline: str
    metric: str
    chips: tuple[Chip, ...]
    facts: tuple[tuple[str, str, str], ...]  # name, text, RFC 3339 time or ""
    believed: tuple[str, ...]  # why it is told or held, in sentences
    scorers: tuple[Mapping[str, str], ...]
    votes: str
    checks: tuple[Check, ...]
    witnesses: tuple[Mapping[str, str], ...]
    timeline: tuple[Mapping[str, str], ...]
    links: tuple[tuple[str, str], ...]
    small_print: tuple[tuple[str, str], ...]


def alarm_view(body: Body, timeline: Sequence[Body], event_now: int, points: Points | None = None) -> AlarmView:
    """Everything the page says of an alarm; whatever the body lacks is left out or shown as a dash.

    The body is as of its last revision; the last of `points` tells how things stand now, while the alarm is open.
    """
    evidence = mapping(body.get("evidence"))
    checks = tuple(_checks(evidence))
    return AlarmView(
        id=str(body.get("alarm_id")),
        revision=str(body.get("revision", "")),
        state=str(body.get("state")),
        mark=SEVERITY_MARK.get(str(body.get("severity")), "●"),
        severity=str(body.get("severity") or "info"),
        headline=str(body.get("summary") or _sentence(body)),
        metric=str(mapping(body.get("series")).get("metric", "")),
        chips=chips(body),
        facts=(*_facts(body, event_now), *_right_now(body, points)),
        believed=tuple(_believed(body, evidence, event_now)),
        scorers=tuple(_scorer(scorer) for scorer in mappings(evidence.get("scorers"))),
        votes=_votes(mapping(evidence.get("votes"))),
        checks=checks,
        witnesses=tuple(_witness(witness) for witness in mappings(evidence.get("witnesses"))),
        timeline=tuple(_event(event, event_now) for event in timeline),
        links=tuple(_links(body)),
        small_print=tuple(_small_print(body, evidence)),
    )


def _sentence(body: Body) -> str:
    labels = ", ".join(chip.value for chip in chips(body)) or "all series"
    metric = mapping(body.get("series")).get("metric", "value")
    change = words.percent(words.change_of(body))
    return f"{metric} of {labels}: {change} against what was expected"


def _facts(body: Body, event_now: int) -> list[tuple[str, str, str]]:
    start, end = to_ms(body.get("starts_at")), to_ms(body.get("ends_at"))
    facts = []
    if start is not None:
        lasted = words.duration((end or event_now) - start)
        until = f", for {lasted}" if end is None else f" until {words.clock(end, event_now)} ({lasted})"
        facts.append(("Since", words.clock(start, event_now) + until, str(body["starts_at"])))
    feed = mapping(body.get("feed"))
    if feed:  # nothing to compare
        return [*facts, ("Nothing arrives of", words.feed(feed), str(feed.get("since", "")))]
    change = words.percent(words.change_of(body))
    facts.append(("Deviation", f"{change} {_arrow(body)}", ""))
    normal = f" (normal: {words.number(body.get('lower'))} to {words.number(body.get('upper'))})"
    facts.append(("Observed", words.number(body.get("observed")), ""))
    facts.append(
        ("Expected", words.number(body.get("expected")) + (normal if body.get("lower") is not None else ""), "")
    )
    facts.append(("Surprise", f"{words.score(body.get('surprise'))} of 15", ""))
    return facts


def _right_now(body: Body, points: Points | None) -> list[tuple[str, str, str]]:
    if body.get("state") == "resolved" or points is None or not len(points.t_ms):
        return []
    observed, expected = points.observed[-1], points.expected[-1]
    change = words.percent(words.deviation(observed, expected))
    text = f"{words.number(observed)} of {words.number(expected)} ({change})" if observed == observed else "no sample"
    return [("Right now", text, to_text(points.t_ms[-1]))]


def _arrow(body: Body) -> str:
    return {"up": "▲", "down": "▼"}.get(str(body.get("direction")), "")


def _believed(body: Body, evidence: Mapping[str, Any], event_now: int) -> list[str]:
    sentences = []
    suppression = mapping(body.get("suppression"))
    for reason in reasons_of(body):
        word = str(reason.get("reason"))
        text = words.REASON_TEXT.get(word, word.replace("_", " "))  # type: ignore[call-overload]
        by = f" ({reason['by']})" if reason.get("by") else ""
        until = to_ms(reason.get("until"))
        limit = f", until {words.clock(until, event_now)} at the latest" if until is not None else ""
        told = "Not told" if body.get("state") == "held" else "Was held"
        sentences.append(f"{told}: {text}{by}{limit}.")
    would = to_ms(suppression.get("would_have_fired_at"))
    if would is not None:
        at = words.clock(would, event_now)
        is_held = bool(reasons_of(body))
        sentences.append(
            f"Without that it would have fired at {at}." if is_held else f"It was held back first, at {at}."
        )
    scorers = [s for s in mappings(evidence.get("scorers")) if _voice(s) >= 2]
    if scorers:
        names = ", ".join(str(s.get("name")).replace("_", " ") for s in scorers)
        sentences.append(f"Seen by {names}. {_votes(evidence.get('votes') or {})}".strip())
    event = mapping(evidence.get("event"))
    if event:
        sentences.append(f"Calendar: {_event_finding(event)}.")
    elif "calendar" in mapping(evidence.get("checks")):
        sentences.append("Calendar: no event was on here.")
    witnesses = mappings(evidence.get("witnesses"))
    if witnesses:
        moved = [w for w in witnesses if abs(_float(w.get("surprise"))) >= 2]
        names = ", ".join(f"{w.get('metric')} {words.score(w.get('surprise'))}" for w in (moved or witnesses)[:4])
        verdict = f"{len(moved)} of {len(witnesses)} moved too" if moved else "none moved"
        sentences.append(f"Independent witnesses: {verdict} ({names}).")
    else:
        sentences.append("Independent witnesses: none could be asked.")
    return sentences


def _float(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _voice(scorer: Mapping[str, Any]) -> float:
    return max(abs(_float(scorer.get("surprise"))), abs(_float(scorer.get("peak"))))


def _votes(votes: Mapping[str, Any]) -> str:
    if not votes:
        return ""
    said = f"{votes.get('for', 0)} for, {votes.get('against', 0)} against, {votes.get('abstain', 0)} without an opinion"
    effective = votes.get("effective")
    return f"Votes: {said}" + (f"; worth {_float(effective):.1f} independent votes." if effective is not None else ".")


def _scorer(scorer: Mapping[str, Any]) -> dict[str, str]:
    return {
        "name": str(scorer.get("name", "")).replace("_", " "),
        "surprise": words.score(scorer.get("surprise")),
        "peak": words.score(scorer.get("peak")),
        "value": words.number(scorer.get("value")),
        "explains": str(scorer.get("explains", "")),
    }


def _checks(evidence: Mapping[str, Any]) -> list[Check]:
    results = mapping(evidence.get("checks"))
    known = [*(reason for reason in REASONS if reason in results), *sorted(set(results) - set(REASONS))]
    asked = {"calendar"} if mapping(evidence.get("event")) else set()
    asked |= {"stack"} if mappings(evidence.get("witnesses")) else set()
    checks = []
    for reason in known:
        holds = bool(results[reason])
        finding = _finding(reason, holds, evidence)
        verdict = "holds it" if holds else "does not explain it" if reason in asked else "nothing found"
        checks.append(Check(reason.replace("_", " "), verdict, finding, holds or reason in asked))
    return sorted(checks, key=lambda check: not check.is_interesting)


def _finding(reason: str, holds: bool, evidence: Mapping[str, Any]) -> str:
    event, witnesses = mapping(evidence.get("event")), mappings(evidence.get("witnesses"))
    if reason == "calendar" and event:
        return _event_finding(event)
    if reason == "stack" and witnesses:
        total = sum(_float(w.get("llr")) for w in witnesses)
        side = "for a cause outside" if total > 0 else "for a cause of our own"
        return f"witnesses speak {side} (log likelihood ratio {words.score(total)})"
    texts: Mapping[Any, str] = words.REASON_TEXT if holds else words.REASON_NOT
    return texts.get(reason, "")


def _event_finding(event: Mapping[str, Any]) -> str:
    name = str(event.get("title") or event.get("id"))
    verdict = "explains it" if event.get("explains") else "does not explain it"
    span = ""
    if event.get("lower") is not None and event.get("upper") is not None:
        span = f" ({words.percent(event['lower'])} to {words.percent(event['upper'])})"
    if event.get("predicted") is None and not span:
        return f"{name} was on; observed {words.percent(event.get('observed'))}; {verdict}"
    predicted = words.percent(event.get("predicted")) if event.get("predicted") is not None else "a change"
    return f"{name} predicts {predicted}{span}; observed {words.percent(event.get('observed'))}; {verdict}"


def _witness(witness: Mapping[str, Any]) -> dict[str, str]:
    said = {"metric", "stack", "surprise", "llr", "age", "age_ticks", "lag"}
    place = ", ".join(str(value) for name, value in witness.items() if name not in said and value != "*")
    surprise = witness.get("surprise")
    verdict = "no opinion" if surprise is None else "moved too" if abs(_float(surprise)) >= 2 else "as usual"
    return {
        "metric": str(witness.get("metric", "")),
        "place": place,
        "stack": str(witness.get("stack", "")),
        "surprise": words.score(surprise),
        "verdict": verdict,
        "llr": words.score(witness.get("llr")),
        "age": _age(witness),
    }


def _age(witness: Mapping[str, Any]) -> str:
    ticks = witness.get("age_ticks")
    if ticks is not None:
        return "this tick" if ticks == 0 else "1 tick" if ticks == 1 else f"{ticks} ticks"
    return str(witness.get("age", words.NOTHING))


def _event(event: Body, event_now: int) -> dict[str, str]:
    kind = str(event.get("type"))
    end = str(event.get("end") or "")
    text = words.EVENT_TEXT.get(kind, kind)  # type: ignore[call-overload]
    if kind == "updated" and event.get("summary"):
        text = str(event["summary"])
    return {
        "iso": str(event.get("time", "")),
        "time": words.clock(to_ms(event.get("time")), event_now),
        "type": kind,
        "text": f"{text}: {words.END_TEXT.get(end, end)}" if end else text,  # type: ignore[call-overload]
        "severity": str(event.get("severity", "")),
        "surprise": words.score(event.get("surprise")),
        "revision": str(event.get("revision", "")),
    }


def _links(body: Body) -> list[tuple[str, str]]:
    links = [(str(name), words.safe_link(url)) for name, url in mapping(body.get("links")).items()]
    return [(name, url) for name, url in links if url is not None and name not in RESERVED_LINKS]


def _small_print(body: Body, evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = [("Alarm", f"{body.get('alarm_id')}/{body.get('revision')}")]
    threshold = mapping(evidence.get("threshold"))
    if threshold:
        lines.append(
            ("Fused score", f"{words.number(threshold.get('fused'))}, told from {words.number(threshold.get('at'))}")
        )
        budget = mapping(threshold.get("budget"))
        if budget:
            realised = budget.get("realised")
            kept = f", realised {words.number(realised)}" if realised is not None else ""
            lines.append(("Alarm budget", f"{words.number(budget.get('rate'))} per {budget.get('per')}{kept}"))
    if body.get("p") is not None:
        lines.append(("Chance of this when nothing is wrong", f"{_float(body['p']):.1e}"))
    lines += [(name.replace("_", " ").capitalize(), str(value)) for name, value in mapping(body.get("model")).items()]
    return lines
