"""The real parts that tests may need: which are on this machine, and the one line that installs what is not."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
APT = "apt-get install -y --no-install-recommends"
ABSENT = "real part absent"


@dataclass(frozen=True)
class Part:
    """A real part: its name, what was found of it ("" = absent), and how to get it."""

    name: str
    found: str
    install: str


@cache
def java_version() -> int:
    """Major version of the java on the path, 0 where there is none."""
    if not shutil.which("java"):
        return 0
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', told)
    return int(match.group(1)) if match else 0


@cache
def parts() -> dict[str, Part]:
    """Every part but the broker (broker.py chooses among three), by name."""
    promtool = shutil.which("promtool") or ""
    prometheus = shutil.which("prometheus") or ""
    browser = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), "")
    if not importlib.util.find_spec("playwright"):
        browser = ""
    return {
        "promtool": Part("promtool", promtool, f"{APT} prometheus"),
        "prometheus": Part("prometheus", prometheus, f"{APT} prometheus"),
        "chromium": Part("chromium", browser, f"{APT} chromium libatomic1 && pip install playwright"),
    }


def in_ci() -> bool:
    """True where an absent part is a failure (`CI=true`), since nobody would read a skip there."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


def absent(name: str, install: str, why: str = "") -> None:
    """Skips the test that needs `name`, or fails it in CI; either way the reason names the line that installs it."""
    reason = f"{ABSENT}: {name}{': ' + why if why else ''}; install it with: {install}"
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def require(name: str) -> str:
    """Path of a part; skips, or fails in CI, where it is absent."""
    part = parts()[name]
    if not part.found:
        absent(part.name, part.install)
    return part.found
