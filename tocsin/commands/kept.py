"""What the commands about alarms share: where to read, which alarms, how one line looks."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin.commands.options import DEFAULT_CONFIG, now_ms
from tocsin.listing import Form, show, yaml_text

if TYPE_CHECKING:
    from tocsin.api.store import AlarmQuery, Body
    from tocsin.kept_store import KeptStore

DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Read this data directory, without a configuration.", show_default=False),
]
MatchOption = Annotated[
    list[str] | None,
    typer.Option("--match", help="Labels: region=us-*,activity=login. Repeats: or.", show_default=False),
]
SinceOption = Annotated[
    str | None, typer.Option("--since", help="Going on, or ended after: 2h, now-6h, RFC 3339.", show_default=False)
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many, newest first.")]


def open_store(config: Path | None, data_dir: Path | None) -> KeptStore:
    """The store of a configuration's database, or of a data directory's journal."""
    from detector.errors import ConfigError
    from detector.schema import Schema
    from tocsin.alarm_labels import labels_of
    from tocsin.kept_store import KeptStore, open_kept

    if data_dir is not None:
        schema = Schema(dimensions=(), metrics=())
        return KeptStore(open_kept(data_dir, None), lambda body: labels_of(schema, body))
    if config is None and not DEFAULT_CONFIG.exists():
        raise ConfigError(f"expected -c with a configuration, or --data-dir; no {DEFAULT_CONFIG} here")
    from tocsin.config.load import load_config

    loaded = load_config(config or DEFAULT_CONFIG, needs_source=False)
    schema = loaded.schema()
    return KeptStore(open_kept(loaded.data_dir, loaded.database_url), lambda body: labels_of(schema, body))


def query(
    limit: int, *, states: Sequence[str] = (), severities: Sequence[str] = (), reasons: Sequence[str] = (),
    since: str | None = None, match: Sequence[str] | None = None, only_held: bool = False,
) -> AlarmQuery:  # fmt: skip
    """The checked query; errors name the flag, the value and what was expected."""
    from suppression.reasons import REASONS, STATES
    from tocsin.api.store import AlarmQuery
    from tocsin.moment import parse_moment

    return AlarmQuery(
        states=_one_of("--state", states, STATES),
        severities=_one_of("--severity", severities, ("info", "warning", "critical")),
        reasons=_one_of("--reason", reasons, REASONS),
        match=tuple(_patterns(text) for text in match or ()),
        since_ms=None if since is None else parse_moment(since, now_ms(), "--since", past=True),
        limit=limit,
        only_held=only_held,
    )


def find(store: KeptStore, alarm_id: str) -> Body:
    from detector.errors import ConfigError

    body = store.get(alarm_id.partition("/")[0])
    if body is None:
        raise ConfigError(f"ALARM: there is no alarm {alarm_id!r}; expected an id as `tocsin alarms list` shows it")
    return body


def line(store: KeptStore, body: Body) -> dict[str, Any]:
    """The columns of a listing."""
    from tocsin.web.words import change_of

    deviation = change_of(body)
    reasons = (body.get("suppression") or {}).get("reasons") or []
    series = body.get("series") or {}
    labels = " ".join(f"{name}={value}" for name, value in series.items() if name != "metric" and value != "*")
    return {
        "id": body.get("alarm_id"), "state": body.get("state"), "severity": body.get("severity"),
        "series": f"{series.get('metric', '')} {labels}".strip(), "since": body.get("starts_at"),
        "deviation": None if deviation is None else f"{deviation:+.0%}",
        "surprise": None if body.get("surprise") is None else f"{round(body['surprise'], 1) + 0.0:.1f}",
        "reason": ", ".join(str(r.get("reason")) for r in reasons) or None,
        "by": reasons[0].get("by") if reasons else None,
        "end": body.get("end"), "ended": body.get("ends_at"),
    }  # fmt: skip


def show_list(
    wanted: AlarmQuery, config: Path | None, data_dir: Path | None, columns: Mapping[str, str], form: Form
) -> None:
    """What a query finds: as lines for people, as whole alarms for programs."""
    store = open_store(config, data_dir)
    items = store.list(wanted).items
    show([line(store, body) if form is Form.table else dict(body) for body in items], columns, form)


def show_one(
    alarm: str, config: Path | None, data_dir: Path | None, form: Form, fields: Sequence[str] | None = None
) -> None:
    """One alarm with its timeline: a page for people; for programs all of it, or some fields."""
    import json

    store = open_store(config, data_dir)
    body = find(store, alarm)
    timeline = store.timeline(str(body["alarm_id"]))
    if fields is not None and form is not Form.table:
        body = {name: body.get(name) for name in fields}
    whole = {**body, "timeline": [dict(entry) for entry in timeline]}
    if form is Form.yaml:
        sys.stdout.write(yaml_text(whole))
    elif form is Form.table:
        from rich.console import Console

        from tocsin.evidence import page

        console = Console(file=sys.stdout, highlight=False)
        console = console if console.is_terminal else Console(file=sys.stdout, highlight=False, width=120)
        console.print(page(body, timeline))
    else:
        sys.stdout.write(json.dumps(whole, indent=2 if form is Form.json else None, ensure_ascii=False) + "\n")


def _one_of(flag: str, values: Sequence[str], allowed: Sequence[str]) -> frozenset[str]:
    from detector.errors import ConfigError

    names = [part.strip() for value in values for part in value.split(",")]
    for name in names:
        if name not in allowed:
            raise ConfigError(f"{flag}: expected one of {', '.join(allowed)}, got {name!r}")
    return frozenset(names)


def _patterns(text: str) -> dict[str, str]:
    from detector.errors import ConfigError

    patterns = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not name or not equals or not value:
            raise ConfigError(f"--match: expected region=us-*,activity=login, got {part!r}")
        patterns[name] = value
    return patterns
