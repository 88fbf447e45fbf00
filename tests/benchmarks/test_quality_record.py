"""A run as JSON: what was written can be read again, and what is no such file is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.quality.__main__ import main
from benchmarks.quality.record import read
from detector.errors import DataError
from tests.benchmarks.quality_sets import long_set


def test_the_figures_of_the_table_stand_in_the_file(tmp_path: Path) -> None:
    """By method, with the command and the promise; the limit of the budget is among those that are swept."""
    file = tmp_path / "run.json"
    folder, out = str(long_set(tmp_path / "set")), str(tmp_path / "out")
    main([folder, "--out", out, "--budget", "0.25", "--method", "plain", "--peer", "ewma", "--json", str(file)])
    (record,) = read(file)

    assert ("set", 0.25) == (record.name, record.budget)
    assert record.command.startswith("python -m benchmarks.quality ")
    assert ["plain", "ewma"] == list(record.methods)
    assert 1.0 == record.methods["plain"]["recall"]
    assert {"sweep@0.25", "sweep@0.5", "sweep@1", "pages@0.25"} <= set(record.methods["ewma"])
    assert record.methods["ewma"]["worst_class"] is None  # too few pages are due in two short series


@pytest.mark.parametrize("text", ["", "7", "[]x", json.dumps({"format": 99}), json.dumps({"format": 1})])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    """The file is named."""
    file = tmp_path / "run.json"
    file.write_text(text)

    with pytest.raises(DataError, match=r"run\.json: expected"):
        read(file)
