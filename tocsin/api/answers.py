"""How we answer: JSON, and errors as RFC 9457 problem details with a reference and never a traceback."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

PROBLEM = "application/problem+json"


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Any JSON value; NaN and infinities become null."""
    return Response(msgspec.json.encode(value), status, dict(headers or {}), "application/json")


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, *, reference: str | None = None, **more: Any
) -> Response:
    """One error: what was wrong, where, and what was expected; `reference` finds it in the log."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail} | more
    body["reference"] = reference or new_reference()
    return Response(msgspec.json.encode(body), status, dict(headers or {}), PROBLEM)


def new_reference() -> str:
    """A short id that joins an answer with its line in the log."""
    return secrets.token_hex(6)
