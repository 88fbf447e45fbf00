"""Load: a file, the environment over it, secrets from their files, and all faults at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tocsin.config.config import Config
from tocsin.config.cross_checks import SECOND_MS, WEEK_MS, cross_checks
from tocsin.config.document import parse_document, read_text
from tocsin.config.environment import expander, override
from tocsin.config.faults import Fault, FaultsError
from tocsin.config.models import ConfigModel
from tocsin.config.node import Node
from tocsin.config.secret import read_secret_files
from tocsin.config.validate import validate


def load_config(path: str | Path, environment: Mapping[str, str] | None = None, *, needs_source: bool = True) -> Config:
    """The configuration in the file; FaultsError (exit code 2) lists every fault as `file:line:col: path: reason`.

    `environment` defaults to the process's. Without `needs_source` the section `source` may be missing (backtest).
    """
    place = Path(path)
    return parse_config(read_text(place), str(path), environment, folder=place.parent, needs_source=needs_source)


def parse_config(
    text: str,
    file: str = "tocsin.yaml",
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path = Path(),
    needs_source: bool = True,
) -> Config:
    """The configuration in a text; as `load_config`."""
    variables = os.environ if environment is None else environment
    faults: list[Fault] = []
    root = parse_document(text, file, expander(variables), faults)
    faults += override(root, variables)
    faults_of_files, warnings = read_secret_files(root, folder)
    model, faults_of_shape = validate(ConfigModel, root)
    faults += faults_of_files + faults_of_shape
    faults += [root.fault(loc, reason) for loc, reason in cross_checks(root.plain())]
    if needs_source and "source" not in root.value:
        faults.append(root.fault(("source",), "is required: for example kafka: {bootstrap_servers: ..., topics: ...}"))
    if model is not None:
        faults += _ranges(root, model)
    if faults or model is None:
        raise FaultsError(faults)
    return Config(model, folder, file, tuple(sorted(set(warnings))))


def unwritable(config: Config) -> list[Fault]:
    """Faults of paths that the daemon must be able to write; looked at when it starts, not when a file is checked."""
    folder = config.data_dir
    place = next((p for p in [folder, *folder.parents] if p.exists()), Path("/"))
    if folder.exists() and not folder.is_dir():
        return [Fault(config.file, 1, 1, "node.data_dir", f"{folder} is not a folder")]
    if not os.access(place, os.W_OK | os.X_OK):
        return [Fault(config.file, 1, 1, "node.data_dir", f"{place} is not writable by this user")]
    return []


def _ranges(root: Node, model: ConfigModel) -> list[Fault]:
    """Intervals outside one second to one week."""
    intervals: dict[tuple[str | int, ...], int | None] = {("interval",): model.interval}
    intervals.update({("metrics", name, "interval"): metric.interval for name, metric in model.metrics.items()})
    return [
        root.fault(loc, "expected an interval from 1s to 7d")
        for loc, value in intervals.items()
        if value is not None and not SECOND_MS <= value <= WEEK_MS
    ]
