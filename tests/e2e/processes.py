"""Starting and ending the programs that tests need: free ports, logs in a file, nothing left running."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path


class StartError(Exception):
    """A program did not come up; the message holds the end of its log."""


def free_port() -> int:
    """A port of the loopback that nobody listened on a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def spawn(command: Sequence[str], log: Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
    """Starts a program with its output in `log`; it dies with us where setpriv can arrange that, even by SIGKILL."""
    setpriv = shutil.which("setpriv")
    leash = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
    with log.open("ab") as out:
        return subprocess.Popen([*leash, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, *, seconds: float) -> None:
    """Returns when `ready()`; raises StartError when the program ends before, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise StartError(f"ended with code {process.returncode} before it was ready\n{tail(log)}")
        if time.monotonic() > deadline:
            raise StartError(f"not ready after {seconds:g} s\n{tail(log)}")
        time.sleep(0.1)


def listens(port: int) -> bool:
    """True when something accepts connections on that port of the loopback."""
    with socket.socket() as client:
        client.settimeout(1.0)
        return client.connect_ex(("127.0.0.1", port)) == 0


def end(process: subprocess.Popen[bytes], *, seconds: float = 5.0) -> None:
    """Asks the program to end, and kills it when it does not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, "" where there is none."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
