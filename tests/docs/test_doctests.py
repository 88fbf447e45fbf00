"""Numbers in docstrings are shown by examples that run."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("detector", "ensemble", "suppression", "connectors", "tocsin", "benchmarks", "scripts")
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_hold(name: str) -> None:
    """Every module that shows one."""
    result = doctest.testmod(importlib.import_module(name.removesuffix(".__init__")))

    assert result.attempted > 0
    assert 0 == result.failed
