"""The Prometheus source: what it asks for, what it makes of the answers, what it does when there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from connectors.query_range import PrometheusConnection
from connectors.sources.prometheus import MOST_POINTS, PrometheusSettings, PrometheusSource
from detector.errors import ConfigError, UnreachableError
from detector.frame import Batch
from tests.connectors.query_range_server import Asked, Fault, Series, query_range

MINUTE = 60_000
T = 1_760_000_040_000 // MINUTE * MINUTE


def at(region: str, value: float = 1.0) -> Series:
    return {"region": region}, lambda t: str(value * ((t - T) // MINUTE))


def source(url: str, ticks: int = 30, **more: Any) -> PrometheusSource:
    connection = PrometheusConnection(url, **more.pop("connection", {}))
    settings = PrometheusSettings(
        connection, (("requests", "q"),), {"requests": ("region",)}, T, T + ticks * MINUTE, **more
    )
    return PrometheusSource(settings, sleep=lambda seconds: None)


def read(from_: PrometheusSource, positions: dict[str, int] | None = None) -> list[Batch]:
    from_.open(positions or {})
    batches: list[Batch] = []
    while not from_.is_finished():
        batches += from_.poll(0)
    from_.close()
    return batches


@pytest.mark.parametrize(("is_end_stamped", "first"), [(True, 1.0), (False, 0.0)])
def test_a_value_belongs_to_the_step_that_it_speaks_of(is_end_stamped: bool, first: float) -> None:
    """increase(x[1m]) at t is the minute that ends at t: the sample lies in the tick that begins then."""
    with query_range({"q": [at("eu")]}) as (url, _):
        (batch,) = read(source(url, is_end_stamped=is_end_stamped))

    assert [T + i * MINUTE for i in range(30)] == batch.time_ms.tolist()
    assert [first + i for i in range(30)] == batch.value.tolist()


def test_no_request_asks_for_more_than_the_server_gives() -> None:
    """A long range comes in pieces without hole or overlap, each below the limit of 11,000 points."""
    ticks = 40_000
    with query_range({"q": [at("eu")]}) as (url, asked):
        batches = read(source(url, ticks=ticks))

    points = [(a["end"] - a["start"]) // a["step"] + 1 for a in asked]
    assert ticks == sum(points) == sum(len(b) for b in batches)
    assert max(points) <= MOST_POINTS < 11_000
    assert len(points) < 12
    assert (np.diff(np.concatenate([b.time_ms for b in batches])) == MINUTE).all()


def test_stale_is_absent_nan_a_gap_and_infinite_refused() -> None:
    """As the reference says; the three are told apart."""
    table = {T + MINUTE: None, T + 2 * MINUTE: "NaN", T + 3 * MINUTE: "+Inf"}
    series: Series = {"region": "eu"}, lambda t: table.get(t, "5")
    with query_range({"q": [series]}) as (url, _):
        (batch,) = read(source(url, ticks=5, is_end_stamped=False))

    assert [T, T + 2 * MINUTE, T + 4 * MINUTE] == batch.time_ms.tolist()
    assert [False, True, False] == np.isnan(batch.value).tolist()
    assert [("bad_value", 1)] == [(r.reason, r.samples) for r in batch.rejected]


def test_labels_become_the_key_and_a_missing_one_is_refused() -> None:
    """A series without a declared label cannot be placed."""
    with query_range({"q": [at("eu"), ({"zone": "x"}, lambda t: "1")]}) as (url, _):
        (batch,) = read(source(url, ticks=3))

    assert {("requests", "eu")} == set(batch.keys)
    assert [("bad_label", 3)] == [(r.reason, r.samples) for r in batch.rejected]


def test_two_series_of_equal_labels_ask_for_an_aggregation() -> None:
    """They would be summed or lost in silence: the query is wrong, and the message says how to mend it."""
    with (
        query_range({"q": [at("eu"), ({"region": "eu", "pod": "b"}, lambda t: "1")]}) as (url, _),
        pytest.raises(ConfigError, match=r"aggregate, for example sum by \(region\)"),
    ):
        read(source(url))


def test_what_passes_is_tried_again() -> None:
    """Three overloaded answers, then data."""

    def fault(number: int, asked: Asked) -> Fault | None:
        return (503, {"status": "error", "error": "busy", "errorType": "unavailable"}) if number <= 3 else None

    with query_range({"q": [at("eu")]}, fault) as (url, asked):
        batches = read(source(url))

    assert (4, 30) == (len(asked), sum(len(b) for b in batches))


def test_too_many_samples_at_once_are_asked_for_in_smaller_pieces() -> None:
    """The server's own limit is not known to us: it says so, and everything still comes once."""

    def fault(number: int, asked: Asked) -> Fault | None:
        if (asked["end"] - asked["start"]) // MINUTE < 100:
            return None
        error = "query processing would load too many samples into memory in query execution"
        return 422, {"status": "error", "errorType": "execution", "error": error}

    with query_range({"q": [at("eu")]}, fault) as (url, _):
        batches = read(source(url, ticks=300))

    assert [T + i * MINUTE for i in range(300)] == np.concatenate([b.time_ms for b in batches]).tolist()


@pytest.mark.parametrize(
    ("status", "error", "kind", "words"),
    [
        (400, "parse error: unexpected end", ConfigError, "parse error"),
        (500, "disk", UnreachableError, "cannot be reached: 500"),
    ],
)
def test_what_does_not_pass_is_told(status: int, error: str, kind: type[Exception], words: str) -> None:
    """A wrong query is the user's, a broken server is unreachable (exit code 3)."""
    answer = {"status": "error", "errorType": "bad_data", "error": error}
    with query_range({"q": []}, lambda number, asked: (status, answer)) as (url, _), pytest.raises(kind, match=words):
        read(source(url))


def test_nobody_listens() -> None:
    """A server that is not there is unreachable, after retries."""
    with pytest.raises(UnreachableError, match="cannot be reached"):
        read(source("http://127.0.0.1:9"))


def test_credentials_are_sent_and_never_shown() -> None:
    """Headers arrive; the repr of the connection does not have them."""
    secret = {"headers": (("Authorization", "Bearer s3cret"),)}
    with query_range({"q": [at("eu")]}) as (url, asked):
        read(source(url, connection=secret))

    assert "Bearer s3cret" == asked[0]["headers"]["Authorization"]
    assert "s3cret" not in repr(PrometheusConnection("http://x", **secret))  # type: ignore[arg-type]
