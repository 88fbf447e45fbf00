"""Health, readiness, reload and metrics, on the paths that Prometheus' own servers use."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from tocsin.api.answers import json_answer, problem
from tocsin.api.live import LiveView
from tocsin.exposition import CONTENT_TYPE

Reload = Callable[[], Sequence[str]]  # reads our own files again; answers with faults, each a sentence


def management_routes(view: LiveView, reload: Reload | None) -> APIRouter:
    """Routes of an operator's tools; `reload` is left out where nothing can be read again."""
    routes = APIRouter(tags=["management"])

    @routes.get("/-/healthy", summary="Does the loop turn?")
    def healthy() -> Response:
        reasons = list(view.status().not_healthy)
        if reasons:
            return json_answer({"healthy": False, "reasons": reasons}, 503)
        return PlainTextResponse("Tocsin is healthy.\n")

    @routes.get("/-/ready", summary="Assigned, restored, caught up once?")
    def ready() -> Response:
        reasons = list(view.status().not_ready)
        return json_answer({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    @routes.post("/-/reload", summary="Reads configuration, calendar and silences again.", status_code=202)
    async def reload_files(request: Request) -> Response:
        if not is_from_here(request):
            return problem(403, "reload: expected a request from this machine itself; send SIGHUP otherwise")
        if reload is None:
            return problem(501, "reload: nothing here can be read again")
        faults = list(await run_in_threadpool(reload))
        if faults:
            return problem(422, "the last good files stay in force", faults=faults)
        return json_answer({"reloaded": True}, 202)

    @routes.get("/metrics", summary="Metrics about Tocsin itself.")
    def metrics(request: Request) -> Response:
        text, content_type = view.metrics_text(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": content_type})

    @routes.get("/metrics/series", summary="Alarms, surprise and coverage of the watched series.")
    def series() -> Response:
        return Response(view.series.render(), headers={"content-type": CONTENT_TYPE})

    return routes


def is_from_here(request: Request) -> bool:
    """Did a program of this machine send it: loopback, not handed on by a proxy, not by a foreign page's script?"""
    if request.client is None or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
