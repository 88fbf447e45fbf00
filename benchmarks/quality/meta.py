"""Of `meta.csv` the one thing that may be known: how long a step of a series is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.quality.csvfile import header, read_columns
from detector.errors import DataError


def read_steps_ms(path: Path, key: str = "series_id") -> dict[str, int]:
    """Step in milliseconds by series id, from `meta.csv` of a folder; under "" if it names one step for all.

    Empty where there is no such file or no `step_s` in it. Raises DataError at a step that is not positive.
    """
    file = path / "meta.csv"
    if not file.is_file():
        return {}
    names = header(file)
    if "step_s" not in names:
        return {}
    keyed = key in names
    columns = read_columns(file, [key] if keyed else [], ["step_s"])
    steps = columns.number["step_s"]
    bad = ~(steps > 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError(f"{file}:{row + 2}: column 'step_s': expected seconds above zero, found {steps[row]}")
    in_ms = np.rint(steps * 1000).astype(np.int64).tolist()
    if keyed:
        return {columns.text[key].row(i): step for i, step in enumerate(in_ms)}
    return {"": in_ms[0]} if len(set(in_ms)) == 1 else {}
