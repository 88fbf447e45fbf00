"""What the daemon needs of its neighbours: the engine that steps, and those who listen to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from detector.frame import Batch
from suppression.controls import Controls
from tocsin.outcome import Outcome

Stage = Literal["decode", "align", "score", "suppress", "emit"]
Header = dict[str, object]
Arrays = dict[str, NDArray[Any]]


class EnginePort(Protocol):
    """The engine facade of `tocsin/engine.py`, as far as the daemon calls it."""

    @property
    def positions(self) -> Mapping[str, int]: ...
    @property
    def fates(self) -> Mapping[str, Mapping[tuple[str, str], int]]: ...
    @property
    def watermarks(self) -> Mapping[str, int]: ...
    def expect(self, partitions: frozenset[str]) -> None:
        """Names every partition that ticks wait for, also those that have not said anything yet."""
        ...

    def take(self, batch: Batch) -> None: ...
    def promise(self, partition: str, until_ms: int) -> None:
        """No sample before this event time follows in the partition, from the present position on."""
        ...

    def next_tick_ms(self) -> int | None: ...
    def turn(self, controls: Controls) -> Outcome: ...
    def set_idle(self, partitions: frozenset[str]) -> None: ...
    def save(self) -> tuple[Header, Arrays]: ...
    def fingerprint(self) -> str: ...


class EngineFactory(Protocol):
    """Makes engines of one schema and one set of parameters."""

    def new(self) -> EnginePort: ...
    def load(self, header: Header, arrays: Arrays) -> EnginePort: ...


class Listener(Protocol):
    """Hears every outcome after its events are durable, in the engine's thread: be quick, never raise."""

    def on_outcome(self, outcome: Outcome, seconds: float | None = None) -> None: ...


class Probe(Protocol):
    """Counts what happens, from any thread."""

    def stage_took(self, stage: Stage, seconds: float) -> None: ...
    def tick_failed(self) -> None: ...
    def delivered(self, sink: str, seconds: float, age_s: float | None = None) -> None: ...
    def delivery_failed(self, sink: str, reason: str) -> None: ...


class Projection(Protocol):
    """The history database's thread; it may be away, and nobody waits for it except at the end of `once`."""

    def start(self) -> None: ...
    def wake(self) -> None: ...
    def stop(self, timeout_s: float) -> None: ...
