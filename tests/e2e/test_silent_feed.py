"""A feed that stops in a real Kafka: the alarm on it is told while nothing comes, and resolved when it is back."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.broker import Broker
from tests.e2e.grid import ROOT
from tests.e2e.processes import end, free_port, spawn, tail
from tests.e2e.prometheus import eventually
from tests.e2e.receiver import Post, receiver

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
TICK_MS = 10_000
TICKS = 30_000  # three days and a half: of three series together that is known for long enough
SERVERS = ("a", "b", "c")


def messages(first_ms: int, ticks: int, seed: int) -> list[bytes | None]:
    """Columnar messages of a thousand ticks of all series, in order of time."""
    rng = np.random.default_rng(seed)
    out: list[bytes | None] = []
    for begin in range(0, ticks, 1000):
        here = range(begin, min(begin + 1000, ticks))
        points = {
            "ts": [first_ms + t * TICK_MS for t in here for _ in SERVERS],
            "server": [server for _ in here for server in SERVERS],
            "value": (100 + rng.standard_normal(len(here) * len(SERVERS))).round(3).tolist(),
        }
        out.append(json.dumps({"points": points}).encode())
    return out


def config(folder: Path, broker: Broker, topic: str, url: str, port: int) -> Path:
    file = folder / "tocsin.yaml"
    document = {
        "version": 1, "node": {"data_dir": "data"}, "web": {"listen": f"127.0.0.1:{port}"},
        "source": {
            "kafka": {"bootstrap_servers": [broker.bootstrap], "topics": [topic]},
            "format": {"layout": "columnar", "samples": "points"},
        },
        "dimensions": {"server": {"peers": False}}, "metrics": {"load": {}}, "interval": "10s",
        "allowed_lateness": "1s", "warmup": "2h", "alarm_budget": {"rate": 1, "per": "series-week"},
        "outputs": {"webhooks": [{"name": "pager", "url": url}]},
    }  # fmt: skip
    file.write_text(json.dumps(document))  # JSON is YAML
    return file


def of_feed(posts: list[Post]) -> list[dict[str, Any]]:
    """What was posted about the feed, each message once, in order."""
    bodies = {post.headers["webhook-id"]: json.loads(post.body) for post in posts}
    return [body for body in bodies.values() if body["data"].get("feed")]


@pytest.mark.timeout(900)
def test_a_feed_that_stops_is_paged_once_and_resolved(tmp_path: Path, broker: Broker) -> None:
    """Nothing closes its ticks but our clock; the daemon is killed while the feed is silent, and pages nobody twice."""
    topic, log = broker.new_topic(1, stem="load"), tmp_path / "run.log"
    now_ms = int(time.time() * 1000) // TICK_MS * TICK_MS
    broker.produce(topic, messages(now_ms - TICKS * TICK_MS, TICKS, 1))
    with receiver() as (url, posts):
        file = config(tmp_path, broker, topic, url, free_port())
        command = [sys.executable, "-m", "tocsin.cli", "run", "-c", str(file)]
        process = spawn(command, log, cwd=ROOT)
        try:
            fired = eventually(lambda: of_feed(posts), seconds=400)
            assert fired, tail(log)
            process.send_signal(signal.SIGKILL)
            process.wait(30)
            process = spawn(command, log, cwd=ROOT)
            time.sleep(30)  # silence goes on; it is told already
            silent = of_feed(posts)
            back_ms = int(time.time() * 1000) // TICK_MS * TICK_MS + TICK_MS
            broker.produce(topic, messages(back_ms, 40, 2))
            resolved = eventually(lambda: of_feed(posts)[1:], seconds=200)
        finally:
            end(process)

    assert ["fired"] == [body["type"].split(".")[-2] for body in silent]
    assert resolved, tail(log)
    first, last = silent[0]["data"], resolved[0]["data"]
    assert ("firing", "resolved", "recovered") == (first["state"], last["state"], last["end"])
    assert first["alarm_id"] == last["alarm_id"]
    assert {"stack": "", "metrics": ["load"], "series": 3} == {n: v for n, v in first["feed"].items() if n != "since"}
    assert first["starts_at"] == first["feed"]["since"]
    assert 2 == len(of_feed(posts))
