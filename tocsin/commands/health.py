"""`tocsin health`: asks a running Tocsin whether its loop turns; for HEALTHCHECK, needs no curl."""

from __future__ import annotations

import http.client
from typing import Annotated
from urllib.parse import urlsplit

import typer

from detector.errors import ConfigError, UnreachableError

SECONDS = 5.0
URL = "http://127.0.0.1:9464"


def health(
    url: Annotated[str, typer.Option(help="Where Tocsin listens (web.listen).", envvar="TOCSIN_URL")] = URL,
) -> None:
    """Exits 0 if Tocsin is healthy, 3 if it is not or cannot be reached."""
    typer.echo(ask(url))


def ask(url: str, timeout_s: float = SECONDS) -> str:
    """What `/-/healthy` answers; raises UnreachableError unless the answer is 200."""
    connection = _connection(url, timeout_s)
    try:
        connection.request("GET", f"{urlsplit(url).path.rstrip('/')}/-/healthy")
        answer = connection.getresponse()
        text = answer.read(4096).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{url}: cannot be asked: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise UnreachableError(f"{url}: not healthy ({answer.status}): {text}")
    return text


def _connection(url: str, timeout_s: float) -> http.client.HTTPConnection:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"--url: {error}, got {url!r}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"--url: expected an address such as {URL}, got {url!r}")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(parts.hostname, port, timeout=timeout_s)
    return http.client.HTTPConnection(parts.hostname, port, timeout=timeout_s)
