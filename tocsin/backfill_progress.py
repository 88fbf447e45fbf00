"""What a backfill shows on standard error: one live line on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

from suppression.body import iso

EVERY_S = 5.0


class BackfillProgress:
    """A context manager, so that the live line is gone when an error is printed."""

    def __init__(self, stream: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._monotonic = stream or sys.stderr, monotonic
        self._bar: Any = None
        self._told_s = monotonic()

    def __enter__(self) -> BackfillProgress:
        if self._stream.isatty():
            from rich.console import Console

            self._bar = Console(file=self._stream).status("beginning")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def gathering(self, samples: int, until_ms: int | None, left: int) -> None:
        """`left`: messages, rows or steps that the source still has, as far as it knows."""
        self._show(lambda: f"gathered {samples} samples up to {iso(until_ms) or 'nowhere'}, {left} left")

    def learning(self, done: int, of: int) -> None:
        self._show(lambda: f"learnt {done} of {of} ticks ({100 * done // max(of, 1)} %)")

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=self._stream, flush=True)

    def _show(self, text: Callable[[], str]) -> None:
        if self._bar is not None:
            self._bar.update(text())
            return
        now_s = self._monotonic()
        if now_s - self._told_s >= EVERY_S:
            self._told_s = now_s
            self.say(text())
