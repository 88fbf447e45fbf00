"""`python -m benchmarks.speed [ROW ...]`: see docs/reference/speed-benchmark.md."""

from __future__ import annotations

import os
import sys

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_threads] = "1"  # before numpy is imported

from benchmarks.speed.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
