"""The whole way: a file into a real Kafka, through `tocsin run`, to a topic, a webhook and a real Prometheus."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.kept import JournalReader
from connectors.sinks.webhook import sign
from tests.e2e.broker import Broker
from tests.e2e.grid import ROOT, Grid, backtest, sample, tocsin, whole, write_config
from tests.e2e.processes import end, free_port, spawn, tail
from tests.e2e.prometheus import Prometheus, eventually, firing, value
from tests.e2e.receiver import Post, receiver

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
WHOLE = whole()
TO_BE_KILLED = WHOLE if os.environ.get("TOCSIN_TEST_GRID") == "whole" else sample()  # the whole takes ten minutes
SECRET = "a secret of at least some length"
KILLS = 20
HOUR = timedelta(hours=1)
Event = dict[str, Any]


def feed(config: Path, of: Grid, *more: object) -> None:
    """Into two partitions by device: each then has a part of every region."""
    tocsin("feed", "-c", config, of.series, "--place", "device", *more)


def start(config: Path, log: Path) -> subprocess.Popen[bytes]:
    return spawn([sys.executable, "-m", "tocsin.cli", "run", "-c", str(config), "--once"], log, cwd=ROOT)


def start_victim(config: Path, log: Path) -> subprocess.Popen[bytes]:
    return spawn([sys.executable, "-m", "tests.e2e.victim", str(config)], log, cwd=ROOT)


def kept(data_dir: Path) -> dict[str, tuple[Event, bool]]:
    """Id → (body, told) of every transition in a journal; an id stands there once."""
    reader = JournalReader(data_dir / "journal.db")
    rows = reader.after(0, 1_000_000)
    reader.close()
    assert len(rows) == len({row.id for row in rows})
    return {row.id: (row.body, row.told) for row in rows}


def expected(events: list[Event]) -> dict[str, tuple[Event, bool]]:
    return {event["id"]: (event["data"], event["told"]) for event in events}


def pause_in(events: list[Event]) -> str:
    """A time to stop feeding at, in the second half, while an alarm that people were told is on."""
    ends = {event["data"]["alarm_id"]: datetime.fromisoformat(event["time"]) for event in events}
    told = [event for event in events if event["told"] and event["data"]["state"] == "firing"]
    for event in told[len(told) // 2 :]:
        fired = datetime.fromisoformat(event["time"])
        if ends[event["data"]["alarm_id"]] >= fired + 3 * HOUR:
            return (fired + 3 * HOUR).isoformat().replace("+00:00", "Z")  # the tick before closes with the last sample
    raise AssertionError("no alarm lasts for three hours")


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def are_signed(posts: list[Post]) -> bool:
    return all(
        sign(SECRET.encode(), post.headers["webhook-id"], post.headers["webhook-timestamp"], post.body)
        in post.headers["webhook-signature"].split()
        for post in posts
    )


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("of", [WHOLE], ids=[WHOLE.name])
def test_a_fed_topic_gives_the_alarms_of_a_backtest_everywhere(
    tmp_path: Path, broker: Broker, prometheus_server: Prometheus, of: Grid
) -> None:
    """Kafka → run → topic, webhook, Prometheus: ids, revisions and bodies are those of a backtest on the same file."""
    topic, alarms, port = broker.new_topic(2, stem="demand"), broker.new_topic(1, stem="alarms"), free_port()
    with receiver() as (url, posts):
        config = write_config(
            tmp_path, of, broker.bootstrap,
            {
                "node.data_dir": "data",
                "source.kafka.topics": [topic],
                "outputs.kafka.alarms_topic": alarms,
                "outputs.webhooks": [{"name": "pager", "url": url, "secret": SECRET}],
                "web.listen": f"127.0.0.1:{port}",
            },
        )  # fmt: skip
        wanted = backtest(config, of, tmp_path / "backtest")
        rules = tmp_path / "rules.yml"
        rules.write_text(tocsin("rules", "print", "-c", config).stdout)
        pause = pause_in(wanted)
        process = start(config, tmp_path / "run.log")
        try:
            assert eventually(lambda: answers(f"http://127.0.0.1:{port}/-/healthy"), seconds=60), tail(
                tmp_path / "run.log"
            )
            jobs = {"tocsin": "/metrics", "tocsin-series": "/metrics/series"}
            server = prometheus_server(f"127.0.0.1:{port}", [rules], jobs=jobs)
            feed(config, of, "--to", pause)
            alert = eventually(
                lambda: [a for a in firing(server) if a["labels"]["alertname"] == "TocsinAnomaly"], seconds=200
            )
            samples = eventually(lambda: value(server, "sum(tocsin_samples_total)"))
            feed(config, of, "--from", pause, "--end")
            code = process.wait(600)
        finally:
            end(process)
    read = [json.loads(record.value or b"") for record in broker.read_all(alarms)]

    assert 0 == code, tail(tmp_path / "run.log")
    assert alert
    assert samples
    assert expected(wanted) == kept(tmp_path / "data")
    assert {event["id"]: event["data"] for event in wanted if event["told"]} == {e["id"]: e["data"] for e in read}
    assert len(read) == len({event["id"] for event in read})
    assert posts
    assert are_signed(posts)
    paged = {post.headers["webhook-id"] for post in posts if b'"metric":"tocsin_' not in post.body}
    assert paged <= {event["id"] for event in wanted if event["told"]}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("of", [TO_BE_KILLED], ids=[TO_BE_KILLED.name])
def test_kill_9_at_twenty_random_moments_changes_nothing(tmp_path: Path, broker: Broker, of: Grid) -> None:
    """Same ids, revisions and bodies as the undisturbed run; every one told arrives, none under a second id."""
    topic = broker.new_topic(3, stem="demand")
    shape = {"source.kafka.topics": [topic], "web.listen": f"127.0.0.1:{free_port()}"}
    undisturbed = write_config(tmp_path / "oracle", of, broker.bootstrap, {**shape, "outputs.kafka.alarms_topic": None})
    feed(undisturbed, of, "--end")
    began = time.monotonic()
    assert 0 == start(undisturbed, tmp_path / "oracle.log").wait(600), tail(tmp_path / "oracle.log")
    longest = min(time.monotonic() - began, 12.0)
    oracle = kept(tmp_path / "oracle" / "tocsin-data")
    dice, kills, rounds = random.Random(9), 0, 0

    while kills < KILLS:
        rounds += 1
        home, alarms = tmp_path / f"round-{rounds}", broker.new_topic(1, stem="alarms")
        config = write_config(home, of, broker.bootstrap, {**shape, "outputs.kafka.alarms_topic": alarms})
        code, killed = None, 0
        while code != 0:
            process = start_victim(config, home / "run.log")
            try:
                code = process.wait(dice.uniform(0.5, longest) if kills < KILLS else 600)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                code, kills, killed = process.wait(), kills + 1, killed + 1
            assert code in (0, -signal.SIGKILL), tail(home / "run.log")
        read = [json.loads(record.value or b"") for record in broker.read_all(alarms)]

        assert oracle == kept(home / "tocsin-data")
        assert {name: body for name, (body, told) in oracle.items() if told} == {e["id"]: e["data"] for e in read}
        again = len(read) - len({event["id"] for event in read})
        assert again <= 200 * killed  # a crash between sending and marking repeats one request, under the old ids
