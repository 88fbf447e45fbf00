"""Small sets of every layout, written to a folder."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A CSV file, gzipped if its name says so; returns the folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows)]) + "\n"
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file.parent


def hourly(count: int, start: str = "2024-01-01T00:00:00") -> list[str]:
    """`count` hours as texts with a T."""
    first = np.datetime64(start, "s")
    return [str(first + np.timedelta64(i, "h")) for i in range(count)]


def daily_shape(count: int, seed: int = 7) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """(count,) hourly values with a daily shape and some noise."""
    noise = np.random.default_rng(seed).normal(0, 3, count)
    return np.round(100 + 40 * np.sin(np.arange(count) * 2 * np.pi / 24) + noise, 2)


def long_set(folder: Path, count: int = 900, spike_at: int = 700) -> Path:
    """Two hourly series, a spike of three hours in the first, its label; the label column is there to be ignored."""
    rows: list[tuple[object, ...]] = []
    for number, name in enumerate(("web/a", "web/b")):
        values = daily_shape(count, seed=number)
        if number == 0:
            values[spike_at : spike_at + 3] += 200
        rows += [(name, t, v, 0) for t, v in zip(hourly(count), values.tolist(), strict=True)]
    write_csv(folder / "series.csv.gz", ("series_id", "timestamp", "value", "label"), rows)
    times = hourly(count)
    label = ("web/a", times[spike_at].replace("T", " "), times[spike_at + 2].replace("T", " "), 3, "incident")
    return write_csv(folder / "labels.csv", ("series_id", "start", "end", "n_points", "kind"), [label])


def wide_set(folder: Path, train: int = 600, test: int = 300) -> Path:
    """Two entities of two metrics counted in steps, the first part history, a jump in the second entity."""
    rows: list[tuple[object, ...]] = []
    for number, name in enumerate(("srv01", "srv02")):
        a, b = daily_shape(train + test, 10 + number), daily_shape(train + test, 20 + number)
        if number == 1:
            b[train + 100 : train + 130] += 300
        part = ["train"] * train + ["test"] * test
        rows += [(name, i, x, y, p, 0) for i, (x, y, p) in enumerate(zip(a.tolist(), b.tolist(), part, strict=True))]
    write_csv(folder / "series_wide.csv.gz", ("entity", "step", "m01", "m02", "part", "label"), rows)
    label = ("srv02", train + 100, train + 129, 30, "incident")
    return write_csv(folder / "labels.csv", ("series_id", "start", "end", "n_points", "kind"), [label])


def cells_set(folder: Path) -> Path:
    """One case: the ratio of stalls rises tenfold for bitrate 500 at the last of four minutes."""
    rows = []
    for minute in range(4):
        for bitrate in (500, 1000, 2000):
            for device in ("C1", "C2"):
                stalls = 200 if minute == 3 and bitrate == 500 else 20
                rows.append(("case1", 1_600_000_000 + 60 * minute, stalls, 1000, f"bitrate={bitrate}|device={device}"))
    write_csv(folder / "cells.csv.gz", ("case", "timestamp", "value", "cnt", "dims"), rows)
    return write_csv(folder / "alarms.csv", ("case", "timestamp"), [("case1", 1_600_000_180)])
