"""`python -m benchmarks.quality.cold_start`: a device is born into a running service; what is expected and told."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.table import aligned
from connectors.simulation import Rates, World, WorldParameters, make_geography
from detector.frame import Tick
from detector.timing import DAY_MS
from detector.view import View
from suppression.controls import Controls
from tocsin.core import Core, State
from tocsin.fork import fork
from tocsin.newborn import Newborn
from tocsin.parameters import Parameters
from tocsin.pipeline import step
from tocsin.warmup import warm_up

MINUTE_MS = 60_000
DAY_MINUTES = DAY_MS // MINUTE_MS
HISTORY_DAYS = 14
BIRTH_MINUTE = HISTORY_DAYS * DAY_MINUTES + 6 * 60 + 17  # in the morning of the first day of week 3
DAYS = 4  # watched after the birth
BORN, FAMILY = "phone-1", "phone"
Switch = Callable[[Core], None]


class Outcomes(NamedTuple):
    """What one variant made of the birth."""

    error: NDArray[np.float64]  # (hours, born leaves) |log deviation| of hourly sums from what was expected
    weight: NDArray[np.float64]  # (born leaves,) usual counts an hour
    judged_sd: float  # of F's middle horizon over born leaves in days 2 to 4, in standard deviations; 1 is right
    told: dict[str, int]  # where → pages told; nothing is wrong in this world
    raised: dict[str, int]  # where → candidates


def a_world(seed: int) -> World:
    """320 leaves in which nothing happens but noise and gaps."""
    geography = make_geography({"phone": 3, "tv": 3, "browser": 2}, {"na": 3, "eu": 5})
    minutes = BIRTH_MINUTE + DAYS * DAY_MINUTES
    return World(
        WorldParameters(seed=seed, minutes=minutes, history_days=HISTORY_DAYS, geography=geography,
                        rates=Rates().only("gap"))
    )  # fmt: skip


def learnt(world: World) -> tuple[State, NDArray[np.bool_]]:
    """The state after two weeks without the device, and which leaves are of it."""
    born = np.array([key[1] == BORN for key in world.leaves])
    core = Core(world.schema(), Parameters())
    panel = world.panel(0, HISTORY_DAYS * DAY_MINUTES)
    keys = [key for key, new in zip(world.leaves, born, strict=True) if not new]
    return warm_up(core, core.init(), keys, panel.t_ms, panel.y[:, ~born]), born


def run(world: World, start: State, born: NDArray[np.bool_], switch: Switch) -> Outcomes:
    """Steps on from the end of history; the device's samples begin in the middle of a morning."""
    core, state = Core(world.schema(), Parameters()), fork(start)
    core.budget.settle(state.budget, core.adapt(state).watched_leaves)
    switch(core)
    observed, expected = np.zeros((2, DAYS * DAY_MINUTES, int(born.sum())))
    z: list[NDArray[np.float32]] = []
    seen: dict[str, tuple[str, bool]] = {}
    delivered = np.ones(len(core.schema.metrics), bool)
    old = np.array([state.index.rows[key] for key, new in zip(world.leaves, born, strict=True) if not new])
    rows = np.zeros(0, np.int64)
    i = HISTORY_DAYS * DAY_MINUTES - BIRTH_MINUTE  # minutes since the birth
    for panel in world.chunks(6 * 60, HISTORY_DAYS * DAY_MINUTES):
        for t_ms, values in zip(panel.t_ms.tolist(), panel.y, strict=True):
            if i == 0:
                keys = [key for key, new in zip(world.leaves, born, strict=True) if new]
                state.index.admit(keys)
                rows = np.array([state.index.rows[key] for key in keys])
            y = np.full(len(state.index), np.nan)
            y[old] = values[~born]
            y[rows] = values[born][: len(rows)]
            state, outcome = step(core, state, Tick(t_ms, y, delivered), Controls())
            if i >= 0:
                _note(state, seen)
                known = np.isfinite(outcome.observed[rows])
                observed[i] = np.where(known, outcome.observed[rows], 0)
                expected[i] = np.where(known, np.nan_to_num(outcome.expected[rows]), 0)
                if i >= DAY_MINUTES and i % 60 == 0:
                    z.append(_middle_z(state, rows))
            i += 1
    hours = [a.reshape(-1, 60, a.shape[1]).sum(axis=1) for a in (observed, expected)]
    error = np.abs(np.log((hours[0] + 1) / (hours[1] + 1)))
    told = {where: sum(w == where and was_told for w, was_told in seen.values()) for where in WHERE}
    raised = {where: sum(w == where for w, _ in seen.values()) for where in WHERE}
    return Outcomes(error, hours[0].mean(axis=0), float(np.std(np.stack(z))), told, raised)


def _note(state: State, seen: dict[str, tuple[str, bool]]) -> None:
    """Where candidates are, and whether they were ever told."""
    for c in state.candidates:
        labels = state.index.cuboid(c.present)
        where = "born" if labels.get("device") == BORN else "above it" if _above(labels) else "elsewhere"
        seen[c.alarm_id] = where, c.fired_ms is not None or seen.get(c.alarm_id, ("", False))[1]


def _middle_z(state: State, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(born leaves,) deviation over 15 minutes in standard deviations."""
    Y, M, Q = (sums[1, rows] for sums in (state.residual.Y, state.residual.M, state.residual.Q))
    scale = M / np.maximum(Q, 1e-9)
    out: NDArray[np.float32] = np.log((Y * scale + 1) / (M * scale + 1))
    return out / np.sqrt(1 / (M * scale + 1) + state.residual.sig2[1, rows])


WHERE = ("born", "above it", "elsewhere")


def _above(labels: dict[str, str]) -> bool:
    """Does the cuboid hold leaves of the device?"""
    return labels.get("device", BORN) == BORN and labels.get("device.family", FAMILY) == FAMILY


@dataclass(frozen=True, slots=True)
class Unheeded(Newborn):
    """Roll-ups take new volume as it comes."""

    def fresh(self, state: State, view: View) -> None:
        """Nobody is."""


def _without_first_week(core: Core) -> None:
    core.seasonal = replace(core.seasonal, young_ms=0)


def _flat(core: Core) -> None:
    core.newborn = NoShape(core.newborn.timing, core.newborn.seasonal, core.newborn.warmup_ms)


def _lifted(core: Core) -> None:
    core.newborn = Unheeded(core.newborn.timing, core.newborn.seasonal, core.newborn.warmup_ms)


@dataclass(frozen=True, slots=True)
class NoShape(Newborn):
    """New rows start flat."""

    def adopt(self, state: State, before: int) -> None:
        """They take nothing."""


def _flat_without_first_week(core: Core) -> None:
    _flat(core)
    _without_first_week(core)


SWITCHES: dict[str, Switch] = {
    "tocsin": lambda core: None,
    "first week like others": _without_first_week,
    "flat": _flat,
    "flat, first week like others": _flat_without_first_week,
    "roll-ups lifted": _lifted,
}


def main(argv: Sequence[str] | None = None) -> int:
    """One line a seed and start."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.cold_start", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", help="of a world; repeatable; default 7")
    parser.add_argument("--only", action="append", choices=sorted(SWITCHES), help="this start; repeatable; default all")
    arguments = parser.parse_args(argv)
    rows = []
    for seed in arguments.seed or [7]:
        world = a_world(seed)
        start, born = learnt(world)
        for name, switch in SWITCHES.items():
            if arguments.only and name not in arguments.only:
                continue
            out = run(world, start, born, switch)
            parts = (slice(1, 24), slice(24, 48), slice(48, 24 * DAYS))
            errors = [np.average(out.error[part].mean(axis=0), weights=out.weight) for part in parts]
            places = [f"{out.told[where]}/{out.raised[where]}" for where in WHERE]
            rows.append([f"{seed}", name, *(f"{e:.3f}" for e in errors), f"{out.judged_sd:.2f}", *places])
    head = ["seed", "start", "error hours 2-24", "day 2", f"days 3-{DAYS}", f"sd of F days 2-{DAYS}"]
    head += [f"told/raised {where}" for where in WHERE]
    print("\n".join(aligned([head, *rows])))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
