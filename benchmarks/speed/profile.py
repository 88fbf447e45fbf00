"""`python -m benchmarks.speed profile`: nanoseconds a row of every part of the whole step, as a tree."""

from __future__ import annotations

import time
from dataclasses import fields, is_dataclass
from types import ModuleType

import suppression.localise
import suppression.width
import tocsin.alarms
import tocsin.filling
import tocsin.pipeline
from benchmarks.speed import whole
from benchmarks.speed.stopwatch import PACKAGES, Node, Stopwatch
from benchmarks.speed.triad import triad_ns
from detector.schema import Schema
from detector.series import Lattice
from suppression.impact import ScopeCache
from tocsin.core import Core
from tocsin.heap import keep_freed_memory

MODULES: tuple[ModuleType, ...] = (
    tocsin.pipeline,
    tocsin.alarms,
    tocsin.filling,
    suppression.localise,
    suppression.width,
)


def profile(rows: int, ticks: int, least_share: float, *, with_witness: bool = False) -> None:
    """Prints the tree; what takes less than `least_share` of the step is left out."""
    begun = time.perf_counter()
    keep_freed_memory()
    print(f"warming {rows} rows ...", flush=True)
    warm = whole.warm(rows, with_witness=with_witness)
    size = len(warm.state.index)
    levels = len(warm.state.index.lattice().levels)
    print(f"{size} rows, {levels} cuboid levels, warm after {time.perf_counter() - begun:.0f} s", flush=True)
    watch = Stopwatch()
    for module in MODULES:
        watch.watch_module(module)
    for kind in _kinds(warm.core):
        watch.watch_class(kind)
    step = watch.timed("step", warm.step)
    took = []
    for _ in range(ticks):
        tick = warm.next_tick()
        cpu = time.process_time()
        step(tick)
        took.append(time.process_time() - cpu)
    watch.restore()
    states: dict[str, int] = {}
    for candidate in warm.state.candidates:
        states[candidate.state] = states.get(candidate.state, 0) + 1
    print(f"rows in an episode {warm.episode_share():.2%}; candidates {states}")
    print(f"{ticks} ticks, {warm.core.timing.learn_every} between learning ticks; CPU time; self = not in a line below")
    print(f"{'ns/row/tick':>11} {'self':>8} {'share':>6} {'calls/tick':>10}")
    _print(watch.root.below["step"], "step", 0, ticks * size, ticks, watch.root.below["step"].seconds, least_share)
    triad = triad_ns()
    cpu_ns = sum(took) / ticks / size * 1e9
    print(
        f"CPU {cpu_ns:.0f} ns/row/tick (least {min(took) / size * 1e9:.0f}, most {max(took) / size * 1e9:.0f}); "
        f"triad {triad:.3f} ns; {cpu_ns / triad:.0f} triad elements"
    )


def _kinds(core: Core) -> list[type]:
    """Classes of the core's components and of their parts."""
    found: set[type] = set()
    waiting = list(vars(core).values())
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind.__module__.split(".")[0] not in PACKAGES or kind in found:
            continue
        found.add(kind)
        if is_dataclass(value) and not isinstance(value, Schema):
            waiting += [getattr(value, part.name) for part in fields(value)]
    return [
        *sorted(found - {type(core.schema), type(core.timing), type(core.parameters), ScopeCache}, key=str),
        Lattice,
    ]


def _print(node: Node, name: str, depth: int, points: int, ticks: int, whole_seconds: float, least: float) -> None:
    own = node.seconds - sum(below.seconds for below in node.below.values())
    ns = 1e9 / points
    share = node.seconds / whole_seconds
    print(
        f"{node.seconds * ns:11.1f} {own * ns:8.1f} {share:6.1%} {node.calls / ticks:10.1f}  {'  ' * depth}{name}",
        flush=True,
    )
    for title, below in sorted(node.below.items(), key=lambda item: -item[1].seconds):
        if below.seconds >= least * whole_seconds:
            _print(below, title, depth + 1, points, ticks, whole_seconds, least)
