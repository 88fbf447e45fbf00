"""What the pages tell people to type exists: commands and flags of `tocsin`, modules of `python -m`."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from scripts.command_tree import Command, command_tree
from tests.docs.tree import ROOT, name, pages

FENCE = re.compile(r"^```(?:sh|bash|console|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEAVY = {"pandas", "statsmodels", "river", "scipy", "sqlalchemy", "fastapi", "kafka", "numpy", "uvicorn", "pydantic"}


@cache
def tree() -> Command:
    """The commands of the program."""
    return command_tree()


def typed(page: Path) -> list[str]:
    """Lines of a page's shell blocks, without prompts and comments, continued lines joined."""
    lines = "\n".join(FENCE.findall(page.read_text())).replace("\\\n", " ").splitlines()
    return [re.sub(r"\s#.*$", "", line.strip().removeprefix("$ ")) for line in lines if line.strip()]


def calls(page: Path) -> list[list[str]]:
    """The words of each call of `tocsin` in the shell blocks of a page."""
    found = []
    for line in typed(page):
        for part in re.split(r"\s*(?:\|\||&&|;|\|)\s*", line):
            words = part.split()
            while words and (words[0] in {"sudo", "nice", "time", "exec"} or re.match(r"^[A-Z_]+=", words[0])):
                words.pop(0)
            if words and words[0].rsplit("/", 1)[-1] == "tocsin":
                found.append(shlex.split(part)[part.split().index(words[0]) + 1 :])
    return found


def fault(words: list[str]) -> str:
    """What is wrong with a call, "" when nothing is."""
    command = tree()
    for word in words:
        if word in {">", ">>", "<", "2>&1", "&"}:
            break
        if word.startswith("-") and word != "-":
            flag = word.partition("=")[0]
            if not re.match(r"^--?[a-z]", flag) or flag in {"--help", *command.flags}:
                continue
            return f"{command.path}: no flag {flag}"
        if command.commands:
            if word not in command.commands:
                return f"{command.path}: no command {word}"
            command = command.commands[word]
    return ""


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_command_on_a_page_exists(page: Path) -> None:
    """Each `tocsin …` in a shell block names a command and flags that the program has."""
    assert [] == [told for words in calls(page) if (told := fault(words))]


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_module_on_a_page_exists(page: Path) -> None:
    """Each `python -m benchmarks.…`, `tests.…` or `scripts.…` on a page names a module of the tree."""
    said = set(re.findall(r"python3? -m ((?:benchmarks|tests|scripts)[\w.]*\w)", page.read_text()))
    places = {module: ROOT / module.replace(".", "/") for module in said}

    assert [] == sorted(m for m, p in places.items() if not p.with_suffix(".py").exists() and not p.is_dir())


def test_help_loads_no_heavy_library() -> None:
    """`tocsin --help` answers at once, for it imports none of the heavy libraries."""
    code = "import sys\ntry:\n from tocsin.cli import main; main()\nfinally:\n print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False, cwd=ROOT)
    loaded = {module.split(".")[0] for module in done.stderr.split()}

    assert 0 == done.returncode, done.stderr[-500:]
    assert set() == loaded & HEAVY


def test_an_unknown_command_is_seen() -> None:
    """The check itself: an unknown command and an unknown flag are faults, a known call is none."""
    assert "" == fault(["config", "check", "--help"])
    assert "tocsin: no command confg" == fault(["confg", "check"])
    assert "tocsin version: no flag --colour" == fault(["version", "--colour"])
