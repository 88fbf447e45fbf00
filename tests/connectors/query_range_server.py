"""A stand-in for Prometheus' query_range on the loopback: answers from a table, and fails on demand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from tests.serving import Quiet, serve

Asked = dict[str, Any]
Series = tuple[Mapping[str, str], Callable[[int], str | None]]  # labels, time in ms → value, None: stale
Fault = tuple[int, dict[str, Any]]


@contextmanager
def query_range(
    series: Mapping[str, list[Series]], fault: Callable[[int, Asked], Fault | None] = lambda number, asked: None
) -> Iterator[tuple[str, list[Asked]]]:
    """Gives the URL, and what was asked so far; `fault(number, asked)` may answer instead."""
    asked: list[Asked] = []

    class Handler(Quiet):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            start, end, step = (round(1000 * float(form[name][0])) for name in ("start", "end", "step"))
            one = {"query": form["query"][0], "start": start, "end": end, "step": step, "headers": dict(self.headers)}
            asked.append(one)
            failed = fault(len(asked), one)
            status, answer = failed or (200, _matrix(series[one["query"]], range(start, end + 1, step)))
            self.answer(status, json.dumps(answer).encode())

    with serve(Handler) as at:
        yield f"http://{at}", asked


def _matrix(series: list[Series], times: range) -> dict[str, Any]:
    result = []
    for labels, value_at in series:
        values = [[t / 1000, v] for t in times if (v := value_at(t)) is not None]
        if values:
            result.append({"metric": dict(labels), "values": values})
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}
