"""The set's own clock: its texts of time to UTC milliseconds and back in the same form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.errors import DataError

_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:(?P<sep>[T ])(?P<minute>\d\d:\d\d)(?P<second>:\d\d)?(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d\d:?\d\d)?)?\Z"
)
_NUMBER = re.compile(r"-?\d+(\.0+)?\Z")
EXPECTED = "expected unix seconds or milliseconds, a step number, or a time like 2018-07-03T14:00:00 or 2018-07-03"


@dataclass(frozen=True, slots=True)
class Clock:
    """How a set writes its times; `unit_ms` is the length of one count where times are numbers.

    Naive times are read as if they were UTC: the set's wall clock is then the seasonal clock, as it should be.
    """

    form: Literal["number", "iso"]
    unit_ms: int = 1000
    separator: str = "T"
    precision: Literal["D", "m", "s", "ms"] = "s"
    zone: str = ""

    def parse(self, texts: Sequence[str], path: Path) -> NDArray[np.int64]:
        """(N,) UTC milliseconds; raises DataError at the first text of another form."""
        if self.form == "number":
            for text in texts:
                if not _NUMBER.match(text):
                    raise DataError(f"{path}: time '{text}': expected a whole number as in the rows before")
            return np.array([int(text.split(".")[0]) for text in texts], np.int64) * self.unit_ms
        return _parse_iso(texts, path)

    def format(self, t_ms: NDArray[np.int64]) -> list[str]:
        """The texts of times (N,) in the form of the set."""
        if self.form == "number":
            return [str(value) for value in (np.asarray(t_ms) // self.unit_ms).tolist()]
        shifted = (np.asarray(t_ms) + _offset_ms(self.zone)).astype("datetime64[ms]")
        texts: list[str] = np.datetime_as_string(shifted.astype(f"datetime64[{self.precision}]")).tolist()
        tail = "" if self.precision == "D" else self.zone
        return [text.replace("T", self.separator) + tail for text in texts]


def clock_of(text: str, column: str, step_ms: int, path: Path) -> Clock:
    """The clock that writes `text`; `step_ms` is the length of a step where the column counts steps."""
    if _NUMBER.match(text):
        if column == "step":
            return Clock("number", unit_ms=step_ms)
        return Clock("number", unit_ms=1 if abs(int(text.split(".")[0])) >= 10**11 else 1000)
    match = _ISO.match(text)
    if not match:
        raise DataError(f"{path}: column '{column}': time '{text}': {EXPECTED}")
    if match["sep"] is None:
        return Clock("iso", precision="D")
    precision: Literal["m", "s", "ms"] = "ms" if match["fraction"] else "s" if match["second"] else "m"
    return Clock("iso", separator=match["sep"], precision=precision, zone=match["zone"] or "")


def _offset_ms(zone: str) -> int:
    if zone in ("", "Z"):
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 60 + int(zone[-2:])) * 60_000


def _parse_iso(texts: Sequence[str], path: Path) -> NDArray[np.int64]:
    bare: list[str] = []
    offset = np.zeros(len(texts), np.int64)
    for i, text in enumerate(texts):
        match = _ISO.match(text)
        if not match:
            raise DataError(f"{path}: time '{text}': {EXPECTED}")
        zone = match["zone"] or ""
        bare.append(text[: len(text) - len(zone)] if zone else text)
        offset[i] = _offset_ms(zone)
    try:
        return np.array(bare, "datetime64[ms]").astype(np.int64) - offset
    except ValueError as error:
        raise DataError(f"{path}: {error}; {EXPECTED}") from error
