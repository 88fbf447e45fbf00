"""Unanticipated high-impact events: independent tech-stack metrics of the same place moved too."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detector.pairing import witness_metrics
from detector.schema import MINUTE_MS
from suppression.candidate import Candidate, Testimony
from suppression.reasons import Reason
from suppression.suppressor import NO, Opinion, Scene
from suppression.width import leaves_of

ELASTICITIES = (0.25, 0.45, 0.65, 0.9, 1.15)
FRESH_TICKS = 5
STUDENT_SCALE = 1.3  # of t with 3 degrees of freedom, for a witness that nothing happened to
CALM_PRIOR = 0.25  # chance that an outside cause leaves a witness unmoved
FOUR_HOURS_MS = 240 * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Stack:
    """Likelihood ratio of "the outside moved" against "only we moved", summed over witnesses of the cuboid's places.

    `hold`: ratio at which the witnesses explain it (latched); `clear`: at which they contradict. No evidence is not
    calm: without a fresh witness the candidate is told at once. Lets go when 15 minutes of contradiction show that
    the witnesses recovered and ours did not, or after `most_ms`. `share`: of a part's fall that its place must have.
    """

    reason: Reason = "stack"
    hold: float = 2.0
    clear: float = -1.5
    most_ms: int = FOUR_HOURS_MS
    recovery_ms: int = 15 * MINUTE_MS
    share: float = 0.5
    finest_ms: int = 10 * MINUTE_MS  # longest tick at which parts are found before the whole

    def judge(self, candidate: Candidate, scene: Scene) -> Opinion:
        candidate.witnesses = self.testimonies(candidate, scene)
        places = max(len({scene.lattice.codes[:, w.row].tobytes() for w in candidate.witnesses}), 1)
        candidate.llr = sum(w.llr for w in candidate.witnesses) / math.sqrt(places)
        if not candidate.witnesses:
            candidate.is_latched = False
            return NO
        if candidate.is_latched:
            contradicted = candidate.llr <= self.clear and abs(candidate.raw) >= 0.5 * abs(candidate.peak_raw)
            candidate.clear_ticks = candidate.clear_ticks + 1 if contradicted else 0
            held_ms = scene.t_ms - (candidate.held_since_ms if candidate.held_since_ms is not None else scene.t_ms)
            most = max(self.most_ms, 8 * scene.timing.interval_ms)
            if candidate.clear_ticks >= scene.timing.ticks(self.recovery_ms) or held_ms >= most:
                candidate.is_latched = False
                candidate.waited_ticks = 1 << 30  # never waits or latches again
                return NO
            return Opinion(True, by=self._names(candidate, scene))
        if candidate.waited_ticks >= 1 << 30:
            return NO
        if candidate.llr >= self.hold:
            candidate.is_latched = True
            return Opinion(True, by=self._names(candidate, scene))
        if candidate.llr <= self.clear * math.sqrt(places):
            return NO
        candidate.waited_ticks += 1
        return Opinion(False, waits=candidate.waited_ticks <= self._patience(candidate, scene))

    def judge_part(self, candidate: Candidate, scene: Scene) -> Opinion:
        """Of a part of a place: held if witnesses explain the place and the place moves by half of what the part does.

        What moves a place from outside moves its devices and activities unequally, so that the part that moves most is
        found before the whole, which may never stand out from other places. While witnesses speak but the place lags
        behind, it waits: if no wider candidate takes it in while its patience lasts, it is told.
        """
        if candidate.is_latched:
            return self.judge(candidate, scene)
        if candidate.waited_ticks >= 1 << 30:
            return NO
        candidate.witnesses = self.testimonies(candidate, scene)
        places = max(len({scene.lattice.codes[:, w.row].tobytes() for w in candidate.witnesses}), 1)
        candidate.llr = sum(w.llr for w in candidate.witnesses) / math.sqrt(places)
        if candidate.llr < self.hold:
            return NO
        if self._moves_with_place(candidate, scene):
            return self.judge(candidate, scene)
        candidate.waited_ticks += 1
        return Opinion(False, waits=candidate.waited_ticks <= self._patience(candidate, scene))

    def _moves_with_place(self, candidate: Candidate, scene: Scene) -> bool:
        """Does the narrowest place that holds the candidate move its way, by half of its size at least?

        Not asked at long ticks: there the whole has shown what it does when its parts are found.
        """
        if scene.timing.interval_ms > self.finest_ms:
            return False
        row = place_around(candidate.present, scene)
        return row is not None and candidate.sign * float(scene.deviation[0, row]) >= self.share * abs(candidate.raw)

    def _patience(self, candidate: Candidate, scene: Scene) -> int:
        minutes = 5 if abs(candidate.size) >= 1 else 20 if abs(candidate.size) < 0.35 else 10
        return scene.timing.ticks(minutes * MINUTE_MS)

    def testimonies(self, candidate: Candidate, scene: Scene) -> list[Testimony]:
        """What each fresh witness of each place of the cuboid says."""
        out = []
        for row in witness_rows(candidate.present, scene):
            if scene.age[row] > FRESH_TICKS:
                continue
            z = scene.z[:2, row]
            if not np.isfinite(z).any():
                continue
            h = int(np.nanargmax(np.abs(z)))
            value = float(z[h])
            sd = max(abs(float(scene.deviation[h, row])) / max(abs(value), 0.3), 0.02)
            signed = candidate.sign * value
            llr = log_likelihood_ratio(signed, abs(candidate.size) / sd)
            surprise = scene.residual[row]
            out.append(Testimony(int(row), float(surprise) if np.isfinite(surprise) else 0.0, llr, int(scene.age[row])))
        return out

    @staticmethod
    def _names(candidate: Candidate, scene: Scene) -> str:
        metrics = {scene.index.metric_of(w.row).name for w in candidate.witnesses if w.llr > 0}
        return ", ".join(sorted(metrics))


def log_likelihood_ratio(z: float, moved: float) -> float:
    """Of a witness's signed z: moved with us by some elasticity, against Student t (3 df); in [-1.5, 4]."""
    calm = student3(z)
    mean = 0.0
    for g in ELASTICITIES:
        mu = g * moved
        variance = 1 + (0.25 * mu) ** 2
        mean += math.exp(-((z - mu) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    mean /= len(ELASTICITIES)
    ratio = (CALM_PRIOR * calm + (1 - CALM_PRIOR) * mean) / calm
    return min(max(math.log(max(ratio, 1e-12)), -1.5), 4.0)


def student3(z: float) -> float:
    """Density of Student's t with three degrees of freedom and scale 1.3."""
    x = z / STUDENT_SCALE
    return 2 / (math.pi * math.sqrt(3) * (1 + x * x / 3) ** 2) / STUDENT_SCALE


def place_around(row: int, scene: Scene) -> int | None:
    """The row of the narrowest place, or group of places, that holds all leaves of a row; None without one."""
    around = scene.lattice.around(row)
    names = {scene.index.schema.place}
    inside = [int(r) for r in around[around >= 0] if {n.partition(".")[0] for n in scene.index.cuboid(int(r))} == names]
    return min(inside, key=lambda r: len(leaves_of(scene.lattice, r)), default=None)


def witness_rows(row: int, scene: Scene) -> list[int]:
    """Rows of all declared witnesses in every place of the cuboid: one per witness metric and place."""
    schema = scene.index.schema
    names = schema.dimension_names
    if schema.place not in names:
        return []
    metric = scene.index.metric_of(row)
    stacks = {i.witness for i in schema.independence if i.watched == metric.stack}
    d = names.index(schema.place)

    places = np.unique(scene.lattice.codes[d, leaves_of(scene.lattice, row)])
    tops = [len(x.parents) + 1 for x in schema.dimensions]
    out = []
    for k in witness_metrics(scene.index):
        witness = schema.metrics[k]
        if witness.stack not in stacks:
            continue
        has = [witness.dimensions is None or name in witness.dimensions for name in names]
        level = tuple((0 if i == d else tops[i]) if h else -1 for i, h in enumerate(has))
        table = scene.index.row_table(k, level)
        for place in places:
            codes = np.zeros((len(names), 1), np.int64)
            codes[d] = place
            found = table.get(int(scene.index.combine(codes)[0]))
            if found is not None:
                out.append(found)
    return out
