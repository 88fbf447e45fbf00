"""Progress of long work on stderr: a bar on a terminal, a line at each quarter elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

QUARTERS = 4


class Progress:
    """`with Progress("learning") as bar: bar(done, of)`; made for `done` that never goes back."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._task: Any = None
        self._quarter = 0

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(compact=True)
            )  # fmt: skip
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task(self._label, total=None)
            self._bar.start()
        return self

    def __call__(self, done: int, of: int) -> None:
        """Says that `done` of `of` is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=of)
            return
        quarter = QUARTERS * done // of if of else QUARTERS
        if quarter > self._quarter:
            self._quarter = quarter
            sys.stderr.write(f"{self._label}: {100 * quarter // QUARTERS} %\n")
            sys.stderr.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
