"""The demand grid of the pipeline tests: the whole one where it lies beside this tree, else the shipped sample."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
WHOLE = ROOT.parent / "shared" / "data" / "grid_bike_s11"
SAMPLE = ROOT / "tests" / "data" / "grid_bike_sample"
EXAMPLE = ROOT / "configs" / "examples" / "grid-bike.yaml"


@dataclass(frozen=True)
class Grid:
    """A folder with `series.csv.gz` and `calendar.csv`; `name` says in the test's id which one ran."""

    name: str
    folder: Path

    @property
    def series(self) -> Path:
        return self.folder / "series.csv.gz"

    @property
    def calendar(self) -> Path:
        return self.folder / "calendar.csv"


def sample() -> Grid:
    """Ten weeks, always here."""
    return Grid("shipped sample", SAMPLE)


def whole() -> Grid:
    """Two years if they are here, else the sample under a name that says so."""
    if (WHOLE / "series.csv.gz").is_file():
        return Grid("whole grid", WHOLE)
    return Grid("shipped sample, the whole grid is absent", SAMPLE)


def tocsin(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, which must be a good one."""
    command = [sys.executable, "-m", "tocsin.cli", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=500)
    assert 0 == done.returncode, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done


def write_config(folder: Path, of: Grid, bootstrap: str, changes: dict[str, Any]) -> Path:
    """The shipped example and the imported calendar in `folder`, with the broker of the test and `changes` on top."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "calendar.yaml").write_text(tocsin("calendar", "import-csv", of.calendar, "--interval", "1h").stdout)
    document = YAML(typ="safe").load(EXAMPLE.read_text())
    document["source"]["kafka"]["bootstrap_servers"] = [bootstrap]
    for path, value in changes.items():
        *above, last = path.split(".")
        place = document
        for name in above:
            place = place.setdefault(name, {})
        place[last] = value
    file = folder / "tocsin.yaml"
    file.write_text(json.dumps(document))  # JSON is YAML
    return file


def backtest(config: Path, of: Grid, out: Path) -> list[dict[str, Any]]:
    """Every transition of a backtest, in order."""
    tocsin("backtest", "-c", config, of.series, "--out", out)
    return [json.loads(line) for line in (out / "alarms.jsonl").read_text().splitlines()]
