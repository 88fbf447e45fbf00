"""The command line: every command is there, help is fast, errors are one sentence and an exit code."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.errors import RefusedError, UnreachableError
from tocsin import cli
from tocsin.command_table import TABLE, load

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "demo", "run", "backfill", "backtest", "feed", "config", "calendar", "silence", "alarms", "suppressed", "explain",
    "rules", "health", "version",
)  # fmt: skip


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Runs the program in this process and gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["tocsin", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def failing(error: BaseException) -> Callable[..., None]:
    def app(**_: object) -> None:
        raise error

    return app


def test_help_names_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`tocsin --help` lists the commands of the design, each with what it is for."""
    assert 0 == call(monkeypatch, "--help")

    told = capsys.readouterr().out
    assert COMMANDS == tuple(TABLE)
    assert [] == [name for name, entry in TABLE.items() if f"  {name} " not in told or not entry.help]


def test_help_takes_less_than_a_fifth_of_a_second() -> None:
    """The best of five calls, in processor time: a busy machine is no fault of ours."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "tocsin.cli", "--help"], cwd=ROOT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert 0.2 > min(spent)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_under_its_name(name: str) -> None:
    """What the table names exists, and has a help of its own."""
    command = load(name)

    assert name == command.name
    assert command.help


@pytest.mark.parametrize("arguments", [("confg",), ("version", "--colour"), ("--colour",), ("run", "-c"), ()])
def test_wrong_usage_is_exit_code_2(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown command, an unknown option, a missing value; without anything the help is shown."""
    assert 2 == call(monkeypatch, *arguments)
    told = capsys.readouterr()
    assert "Usage: tocsin" in told.err + told.out or "requires an argument" in told.err


def test_a_misspelt_command_is_told_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`confg` was meant to be `config`."""
    call(monkeypatch, "confg")

    assert "No such command 'confg'. Did you mean 'config'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UnreachableError("broker a:1: no answer"), 3, "tocsin: broker a:1: no answer\n"),
        (RefusedError("the data directory is in use"), 4, "tocsin: the data directory is in use\n"),
        (OSError(28, "No space left on device", "out.csv"), 74, "tocsin: out.csv: No space left on device\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_is_a_sentence_and_its_exit_code(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback for what people can put right."""
    monkeypatch.setattr(cli, "app", failing(error))

    assert code == call(monkeypatch, "version")
    assert message == capsys.readouterr().err


def test_a_configuration_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit code 2, and the path."""
    assert 2 == call(monkeypatch, "run", "-c", str(tmp_path / "gone.yaml"))
    assert "gone.yaml" in capsys.readouterr().err


def test_no_color_is_passed_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """--no-color does what NO_COLOR in the environment does."""
    monkeypatch.setenv("NO_COLOR", "")

    assert 0 == call(monkeypatch, "--no-color", "version")
    assert "1" == os.environ["NO_COLOR"]
    assert capsys.readouterr().out.startswith("tocsin ")
