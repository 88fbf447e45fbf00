"""What deploy/ and the Dockerfile say fits the program: linted here, since no container engine runs where tests run."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.docs.test_commands import fault
from tests.docs.tree import ROOT
from tocsin.calendar_file import load_calendar
from tocsin.config.load import load_config

COMPOSE = ROOT / "deploy" / "compose"
UNIT = ROOT / "deploy" / "systemd" / "tocsin.service"
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def read(file: Path) -> Any:
    """A YAML file as plain values."""
    return YAML(typ="safe", pure=True).load(file.read_text())


def test_the_compose_configuration_is_valid() -> None:
    """The configuration and the calendar that compose mounts load without a fault."""
    config = load_config(COMPOSE / "tocsin" / "tocsin.yaml", {"TOCSIN__WEB__LISTEN": "0.0.0.0:9464"})
    calendar = load_calendar(config.calendar_files())

    assert ("client-activity",) == tuple(config.source.kafka.topics)
    assert () == tuple(calendar.events)


def test_what_compose_mounts_exists() -> None:
    """Each file or folder of ours that a service mounts is there, and each image is pinned to a version."""
    services = read(COMPOSE / "compose.yaml")["services"].values()
    mounts = [volume.split(":")[0] for service in services for volume in service.get("volumes", [])]

    assert [] == [mount for mount in mounts if mount.startswith(".") and not (COMPOSE / mount).exists()]
    assert all(re.search(r":v?\d+\.\d+\.\d+$", service["image"]) for service in services if "image" in service)


def test_what_compose_starts_exists() -> None:
    """The command of the service tocsin is one of the program's, with flags that it has."""
    assert "" == fault(read(COMPOSE / "compose.yaml")["services"]["tocsin"]["command"])


def test_what_the_image_starts_exists() -> None:
    """The Dockerfile's command and health check are commands of the program."""
    words = [shlex.split(re.sub(r"[\[\],]", " ", line)) for line in re.findall(r"CMD (\[.*\])", DOCKERFILE)]

    assert ["health"] == words[0][1:]
    assert ["", ""] == [fault(words[0][1:]), fault(words[1])]


def test_the_image_copies_what_exists_and_runs_as_nobody() -> None:
    """Each COPY names a path of the tree that .dockerignore lets through; the user is 10001."""
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = [word for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]]

    assert [] == [source for source in sources if not (ROOT / source).exists() or f"!{source}" not in ignored]
    assert "USER 10001:10001" in DOCKERFILE


def test_what_the_unit_starts_exists() -> None:
    """ExecStart is a command of the program."""
    start = re.search(r"^ExecStart=\S+/tocsin (.*)$", UNIT.read_text(), re.MULTILINE)

    assert start
    assert "" == fault(start[1].split())


def test_the_unit_is_closed_tight() -> None:
    """The unit runs as nobody, may write only its state, and is at most 2.2 of 10 exposed by systemd's own measure."""
    lines = UNIT.read_text().splitlines()
    wanted = [
        "DynamicUser=yes",
        "StateDirectory=tocsin",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "PrivateTmp=yes",
    ]

    assert [] == [line for line in wanted if line not in lines]
    if shutil.which("systemd-analyze"):
        command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(UNIT)]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
        assert level is None or float(level[1]) <= 2.2  # None: a systemd too old to look at a file
