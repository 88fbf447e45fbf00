"""Columns of a CSV file as arrays: what is asked for is read, and nothing else."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detector.errors import DataError

if TYPE_CHECKING:
    import pandas


_GAPS = ("", "nan", "NaN", "NAN", "NA", "N/A", "null", "NULL", "None")  # a number column's words for "no sample"


@dataclass(frozen=True, slots=True)
class Text:
    """A text column: `values[codes[i]]` is the text of row i, never empty."""

    codes: NDArray[np.int32]  # (N,)
    values: tuple[str, ...]

    def row(self, i: int) -> str:
        return self.values[int(self.codes[i])]

    def take(self, keep: NDArray[np.bool_]) -> Text:
        return Text(self.codes[keep], self.values)


@dataclass(frozen=True, slots=True)
class Columns:
    """The asked columns of one file; a text column never has an empty field, a number column is NaN there."""

    path: Path
    text: dict[str, Text]
    number: dict[str, NDArray[np.float64]]
    length: int


def header(path: Path) -> tuple[str, ...]:
    """The names of the columns of a CSV file, gzipped or not."""
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig") as f
        ):
            line = f.readline()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as CSV text: {error}") from error
    names = tuple(name.strip().strip('"') for name in line.rstrip("\r\n").split(","))
    if not any(names):
        raise DataError(f"{path}: expected a line of column names, found an empty file")
    return names


def read_columns(path: Path, text: Sequence[str], number: Sequence[str] = ()) -> Columns:
    """Reads the named columns and no other.

    Raises DataError naming file, line and value where a number is not one, a text is empty or a column is missing.
    """
    import pandas as pd

    names = header(path)
    for name in (*text, *number):
        if name not in names:
            raise DataError(f"{path}: expected a column '{name}', found {', '.join(names)}")
    dtypes = {**dict.fromkeys(text, "str"), **dict.fromkeys(number, "float64")}
    try:
        frame = pd.read_csv(
            path,
            usecols=[*text, *number],
            dtype=dtypes,
            encoding="utf-8-sig",
            keep_default_na=False,
            na_values={name: list(_GAPS) for name in number},
            low_memory=False,  # chunk by chunk it takes five times as long
        )
    except (OSError, EOFError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: cannot be read as CSV: {error}") from error
    except ValueError as error:
        raise _bad_number(path, number) or DataError(f"{path}: {error}") from error
    if not len(frame):
        raise DataError(f"{path}: expected at least one row below the column names, found none")
    return Columns(
        path=path,
        text={name: _text(path, name, frame) for name in text},
        number={name: _finite(frame[name].to_numpy(np.float64, copy=True)) for name in number},
        length=len(frame),
    )


def _text(path: Path, name: str, frame: pandas.DataFrame) -> Text:
    found = frame[name].astype("category").cat
    codes = found.codes.to_numpy(np.int32)
    values = tuple(str(value) for value in found.categories)
    empty = (codes < 0) | np.isin(codes, [i for i, value in enumerate(values) if not value.strip()])
    if empty.any():
        raise DataError(f"{path}:{int(np.argmax(empty)) + 2}: column '{name}': expected a text, found nothing")
    return Text(codes, values)


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values[~np.isfinite(values)] = np.nan
    return values


def _bad_number(path: Path, number: Sequence[str]) -> DataError | None:
    """The first field that is no number, found by a second, slow reading."""
    import pandas as pd

    frame = pd.read_csv(path, usecols=list(number), dtype="str", encoding="utf-8-sig")
    for name in number:
        bad = frame[name].notna() & pd.to_numeric(frame[name], errors="coerce").isna()
        if bad.any():
            row = int(np.argmax(bad.to_numpy()))
            return DataError(f"{path}:{row + 2}: column '{name}': expected a number, found '{frame[name].iloc[row]}'")
    return None
