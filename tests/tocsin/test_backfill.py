"""Backfill: what was learnt is where `run` goes on, without gap or double, also after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors import snapshot
from connectors.source import Source
from detector.errors import ConfigError, RefusedError
from detector.frame import Batch
from suppression.calendar import Calendar
from tests.e2e.processes import free_port
from tocsin.backfill import Backfill, Learnt, Window, detached, refuse_newer
from tocsin.backfill_publish import publish
from tocsin.build import build_engines, build_source
from tocsin.clock import SystemClock
from tocsin.commands.run import start
from tocsin.config.config import Config
from tocsin.config.load import load_config

ROOT = Path(__file__).parents[2]
SERIES = ROOT / "tests" / "data" / "grid_bike_sample" / "series.csv.gz"
HOUR_MS = 3_600_000
END_MS = 1_327_536_000_000  # 2012-01-26: six of the sample's ten weeks
END = "2012-01-26T00:00:00Z"
CONFIG = f"""
version: 1
node: {{data_dir: data}}
source:
  kind: file
  file: {{paths: ['{SERIES}']}}
  format: {{timestamp: {{path: timestamp, unit: rfc3339, assume_utc: true}}}}
dimensions: {{region: {{}}, device: {{}}}}
metrics:
  demand: {{where: 'stack == "A"', value: {{path: value, text: true}}, stack: A, kind: count}}
  mirror: {{where: 'stack == "B"', value: {{path: value, text: true}}, stack: B, role: witness, kind: count}}
independence: [{{watched: A, witness: B, match: [region]}}]
interval: 1h
allowed_lateness: 2h
alarm_budget: {{rate: 1, per: series-week}}
web: {{listen: '127.0.0.1:PORT'}}
log: {{level: error}}
"""


class Quiet:
    """A teller that keeps what stays."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def gathering(self, samples: int, until_ms: int | None, left: int) -> None: ...
    def learning(self, done: int, of: int) -> None: ...
    def say(self, line: str) -> None:
        self.lines.append(line)


class Chopped:
    """A file source that tells at most 700 samples a poll."""

    def __init__(self, source: Source) -> None:
        self._source, self._waiting = source, list[Batch]()

    def poll(self, timeout_s: float) -> list[Batch]:
        for batch in [] if self._waiting else self._source.poll(timeout_s):
            for first in range(0, len(batch), 700):
                end = min(first + 700, len(batch))
                self._waiting.append(
                    replace(
                        batch,
                        keys=batch.keys[first:end],
                        time_ms=batch.time_ms[first:end],
                        value=batch.value[first:end],
                        record_ms=batch.record_ms[first:end],
                        next_offset=batch.next_offset - len(batch) + end,
                        closes_ms=None,
                    )
                )
        return [self._waiting.pop(0)] if self._waiting else []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def configured(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tocsin.yaml").write_text(CONFIG.replace("PORT", str(free_port())))
    return folder / "tocsin.yaml"


def work(config: Config, to_ms: int = END_MS, origin: str = "the file", from_ms: int | None = None) -> Backfill:
    source: Any = Chopped(build_source(config))
    return Backfill(
        config.data_dir, build_engines(config), source, Calendar(), Window(from_ms, to_ms), SystemClock(),
        Quiet(), origin,
    )  # fmt: skip


def command(config: Path, *more: str, failpoint: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TOCSIN_TESTING": "1", "TOCSIN_FAIL": failpoint}
    arguments = [sys.executable, "-m", "tocsin.cli", "backfill", "-c", str(config), "--to", END, *more]
    return subprocess.run(
        arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def bits(learnt: Learnt) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in learnt.engine.save()[1].items()}


def newest(data_dir: Path) -> snapshot.Snapshot:
    return snapshot.read(snapshot.newest_first(data_dir / "snapshots")[0])


def test_run_goes_on_after_a_backfill_without_gap_or_double(tmp_path: Path) -> None:
    """Of a run from the beginning and one after a backfill, the same samples are scored, each once."""
    cold, warm = configured(tmp_path / "cold"), configured(tmp_path / "warm")
    assert 0 == start(cold, once=True)

    done = command(warm)
    begun = newest(warm.parent / "data").header
    assert 0 == start(warm, once=True)

    assert 0 == done.returncode, done.stderr
    assert {"3600000": END_MS - HOUR_MS} == begun["ticks"]
    fates = [newest(c.parent / "data").header["engine"]["fates"] for c in (cold, warm)]
    assert sorted(fates[0]) == sorted(fates[1])
    assert newest(cold.parent / "data").header["positions"] == newest(warm.parent / "data").header["positions"]
    assert newest(cold.parent / "data").header["ticks"] == newest(warm.parent / "data").header["ticks"]


def test_a_backfilled_row_is_judged_at_once(tmp_path: Path) -> None:
    """Levels are known, and rows are older than the warm-up."""
    learnt = work(load_config(configured(tmp_path))).run()

    (lane,) = learnt.engine.lanes
    assert np.isfinite(lane.state.season.ell).all()
    assert np.isfinite(lane.core.rows.widening(lane.state.rows)).all()
    assert learnt.engine.next_tick_ms() == END_MS or learnt.engine.pending() > 0


@pytest.mark.parametrize("failpoint", ["snap_half:1", "snap_linked:1"])
def test_a_killed_backfill_resumes_to_the_same_state(tmp_path: Path, failpoint: str) -> None:
    """Killed while a part is written and after one is published: --resume ends as an undisturbed one does."""
    calm, killed = configured(tmp_path / "calm"), configured(tmp_path / "killed")
    assert 0 == command(calm).returncode

    first = command(killed, failpoint=failpoint)
    second = command(killed, "--resume")

    assert -signal.SIGKILL == first.returncode, first.stderr
    assert 0 == second.returncode, second.stderr
    one, other = newest(calm.parent / "data"), newest(killed.parent / "data")
    assert {n: a.tobytes() for n, a in one.arrays.items()} == {n: a.tobytes() for n, a in other.arrays.items()}
    assert one.header["positions"] == other.header["positions"]
    assert not (killed.parent / "data" / "backfill").exists()


def test_small_parts_learn_what_one_part_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where history is cut into parts changes no bit, and a source that breaks off in between neither."""
    whole = bits(work(load_config(configured(tmp_path / "a"))).run())
    monkeypatch.setattr("tocsin.backfill.PART_VALUES", 2000)
    broken = work(load_config(configured(tmp_path / "b")))
    write, written = broken._write_part, []

    def write_two(is_whole: bool) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(is_whole)
        write(is_whole)

    monkeypatch.setattr(broken, "_write_part", write_two)
    with pytest.raises(KeyboardInterrupt):
        broken.run()

    resumed = work(load_config(tmp_path / "b" / "tocsin.yaml"))
    again = resumed.run(resume=True)
    parts = len(snapshot.newest_first(tmp_path / "b" / "data" / "backfill"))

    assert [False, False] == written
    assert 2 < parts
    assert whole == bits(again)


class Broken(Quiet):
    """A teller at which learning breaks off."""

    def learning(self, done: int, of: int) -> None:
        if done > 200:
            raise KeyboardInterrupt


@pytest.mark.parametrize("days", [21, 42])
def test_learning_that_breaks_off_resumes_to_the_same_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """Also where the quiet steps begin before profiles can be held out (21 days), and it broke off after that."""
    from_ms = END_MS - days * 24 * HOUR_MS
    whole = bits(work(load_config(configured(tmp_path / "a")), from_ms=from_ms).run())
    monkeypatch.setattr("tocsin.backfill.SAVE_S", 0.0)
    broken = work(load_config(configured(tmp_path / "b")), from_ms=from_ms)
    monkeypatch.setattr(broken, "_teller", Broken())
    with pytest.raises(KeyboardInterrupt):
        broken.run()

    reached = snapshot.read(snapshot.newest_first(tmp_path / "b" / "data" / "backfill" / "learnt")[0]).header["tick"]
    again = work(load_config(tmp_path / "b" / "tocsin.yaml"), from_ms=from_ms).run(resume=True)

    assert 24 * 14 < reached < 24 * days
    assert whole == bits(again)


def test_what_goes_further_is_not_overwritten(tmp_path: Path) -> None:
    """Exit code 4, before anything is read; an older snapshot is no reason."""
    config = load_config(configured(tmp_path))
    learnt = work(config).run()
    publish(config, learnt, None)

    with pytest.raises(RefusedError, match="goes to 2012-01-25T23:00:00Z"):
        refuse_newer(config.data_dir, END_MS - 2 * HOUR_MS)
    done = command(tmp_path / "tocsin.yaml", "--to", "2012-01-20T00:00:00Z")
    refuse_newer(config.data_dir, END_MS)

    assert 4 == done.returncode, done.stderr


def test_parts_of_another_origin_are_not_mixed_in(tmp_path: Path) -> None:
    """--resume with other parameters of the history is refused."""
    config = load_config(configured(tmp_path))
    work(config).run()

    with pytest.raises(RefusedError, match="expected another file"):
        work(config, origin="another file").run(resume=True)


def test_a_window_without_ticks_is_said(tmp_path: Path) -> None:
    """Nothing is published, nothing stays."""
    config = load_config(configured(tmp_path))

    with pytest.raises(ConfigError, match="no tick between"):
        work(config, to_ms=HOUR_MS).run()

    assert not (config.data_dir / "backfill").exists()


def test_history_from_elsewhere_leaves_none_of_its_partitions(tmp_path: Path) -> None:
    """The daemon's own source begins at the positions given; ticks that are closed stay closed."""
    config = load_config(configured(tmp_path))
    learnt = work(config).run()

    header, arrays = detached(*learnt.engine.save(), {"t/0": 7})
    engine = build_engines(config).load(header, arrays)

    assert ({"t/0": 7}, {}, 0) == (engine.positions, dict(engine.watermarks), engine.pending())
    assert learnt.engine.lanes[0].aligner.next_ms == engine.lanes[0].aligner.next_ms == END_MS
    assert (engine.lanes[0].state.season.ell == learnt.engine.lanes[0].state.season.ell).all()
