"""The pages' routes: inbox, one alarm, and the files they load."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tocsin.api.alarms import NotFoundError, find
from tocsin.api.live import LiveView
from tocsin.api.store import AlarmStore
from tocsin.web.alarm import alarm_view
from tocsin.web.assets import address, manifest
from tocsin.web.inbox import event_time, inbox


def page_routes(view: LiveView, store: AlarmStore, now_ms: Callable[[], int]) -> APIRouter:
    """Routes that people open; `now_ms` is the wall clock, used before the first tick only."""
    routes = APIRouter(tags=["pages"])

    @routes.get("/")
    def home() -> Response:
        return RedirectResponse("/alarms", 307)

    @routes.get("/alarms")
    def show_inbox(request: Request) -> Response:
        return page("inbox.html", inbox=inbox(view, store, request.query_params, now_ms()))

    @routes.get("/alarms/rows")
    def show_rows(request: Request) -> Response:
        return page("rows.html", inbox=inbox(view, store, request.query_params, now_ms()))

    @routes.get("/alarms/{alarm_id}")
    def show_alarm(alarm_id: str) -> Response:
        body = find(store, alarm_id)
        shown = alarm_view(body, store.timeline(alarm_id), event_time(view, now_ms()), store.points(alarm_id))
        return page("alarm.html", alarm=shown)

    @routes.get("/favicon.ico")
    def favicon(request: Request) -> Response:
        return _asset("favicon.svg", request)

    @routes.get("/static/{name:path}")
    def static(name: str, request: Request) -> Response:
        return _asset(name, request)

    return routes


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A filled template."""
    return HTMLResponse(_environment().get_template(template).render(values), status)


def error_page(status: int, detail: str, reference: str) -> HTMLResponse:
    """What went wrong, for people who came by a link."""
    return page("error.html", status, title=HTTPStatus(status).phrase, detail=detail, reference=reference)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tocsin.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = address
    return environment


def _asset(name: str, request: Request) -> Response:
    asset = manifest().get(name)
    if asset is None:
        raise NotFoundError(f"no file has the name {name[:64]!r}")
    headers = {"etag": f'"{asset.tag}"', "cache-control": "public, max-age=3600"}
    if f'"{asset.tag}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.content_type)
