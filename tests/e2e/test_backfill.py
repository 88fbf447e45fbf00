"""Backfill from a real Prometheus and a real Kafka, and the daemon that goes on after it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from connectors import snapshot
from tests.e2e.broker import Broker
from tests.e2e.parts import require
from tests.e2e.processes import end, free_port, spawn, wait_until
from tests.e2e.prometheus import _is_ready

pytestmark = [pytest.mark.e2e]
ROOT = Path(__file__).parents[2]
TICK_S = 300
HISTORY = 3 * 24 * 12  # ticks: three days of five minutes
REGIONS = ("eu", "us", "asia")
PARTITION = {"eu": 0, "us": 1, "asia": 0}


def count(region: str, t_s: int) -> int:
    """A calm count with a day in it."""
    return round(200 * (1 + 0.4 * math.sin(2 * math.pi * (t_s % 86_400) / 86_400)) * (1 + REGIONS.index(region)))


def written(folder: Path, **source: Any) -> Path:
    """A configuration; `source` as its section."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "tocsin.yaml"
    document = {
        "version": 1, "node": {"data_dir": "data"}, "source": source, "dimensions": {"region": {}},
        "metrics": {"requests": {"kind": "count"}}, "interval": "5m", "allowed_lateness": "5m",
        "web": {"listen": f"127.0.0.1:{free_port()}"}, "log": {"level": "warning"},
    }  # fmt: skip
    file.write_text(json.dumps(document))  # JSON is YAML
    return file


def tocsin(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tocsin.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)


def state(config: Path) -> dict[str, Any]:
    return snapshot.read(snapshot.newest_first(config.parent / "data" / "snapshots")[0]).header


def scored(header: dict[str, Any]) -> dict[tuple[str, str], int]:
    """(result, reason) → samples, over all partitions."""
    found: dict[tuple[str, str], int] = {}
    for _, result, reason, n in header["engine"]["fates"]:
        found[result, reason] = found.get((result, reason), 0) + n
    return found


def produce(broker: Broker, topic: str, times: range) -> int:
    values: dict[int, list[bytes | None]] = {0: [], 1: []}
    for t_s in times:
        for region in REGIONS:
            message = {"ts": 1000 * t_s, "region": region, "value": count(region, t_s)}
            values[PARTITION[region]].append(json.dumps(message).encode())
    for partition, mine in values.items():
        broker.produce(topic, mine, partition=partition)
    return sum(map(len, values.values()))


@pytest.mark.timeout(300)
def test_a_topic_is_learnt_and_run_reads_on_where_that_ended(tmp_path: Path, broker: Broker) -> None:
    """Every record is scored once, by the backfill's snapshot or by the daemon after it."""
    topic = broker.new_topic(2, stem="history")
    start = 1_760_000_000 // TICK_S * TICK_S
    kafka = {"bootstrap_servers": [broker.bootstrap], "topics": [topic], "start": "earliest"}
    config = written(tmp_path, kind="kafka", kafka=kafka)
    sent = produce(broker, topic, range(start, start + HISTORY * TICK_S, TICK_S))

    done = tocsin("backfill", "-c", config, "--from", "2025-10-01T00:00:00Z")
    assert 0 == done.returncode, done.stderr
    learnt = state(config)
    sent += produce(broker, topic, range(start + HISTORY * TICK_S, start + (HISTORY + 40) * TICK_S, TICK_S))
    from kafka import KafkaProducer

    from connectors.feed_end import end_record

    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    value, headers = end_record(1000 * (start + (HISTORY + 40) * TICK_S))
    for partition in (0, 1):
        producer.send(topic, value, partition=partition, headers=headers).get(30)
    producer.close()
    ran = tocsin("run", "-c", config, "--once")

    assert 0 == ran.returncode, ran.stderr
    assert sum(learnt["positions"].values()) == 3 * HISTORY
    assert learnt["ticks"]["300000"] < 1000 * (start + HISTORY * TICK_S)
    assert {("scored", ""): sent} == scored(state(config))
    assert state(config)["ticks"]["300000"] == 1000 * (start + (HISTORY + 39) * TICK_S)


@pytest.mark.timeout(300)
def test_a_real_prometheus_is_learnt_and_the_topic_goes_on(tmp_path: Path, broker: Broker, promtool: str) -> None:
    """Three days in Prometheus, then the topic from that time on: nothing twice, no tick left out."""
    now = int(time.time()) // TICK_S * TICK_S
    start = now - HISTORY * TICK_S
    lines = ["# TYPE app_requests gauge"]
    for region in REGIONS:
        lines += [f'app_requests{{area="{region}"}} {count(region, t)} {t}' for t in range(start, now, TICK_S)]
    (tmp_path / "history.om").write_text("\n".join([*lines, "# EOF", ""]))
    blocks = tmp_path / "blocks"
    made = subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", str(tmp_path / "history.om"), str(blocks)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert 0 == made.returncode, made.stderr
    port, log = free_port(), tmp_path / "prometheus.log"
    (tmp_path / "prometheus.yml").write_text("{}")
    server = spawn(
        [require("prometheus"), f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={blocks}",
         f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=30d", "--log.level=warn"],
        log,
    )  # fmt: skip
    topic = broker.new_topic(2, stem="live")
    prometheus = {
        "url": f"http://127.0.0.1:{port}", "queries": {"requests": "app_requests"}, "labels": {"region": "area"},
        "stamp": "start",
    }  # fmt: skip
    kafka = {"bootstrap_servers": [broker.bootstrap], "topics": [topic]}
    config = written(tmp_path / "home", kind="kafka", kafka=kafka, prometheus=prometheus)
    produce(broker, topic, range(now - 4 * TICK_S, now, TICK_S))  # the topic overlaps with history
    try:
        wait_until(lambda: _is_ready(f"http://127.0.0.1:{port}"), server, log, seconds=60)
        to = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        done = tocsin("backfill", "-c", config, "--from", "4d", "--to", to)
    finally:
        end(server)

    assert 0 == done.returncode, done.stderr
    learnt = state(config)
    assert {"300000": 1000 * (now - TICK_S)} == learnt["ticks"]
    assert {f"{topic}/0", f"{topic}/1"} == set(learnt["positions"])
    assert [] == learnt["engine"]["partitions"]
    keys = {tuple(key) for key in learnt["engine"]["lanes"][0]["keys"]}
    assert {("requests", region) for region in REGIONS} == keys
