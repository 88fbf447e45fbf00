"""Notices a loop that is stuck: shows every thread's stack and ends the process, so that it is started again."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Callable

from tocsin.clock import Clock

EXIT_STUCK = 70


class Watchdog:
    """Expects `beat` at least every `limit_s` seconds (monotonic); 0 switches it off."""

    def __init__(self, clock: Clock, limit_s: float, give_up: Callable[[int], object] = os._exit) -> None:
        self._clock, self._limit_s, self._give_up = clock, limit_s, give_up
        self._beat_s = clock.monotonic_s()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self.beat()
        if self._limit_s > 0:
            self._thread.start()

    def beat(self) -> None:
        self._beat_s = self._clock.monotonic_s()

    def is_stuck(self) -> bool:
        return self._clock.monotonic_s() - self._beat_s > self._limit_s

    def stop(self) -> None:
        self._stopping.set()

    def _watch(self) -> None:
        while not self._clock.wait(self._stopping, min(self._limit_s / 4, 5.0)):
            if self.is_stuck():
                print(f"tocsin: no progress for {self._limit_s:g} s; stacks of all threads follow", file=sys.stderr)
                faulthandler.dump_traceback(all_threads=True)
                self._give_up(EXIT_STUCK)
                return
