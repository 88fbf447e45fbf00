"""The web application: routes, errors as problems, and the guard around everything."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from tocsin import __version__
from tocsin.api.alarms import NotFoundError, api_routes
from tocsin.api.answers import json_answer, new_reference, problem
from tocsin.api.guard import Guard
from tocsin.api.live import LiveView
from tocsin.api.management import Reload, management_routes
from tocsin.api.query import QueryError
from tocsin.api.store import AlarmStore
from tocsin.web.pages import error_page, page_routes

log = logging.getLogger("tocsin.api")


def create_app(
    view: LiveView,
    *,
    store: AlarmStore | None = None,
    reload: Reload | None = None,
    external_url: str = "",
    hosts: Iterable[str] = (),
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    revision: str = "",
) -> ASGIApp:
    """Everything that is served, from what `view` was told.

    `store` replaces the view's own memory of alarms (the history database, say). `reload` reads our files again and
    answers with faults. `external_url` and `hosts` say under which names people may come. `now_ms` is the wall clock.
    """
    store = store or view.store
    app = FastAPI(
        title="Tocsin",
        version=__version__,
        description="Alarms with their evidence, and everything that was held back. Read only.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.include_router(management_routes(view, reload))
    app.include_router(api_routes(view, store, now_ms, revision))
    app.include_router(page_routes(view, store, now_ms), include_in_schema=False)

    @app.get("/api/v1/openapi.json", include_in_schema=False)
    def openapi() -> Response:
        return json_answer(app.openapi())

    _answer_errors(app)
    name = urlsplit(external_url).hostname
    return Guard(app, [*hosts, *([name] if name else [])])


def _answer_errors(app: FastAPI) -> None:
    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = f"{request.method} {request.url.path[:200]}: {error.detail}"
        return _error(request, error.status_code, detail, dict(error.headers or {}))

    async def not_found(request: Request, error: Exception) -> Response:
        return _error(request, 404, str(error))

    async def bad_query(request: Request, error: Exception) -> Response:
        return _error(request, 400, str(error))

    async def bad_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        places = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        return _error(request, 422, places)

    async def unexpected(request: Request, error: Exception) -> Response:
        reference = new_reference()
        log.error("request failed", exc_info=error, extra={"reference": reference, "path": request.url.path[:200]})
        detail = "something failed on our side; the log tells more under this reference"
        return _error(request, 500, detail, reference=reference)

    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(NotFoundError, not_found)
    app.add_exception_handler(QueryError, bad_query)
    app.add_exception_handler(RequestValidationError, bad_request)
    app.add_exception_handler(Exception, unexpected)


def _error(
    request: Request, status: int, detail: str, headers: dict[str, str] | None = None, reference: str | None = None
) -> Response:
    """A page for people who came by a link, a problem for programs."""
    is_page = request.method == "GET" and not request.url.path.startswith(("/api/", "/-/", "/metrics", "/static/"))
    if is_page and "text/html" in request.headers.get("accept", ""):
        return error_page(status, detail, reference or new_reference())
    return problem(status, detail, headers, reference=reference)
