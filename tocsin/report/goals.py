"""Goals: `recall<0.9,false_pages>20` names what must not be."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from detector.errors import ConfigError
from tocsin.report.figures import MEANING, names, needs_labels

FORM = re.compile(r"\s*([A-Za-z_0-9]+)\s*([<>])\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
EXPECTED = "expected figure<number or figure>number, with commas between, such as 'recall<0.9,false_pages>20'"


class Goal(NamedTuple):
    """The check fails when `figure` is below (`<`) or above (`>`) the limit, or cannot be counted."""

    figure: str
    sign: str
    limit: float

    @property
    def text(self) -> str:
        """What is wanted: the other way round from what fails."""
        return f"{self.figure} {'≥' if self.sign == '<' else '≤'} {self.limit:g}"


class Verdict(NamedTuple):
    """A goal and what it came to."""

    goal: Goal
    value: float
    is_met: bool


def parse_goals(text: str, has_labels: bool) -> tuple[Goal, ...]:
    """The goals of `--fail-on`; ConfigError says what a goal looks like and which figures there are."""
    goals = []
    for piece in text.split(","):
        match = FORM.fullmatch(piece)
        if match is None:
            raise ConfigError(f"--fail-on: {EXPECTED}, got {piece.strip()!r}")
        figure, sign, limit = match.groups()
        if figure not in names():
            near = get_close_matches(figure, names(), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            known = ", ".join(MEANING)
            raise ConfigError(
                f"--fail-on: unknown figure {figure!r}{hint} There are {known}; and by situation, such as recall_quiet"
            )
        if needs_labels(figure) and not has_labels:
            raise ConfigError(f"--fail-on: {figure} is known only with --labels")
        goals.append(Goal(figure, sign, float(limit)))
    return tuple(goals)


def check(goals: tuple[Goal, ...], values: Mapping[str, float]) -> tuple[Verdict, ...]:
    """What each goal came to; what cannot be counted is not met."""
    out = []
    for goal in goals:
        value = values.get(goal.figure, math.nan)
        is_met = math.isfinite(value) and not (value < goal.limit if goal.sign == "<" else value > goal.limit)
        out.append(Verdict(goal, value, is_met))
    return tuple(out)
