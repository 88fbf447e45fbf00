"""Finds the end of a stretch of a partition that cannot be read, in a bounded number of looks."""

from __future__ import annotations

from collections.abc import Callable


def next_readable(is_readable: Callable[[int], bool], first: int, end: int) -> int:
    """The first offset from `first` on where reading works again; `end` if there is none; `first` if all is well.

    Gallops (1, 2, 4, ... offsets on) to something readable, then bisects: at most 2 log2(end - first) + 1 looks.
    A broken stretch is a whole batch of the producer, so that looks inside it all fail.
    """
    if first >= end or is_readable(first):
        return first
    bad, step = first, 1
    while (good := min(first + step, end)) < end and not is_readable(good):
        bad, step = good, step * 2
    while good - bad > 1:
        middle = (good + bad) // 2
        if is_readable(middle):
            good = middle
        else:
            bad = middle
    return good
