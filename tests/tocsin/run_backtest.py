"""`tocsin backtest` as a person types it, for tests."""

from __future__ import annotations

import sys

import pytest

from tocsin import cli


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Runs it to its end; gives the exit code."""
    monkeypatch.setattr(sys, "argv", ["tocsin", "backtest", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)
