"""What a feed shows on standard error: a bar in a terminal, a line per tenth elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, TextIO

from connectors.tables.block import Block

TENTHS = 10
SHOWN = 5  # refused rows that are shown one by one


class FeedProgress:
    """Counts samples on their way; a context manager, so that the bar is gone when an error is printed."""

    def __init__(self, total: int, topic: str, stream: TextIO | None = None) -> None:
        self._total, self._topic, self._stream = total, topic, stream or sys.stderr
        self._sent, self._tenths, self._refused = 0, 0, 0
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> FeedProgress:
        if self._stream.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(file=self._stream), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(f"feeding {self._topic}", total=self._total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def refusals(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Passes blocks on and says which rows cannot be fed."""
        for block in blocks:
            for refused in block.rejected:
                self._refused += 1
                if self._refused <= SHOWN:
                    self.say(f"{refused.detail} ({refused.reason})")
            yield block

    def add(self, samples: int) -> None:
        self._sent += samples
        if self._bar is not None:
            self._bar.update(self._task, completed=self._sent)
            return
        tenths = TENTHS * self._sent // max(1, self._total)
        if tenths > self._tenths:
            self._tenths = tenths
            self.say(f"fed {self._sent} of {self._total} samples")

    def done(self, acknowledged: int) -> None:
        """The last line: what is in the topic now."""
        refused = f", {self._refused} rows refused" if self._refused else ""
        self.say(f"topic {self._topic}: {self._sent} samples in {acknowledged} messages, all acknowledged{refused}")

    def say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=self._stream, flush=True)
