"""The read-only API: alarms with evidence, the ledger of what was held, series, build."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from tocsin import __version__
from tocsin.alarm_labels import labels_of
from tocsin.api.answers import json_answer
from tocsin.api.live import LiveView
from tocsin.api.memory_store import matches
from tocsin.api.query import (
    ALARM_ID,
    QueryError,
    alarm_query,
    cursor_of,
    expect_known,
    limit_of,
    match_of,
    one_of,
)
from tocsin.api.store import AlarmStore, Body
from tocsin.outcome import ROW_STATES


class NotFoundError(Exception):
    """There is no such thing; the message says what was looked for."""


def api_routes(view: LiveView, store: AlarmStore, now_ms: Callable[[], int], revision: str) -> APIRouter:
    """Routes under /api/v1; `now_ms` is the wall clock that relative times are counted from."""
    routes = APIRouter(prefix="/api/v1", tags=["alarms"])

    @routes.get("/alarms", summary="Alarms, newest start first.", openapi_extra=_query("state", "severity"))
    def list_alarms(request: Request) -> Response:
        page = store.list(alarm_query(request.query_params, now_ms()))
        return json_answer({"items": page.items, "next": page.next})

    @routes.get("/suppressed", summary="The ledger: all that was ever held.", openapi_extra=_query())
    def list_suppressed(request: Request) -> Response:
        page = store.list(alarm_query(request.query_params, now_ms(), only_held=True))
        return json_answer({"items": page.items, "next": page.next})

    @routes.get("/alarms/{alarm_id}", summary="One alarm with its evidence.")
    def get_alarm(alarm_id: str) -> Response:
        return json_answer(find(store, alarm_id))

    @routes.get("/alarms/{alarm_id}/timeline", summary="Its events, oldest first.")
    def get_timeline(alarm_id: str) -> Response:
        find(store, alarm_id)
        return json_answer({"items": store.timeline(alarm_id), "next": None})

    @routes.get("/alarms/{alarm_id}/points", summary="Its row over time, as columns; t in ms UTC.")
    def get_points(alarm_id: str) -> Response:
        return json_answer(points_answer(view, store, find(store, alarm_id)))

    @routes.get("/series", summary="Rows as the last closed tick left them.", openapi_extra=_query("state"))
    def list_series(request: Request) -> Response:
        return json_answer(_series(view, request))

    @routes.get("/status/buildinfo", summary="What is running.", tags=["management"])
    def buildinfo() -> Response:
        return json_answer(
            {"version": __version__, "revision": revision, "python_version": platform.python_version()},
        )

    return routes


def find(store: AlarmStore, alarm_id: str) -> Body:
    """The alarm of this id; raises NotFoundError."""
    body = store.get(alarm_id) if ALARM_ID.fullmatch(alarm_id) else None
    if body is None:
        raise NotFoundError(f"no alarm has the id {alarm_id[:64]!r}")
    return body


def points_answer(view: LiveView, store: AlarmStore, body: Body) -> dict[str, Any]:
    """Columns and spans for a chart; empty columns when nothing was kept."""
    points = store.points(str(body["alarm_id"]))
    columns: dict[str, Any] = dict.fromkeys(("t", "observed", "expected", "lower", "upper"), ())
    if points is not None:
        columns = dict(zip(columns, points, strict=True))
    spans = [{"kind": s.kind, "id": s.id, "from": s.from_ms, "to": s.to_ms} for s in view.spans_of(body)]
    return columns | {"spans": spans, "labels": labels_of(view.schema, body, "present")}


def _series(view: LiveView, request: Request) -> dict[str, Any]:
    parameters = request.query_params
    expect_known(parameters, {"match", "state", "limit", "cursor"})
    states, patterns, limit = one_of(parameters, "state", ROW_STATES), match_of(parameters), limit_of(parameters)
    number = 0
    items: list[Body] = []
    start = _row_cursor(cursor_of(parameters))
    for outcome in view.newest():
        for row in range(len(outcome.state)):
            number += 1
            state = ROW_STATES[int(outcome.state[row])]
            if number <= start or (states and state not in states):
                continue
            labels = outcome.index.labels(row)
            if patterns and not any(matches(pattern, labels) for pattern in patterns):
                continue
            if len(items) == limit:
                return {"items": items, "next": str(number - 1)}
            values = {
                name: float(getattr(outcome, name)[row])
                for name in ("observed", "expected", "lower", "upper", "surprise")
            }
            items.append({"labels": labels, "state": state, "t": outcome.t_ms, **values})
    return {"items": items, "next": None}


def _row_cursor(text: str | None) -> int:
    if text is not None and not text.isdecimal():
        raise QueryError(f"cursor: expected `next` of the page before, got {text!r}")
    return int(text or 0)


def _query(*names: str) -> dict[str, Any]:
    """What OpenAPI says of the parameters, which we read by hand for the sake of their error messages."""
    texts = {
        "since": "RFC 3339, or relative such as 6h or now-6h: still going on then, or later",
        "match": "label=pattern pairs joined by commas; repeat it for a union",
        "limit": "1 to 1000, default 100",
        "cursor": "`next` of the page before",
    }
    parameters = [
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in (dict.fromkeys(names, "one or several, joined by commas") | texts).items()
    ]
    return {"parameters": parameters}
