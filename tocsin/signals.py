"""What the process does when it is asked: SIGTERM and SIGINT end it in order, SIGHUP reads our files again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130


@contextmanager
def signals(stop: Callable[[int], object], reload: Callable[[], object]) -> Iterator[None]:
    """In force inside the block; `stop` gets the exit code. Outside the main thread this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            reload()
        else:
            stop(INTERRUPTED if number == signal.SIGINT else 0)

    before = {n: signal.signal(n, on_signal) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
