"""Prometheus' `query_range`: one request with retries, its answer as times and values per label set."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.errors import ConfigError, UnreachableError

TRIES = 6
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
MOST_BYTES = 512 * 2**20  # of an answer
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class TooLargeError(Exception):
    """The server, or we, cannot handle so much at once; a shorter range may do."""


@dataclass(frozen=True, slots=True)
class PrometheusConnection:
    """Where the server is and how we prove who we are; `headers` and `password` are secrets and never shown."""

    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    timeout_ms: int = 60_000


class Line(NamedTuple):
    """One series of an answer."""

    labels: dict[str, str]
    time_ms: NDArray[np.int64]  # (N,)
    value: NDArray[np.float64]  # (N,) NaN where the server said NaN


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []  # native histograms have none


class _Data(msgspec.Struct):
    resultType: str
    result: list[_Series]


class _Answer(msgspec.Struct):
    status: str
    data: _Data | None = None
    error: str = ""
    errorType: str = ""


class QueryRange:
    """Asks one server. Retries what may pass; says `TooLargeError` where less should be asked for."""

    def __init__(self, connection: PrometheusConnection, sleep: Callable[[float], None] = time.sleep) -> None:
        self._connection, self._sleep = connection, sleep
        self._client: Any = None

    def ask(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> list[Line]:
        """Values at `start_ms`, + step, … `end_ms` (included).

        Raises `UnreachableError` after `TRIES`, `ConfigError` where the server does not accept the query.
        """
        form = {"query": query, "start": f"{start_ms / 1000:.3f}", "end": f"{end_ms / 1000:.3f}",
                "step": f"{step_ms / 1000:.3f}"}  # fmt: skip
        pause_s = FIRST_PAUSE_S
        for left in reversed(range(TRIES)):
            status, body, why = self._post(form)
            if status is not None and status not in AGAIN:
                return self._read(status, body, query)
            if status == 503 and b"timed out" in body and end_ms > start_ms:
                raise TooLargeError(_words(body))
            if left:
                self._sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        raise UnreachableError(f"{self._connection.url}: cannot be reached: {why or f'{status} {_words(body)}'}")

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _post(self, form: Mapping[str, str]) -> tuple[int | None, bytes, str]:
        """Status and body, or None and what went wrong on the way."""
        import httpx

        own = self._connection
        try:
            if self._client is None:
                auth = (own.username, own.password or "") if own.username else None
                verify: Any = own.ca_file or True
                if own.ca_file:
                    import ssl

                    verify = ssl.create_default_context(cafile=own.ca_file)
                self._client = httpx.Client(
                    base_url=own.url.rstrip("/"), headers=dict(own.headers), auth=auth, verify=verify,
                    timeout=own.timeout_ms / 1000, follow_redirects=False,
                )  # fmt: skip
            with self._client.stream("POST", "/api/v1/query_range", data=form) as answer:
                body = bytearray()
                for piece in answer.iter_bytes():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise TooLargeError(f"an answer of more than {MOST_BYTES >> 20} MiB")
                return answer.status_code, bytes(body), ""
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ConfigError(f"source.prometheus.url: expected http:// or https://, got {own.url!r}") from error
        except httpx.HTTPError as error:
            return None, b"", f"{type(error).__name__}: {error}"
        except OSError as error:  # the CA file
            raise ConfigError(f"source.prometheus.ca_file: {own.ca_file}: {error.strerror or error}") from error

    def _read(self, status: int, body: bytes, query: str) -> list[Line]:
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except msgspec.MsgspecError as error:
            if status in (401, 403):
                raise ConfigError(
                    f"source.prometheus: the server answers {status}: expected other credentials"
                ) from None
            raise ConfigError(
                f"source.prometheus.url: expected the answer of Prometheus' query_range, got status {status}: "
                f"{_words(body)} ({error})"
            ) from None
        if status == 200 and answer.data is not None and answer.status == "success":
            return [_line(series) for series in answer.data.result]
        if status == 422 and ("too many samples" in answer.error or "maximum resolution" in answer.error):
            raise TooLargeError(answer.error)
        if "exceeded maximum resolution" in answer.error:
            raise TooLargeError(answer.error)
        raise ConfigError(f"source.prometheus.queries: {query!r}: {answer.errorType or status}: {answer.error[:300]}")


def _line(series: _Series) -> Line:
    n = len(series.values)
    times = np.fromiter((round(1000 * t) for t, _ in series.values), np.int64, n)
    values = np.fromiter((float(v) for _, v in series.values), np.float64, n)  # "NaN" and "+Inf" are numbers to float
    return Line(series.metric, times, values)


def _words(body: bytes) -> str:
    return " ".join(body[:200].decode("utf-8", "replace").split())
