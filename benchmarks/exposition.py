"""Row 9 of the speed bars: 10^5 gauges as text, prometheus-client's time over ours, on equal samples.

Run as `python -m benchmarks.exposition [--series N] [--rounds N]`. Both sides write in every round, in rotating order;
CPU time; the answers of both are read back with the client's own parser and compared before the clock starts.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tocsin.exposition import GaugeBlock, label_text

NAME = "tocsin_surprise"


def label_sets(series: int) -> list[dict[str, str]]:
    """Labels of a cube of about `series` cells."""
    return [
        {"metric": "requests", "device": f"device-{i % 50}", "region": f"r-{i // 50 % 40}", "activity": f"a{i // 2000}"}
        for i in range(series)
    ]  # fmt: skip


def parsed(text: bytes) -> dict[tuple[tuple[str, str], ...], float]:
    """Samples of an exposition by their labels."""
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    generator = np.random.default_rng(1)
    values = np.round(generator.normal(0, 3, options.series), 3)
    sets = label_sets(options.series)
    registry = CollectorRegistry()
    gauge = Gauge(NAME, "x", list(sets[0]), registry=registry)
    children = [gauge.labels(*labels.values()) for labels in sets]
    block = GaugeBlock(NAME, "x")
    block.grow(label_text(labels) for labels in sets)

    def theirs() -> bytes:
        return generate_latest(registry)

    def ours() -> bytes:
        return b"".join(block.write(values))

    for child, value in zip(children, values.tolist(), strict=True):
        child.set(value)
    left, right = parsed(theirs()), parsed(ours())
    assert left == right and len(left) == options.series, "both sides must write equal samples"  # noqa: PT018
    print(f"{'round':>5} {'prometheus-client ms':>21} {'ours ms':>9} {'ratio':>7}")
    ratios = []
    for number in range(options.rounds):
        values = np.round(generator.normal(0, 3, options.series), 3)
        for child, value in zip(children, values.tolist(), strict=True):
            child.set(value)  # not timed: only the writing is compared
        took = {}
        for side in ((theirs, ours), (ours, theirs))[number % 2]:
            started = time.process_time()
            side()
            took[side.__name__] = (time.process_time() - started) * 1000
        ratios.append(took["theirs"] / took["ours"])
        print(f"{number + 1:>5} {took['theirs']:>21.1f} {took['ours']:>9.1f} {ratios[-1]:>7.1f}")
    middle = statistics.median(ratios)
    print(f"row 9: median ratio {middle:.1f} (min {min(ratios):.1f}, max {max(ratios):.1f}); bar >= 15")


if __name__ == "__main__":
    main()
