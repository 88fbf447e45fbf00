"""Log lines for people and machines: structlog to stderr, JSON or plain text, secrets never shown."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal

import structlog

from detector.errors import ConfigError

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]
LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR,
}  # fmt: skip
HIDDEN = "<redacted>"
_SECRET_KEY = re.compile(r"password|secret|token|authorization|api_?key|credential", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")


def setup(level: str = "info", fmt: str = "json") -> None:
    """Sends every log line to stderr from now on, in the given form."""
    if level not in LEVELS:
        raise ConfigError(f"log.level: expected one of {', '.join(LEVELS)}, got {level!r}")
    if fmt not in ("json", "console"):
        raise ConfigError(f"log.format: expected json or console, got {fmt!r}")
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.dict_tracebacks if fmt == "json" else structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(default=str)
            if fmt == "json"
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger(part: str) -> Any:
    """A logger whose lines say which part of the program speaks."""
    return structlog.get_logger(part=part)


def redact(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hides values under names of secrets, and passwords inside URLs, at any depth."""
    for name, value in line.items():
        line[name] = HIDDEN if _SECRET_KEY.search(name) else _clean(value)
    return line


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _USERINFO.sub(rf"\1:{HIDDEN}@", value)
    if isinstance(value, Mapping):
        return {k: HIDDEN if isinstance(k, str) and _SECRET_KEY.search(k) else _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(v) for v in value]
    return value
