"""The process that the kill loop kills: the daemon with the real engine, on the shipped grid."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tests.tocsin.toy import FileSink
from tocsin.build import build_engines, build_source
from tocsin.calendar_file import parse_calendars
from tocsin.config.load import parse_config
from tocsin.daemon import Daemon, DaemonSettings
from tocsin.deliver import Manners, Receiver
from tocsin.log import setup
from tocsin.silences_file import parse_silences

ROOT = Path(__file__).parents[2]
CONFIG = """
version: 1
source:
  kind: file
  file: {paths: [tests/data/grid_bike_sample/series.csv.gz]}
  format: {timestamp: {path: timestamp, unit: rfc3339, assume_utc: true}}
dimensions: {region: {}, device: {}}
metrics:
  demand: {where: 'stack == "A"', value: {path: value, text: true}, stack: A, kind: count}
  mirror: {where: 'stack == "B"', value: {path: value, text: true}, stack: B, role: witness, kind: count}
independence: [{watched: A, witness: B, match: [region]}]
interval: 1h
allowed_lateness: 2h
alarm_budget: {rate: 1, per: series-week}
"""


def main(data_dir: Path, received: Path, snapshot_every: int) -> int:
    setup("error", "console")
    config = parse_config(CONFIG, folder=ROOT, environment={})
    source = build_source(config)
    settings = DaemonSettings(data_dir, poll_s=0.0, ballast_bytes=0, idle_after_s=0, drain_s=5.0)
    daemon = Daemon(
        replace(settings, snapshot_every_samples=snapshot_every), source,
        build_engines(config),
        [Receiver(FileSink(received), Manners(notify_budget=None, max_alarm_age_ms=None))],
        parse_calendar=parse_calendars, parse_silences=parse_silences,
    )  # fmt: skip
    return daemon.run(once=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(float(sys.argv[3]))))
