"""`python -m benchmarks.speed`: see docs/reference/speed-benchmark.md."""

from __future__ import annotations

import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_threads] = "1"  # before numpy is imported

import argparse  # noqa: E402
import sys  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.speed")
    parser.add_argument("what", choices=["profile"])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--ticks", type=int, default=30)
    parser.add_argument("--least-share", type=float, default=0.005)
    parser.add_argument("--witness", action="store_true")
    options = parser.parse_args()
    from benchmarks.speed.profile import profile

    profile(options.rows, options.ticks, options.least_share, with_witness=options.witness)
    return 0


if __name__ == "__main__":
    sys.exit(main())
