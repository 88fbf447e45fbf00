"""The Makefile is the front door: every target says what it does, and CI goes through it."""

from __future__ import annotations

import re
import subprocess

from tests.docs.tree import ROOT, pages

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)


def test_the_promised_targets_are_there() -> None:
    """demo, test, check, bench, quality and docs exist."""
    assert {"demo", "test", "check", "bench", "quality", "docs"} <= set(TARGETS)


def test_every_target_has_one_line_of_help() -> None:
    """`make` alone lists each target with its help."""
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert TARGETS == re.findall(r"^  make ([a-z]+)\s+\S", told, re.MULTILINE)


def test_every_target_in_the_pages_exists() -> None:
    """A page that says `make X` names a target of the Makefile."""
    said = {
        (page.name, target)
        for page in pages()
        for target in re.findall(r"(?:^|[`$] ?)make ([a-z]+)\b", page.read_text(), re.MULTILINE)
    }

    assert set() == {(page, target) for page, target in said if target not in TARGETS}


def test_ci_runs_what_people_run() -> None:
    """CI calls make check, then make test, so that its last words are pytest's summary."""
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make ")]

    assert ["make check", "make test"] == lines
