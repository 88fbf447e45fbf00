"""Reader of the wide layout: an entity with several metrics is one series; `part=train` is history."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.quality.align import Rows, infer_step_ms, make_panels
from benchmarks.quality.csvfile import Columns, header, read_columns
from benchmarks.quality.dataset import Panel
from benchmarks.quality.layout import Found
from benchmarks.quality.meta import read_steps_ms
from benchmarks.quality.read_long import Stamped, stamp
from detector.errors import DataError

STEP_MS = 300_000  # a column that counts steps and no `meta.csv`: nothing tells how long a step is


def read_wide(found: Found, path: Path, earlier: Found | None) -> tuple[tuple[Panel, ...], tuple[str, ...]]:
    """Panels of a wide set, one unit an entity, its metrics as columns in the order of the file."""
    steps = read_steps_ms(path, key="entity") or read_steps_ms(path)
    common = next(iter(steps.values())) if len(set(steps.values())) == 1 else STEP_MS
    columns, stamped = _read(found, common)
    old = _read(earlier, common) if earlier is not None else None
    if earlier is not None and earlier.values != found.values:
        raise DataError(
            f"{earlier.file}: --history has metrics {', '.join(earlier.values)}; expected {', '.join(found.values)}"
        )
    train = _is_train(found, columns)
    labels = tuple({"metric": name} for name in found.values)
    values = np.column_stack([columns.number[name] for name in found.values])
    entities = columns.text["entity"]
    units = []
    for code, name in enumerate(entities.values):
        at = np.flatnonzero(entities.codes == code)
        t_ms, texts, y = stamped.t_ms[at], stamped.texts[at], values[at]
        judged = t_ms[~train[at]]
        start = int(judged.min()) if judged.size else int(t_ms.max()) + 1
        has_history = bool(train[at].any())
        if old is not None and name in old[0].text["entity"].values:
            mine = old[0].text["entity"].codes == old[0].text["entity"].values.index(name)
            older = np.flatnonzero(mine & (old[1].t_ms < t_ms.min()))
            if older.size:
                has_history = True
                t_ms = np.r_[old[1].t_ms[older], t_ms]
                texts = np.r_[np.zeros(older.size, np.int32), texts]
                y = np.vstack([np.column_stack([old[0].number[m][older] for m in found.values]), y])
        step_ms = steps.get(name, common if found.time == "step" else infer_step_ms(t_ms))
        units.append(Rows(name, t_ms, texts, y, labels, step_ms, start if has_history else None))
    panels, notes = make_panels(units, stamped.words, stamped.clock)
    if found.time == "step" and not steps:
        notes = (*notes, f"no meta.csv tells the length of a step: taken as {STEP_MS // 1000} s")
    return panels, notes


def _read(found: Found, step_ms: int) -> tuple[Columns, Stamped]:
    part = ["part"] if "part" in header(found.file) else []
    columns = read_columns(found.file, ["entity", found.time, *part], list(found.values))
    return columns, stamp(columns.text[found.time], found.time, found.file, step_ms)


def _is_train(found: Found, columns: Columns) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    part = columns.text.get("part")
    if part is None:
        return np.zeros(columns.length, bool)
    unknown = sorted(set(part.values) - {"train", "test"})
    if unknown:
        raise DataError(f"{found.file}: column 'part': expected train or test, found '{unknown[0]}'")
    return np.asarray([value == "train" for value in part.values], bool)[part.codes]
