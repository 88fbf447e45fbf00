"""The cells layout: for each case the leaves at its moment and before it, and the cuboids to blame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.csvfile import header, read_columns
from benchmarks.quality.layout import Found
from benchmarks.quality.read_long import stamp
from detector.errors import DataError
from suppression.localise_ratio import RatioRoot, RatioScan, localise_ratio


@dataclass(frozen=True, slots=True)
class Case:
    """One case as `localise_ratio` takes it; `names` (D,) and `words` turn codes back into labels."""

    name: str
    moment: str  # of the alarm, in the set's own words
    names: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int64]  # (N, D)
    value: NDArray[np.float64]  # (N,) at the moment
    cnt: NDArray[np.float64]
    before_value: NDArray[np.float64]  # (N,) all earlier minutes
    before_cnt: NDArray[np.float64]

    def cuboid(self, root: RatioRoot) -> str:
        return "&".join(f"{self.names[d]}={self.words[d][code]}" for d, code in root.labels)


@dataclass(frozen=True, slots=True)
class Blame:
    """The cuboids of one case, best first."""

    case: Case
    roots: tuple[RatioRoot, ...]


def localise_cases(found: Found, scan: RatioScan = RatioScan()) -> list[Blame]:  # noqa: B008 (frozen)
    """Blames cuboids in every case of a set of cells; the direction is the one the overall rate took."""
    out = []
    for case in read_cases(found):
        now = case.value.sum() / max(case.cnt.sum(), 1.0)
        before = case.before_value.sum() / max(case.before_cnt.sum(), 1.0)
        direction = "down" if now < before else "up"
        roots = localise_ratio(
            case.codes,
            case.value,
            case.cnt,
            case.before_value,
            case.before_cnt,
            scan,
            "down" if direction == "down" else "up",
        )
        out.append(Blame(case, tuple(roots)))
    return out


def read_moments(found: Found) -> dict[str, str]:
    """The text of the moment of each case, from `alarms.csv` or, where that is missing, two columns of `labels.csv`."""
    for name in ("alarms.csv", "labels.csv"):
        file = found.file.parent / name
        if file.is_file() and {"case", "timestamp"} <= set(header(file)):
            columns = read_columns(file, ["case", "timestamp"])
            case, time = columns.text["case"], columns.text["timestamp"]
            return {case.row(i): time.row(i) for i in range(columns.length)}
    raise DataError(
        f"{found.file.parent}: expected alarms.csv or labels.csv with case, timestamp: when did each case alarm?"
    )


def read_cases(found: Found) -> Iterator[Case]:
    """The cases in order of their names; raises DataError where a case has no moment, or no rows at it."""
    columns = read_columns(found.file, ["case", "timestamp", "dims"], ["value", "cnt"])
    moments = read_moments(found)
    cases, dims = columns.text["case"], columns.text["dims"]
    stamped = stamp(columns.text["timestamp"], "timestamp", found.file)
    value, cnt = np.nan_to_num(columns.number["value"]), np.nan_to_num(columns.number["cnt"])
    parsed = [_labels(text, found) for text in dims.values]
    for number, name in enumerate(cases.values):
        if name not in moments:
            raise DataError(f"{found.file}: case '{name}': no moment of its alarm is given")
        at = int(stamped.clock.parse([moments[name]], found.file)[0])
        mine = np.flatnonzero(cases.codes == number)
        leaves, leaf = np.unique(dims.codes[mine], return_inverse=True)
        now = stamped.t_ms[mine] == at
        before = stamped.t_ms[mine] < at
        if not now.any():
            raise DataError(f"{found.file}: case '{name}': no rows at its moment {moments[name]}")
        names = tuple(dict.fromkeys(key for code in leaves for key in parsed[code]))
        words = tuple(tuple(sorted({parsed[code][key] for code in leaves if key in parsed[code]})) for key in names)
        table = [
            [words[d].index(parsed[code][key]) if key in parsed[code] else -1 for d, key in enumerate(names)]
            for code in leaves
        ]

        codes = np.array(table, np.int64)
        sums = [
            np.bincount(leaf[rows], of[mine[rows]], len(leaves)).astype(np.float64)
            for rows in (now, before)
            for of in (value, cnt)
        ]
        yield Case(name, moments[name], names, words, codes, *sums)


def _labels(text: str, found: Found) -> dict[str, str]:
    labels = dict(part.split("=", 1) for part in text.split("|") if "=" in part)
    if not labels:
        raise DataError(f"{found.file}: column 'dims': expected texts like 'cdn=5|device=C1', found '{text}'")
    return labels
