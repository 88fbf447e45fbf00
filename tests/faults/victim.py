"""The process that the kill loop kills: the daemon on a toy world, delivering to a file that survives it."""

from __future__ import annotations

import sys
from pathlib import Path

from suppression.calendar import Calendar
from tests.tocsin.toy import FileSink, ToyEngines, ToySource, script
from tocsin.daemon import Daemon, DaemonSettings
from tocsin.deliver import Manners, Receiver
from tocsin.log import setup

MINUTES = 400


def main(data_dir: Path, received: Path, delay_s: float) -> int:
    setup("error", "console")
    source = ToySource(
        {"t/0": script(MINUTES, ["tv", "ios"], 11), "t/1": script(MINUTES, ["web", "car"], 12)},
        batch=5,
        delays_s=delay_s,
    )
    settings = DaemonSettings(
        data_dir, poll_s=0.0, snapshot_every_samples=60, ballast_bytes=0, idle_after_s=0, drain_s=2.0
    )
    manners = Manners(batch=1, notify_budget=None, max_alarm_age_ms=None)
    daemon = Daemon(
        settings, source, ToyEngines(), [Receiver(FileSink(received), manners)],
        parse_calendar=lambda files: Calendar(), parse_silences=lambda files: (),
    )  # fmt: skip
    return daemon.run(once=True)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
