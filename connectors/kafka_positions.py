"""Where reading a partition begins: at the kept position or where the configuration says; and what is gone by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from detector.frame import Lost

Start = Literal["history", "latest", "earliest"]


class Place(NamedTuple):
    """Begin reading one partition: the next offset wanted, what is lost before it, and a word if it is not ours."""

    offset: int
    lost: Lost | None = None
    notice: str = ""


def find_places(
    consumer: Any, partitions: Sequence[Any], kept: Mapping[Any, int], start: Start, since_ms: int
) -> tuple[dict[Any, Place], dict[Any, int], dict[Any, int]]:
    """Places, first offsets and end offsets of partitions (of kafka-python's TopicPartition); raises KafkaError."""
    begins, ends = consumer.beginning_offsets(list(partitions)), consumer.end_offsets(list(partitions))
    fresh = [tp for tp in partitions if tp not in kept]
    history = _since(consumer, fresh, since_ms) if start == "history" else {}
    places = {}
    for tp in partitions:
        begin, end = begins[tp], max(ends[tp], begins[tp])
        if tp in kept:
            places[tp] = resume(kept[tp], begin, end)
        elif start == "latest":
            places[tp] = Place(end)
        else:
            places[tp] = Place(max(history.get(tp, begin), begin))
    return places, begins, ends


def resume(kept: int, begin: int, end: int) -> Place:
    """Goes on from a kept position, which retention may have passed, or which belongs to a topic that was made anew."""
    if kept < begin:
        return Place(begin, Lost(kept, begin, "retention"))
    if kept > end:
        return Place(begin, None, f"the topic was made anew or cut: it ends at {end}, we had read further")
    return Place(kept)


def _since(consumer: Any, partitions: Sequence[Any], since_ms: int) -> dict[Any, int]:
    """First offset not older than `since_ms`; nothing for partitions where the broker cannot say, or all is older.

    All older: then the beginning is right too, since retention keeps what is there, and a broker that cannot look up
    times must not make us skip everything.
    """
    from kafka.errors import KafkaError

    if not partitions:
        return {}
    try:
        found = consumer.offsets_for_times({tp: max(0, since_ms) for tp in partitions})
    except KafkaError:
        return {}
    return {tp: at.offset for tp, at in found.items() if at is not None and at.offset is not None and at.offset >= 0}
