"""The tree as the tests of the house see it: tracked files, pages, packages, tables of kinds."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
LADDER = ("detector", "ensemble", "suppression", "connectors", "tocsin")
KIND = re.compile(r"^(?P<module>[a-z_]+(\.[a-z_0-9]+)+):[A-Za-z_]+$")


@cache
def files() -> tuple[Path, ...]:
    """Every file that is tracked, or new and not ignored; where git is missing, all outside hidden folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        found = [ROOT / name for name in done.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts)]
    return tuple(sorted(path for path in found if path.is_file()))


def pages() -> list[Path]:
    """Every page that people read."""
    return [path for path in files() if path.suffix == ".md" and "data" not in path.relative_to(ROOT).parts]


def modules() -> list[Path]:
    """Every Python file of the five packages."""
    return [path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in LADDER]


def name(path: Path) -> str:
    """A path as people write it: relative to the root of the tree."""
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it, `from a import b` counted as `a` and as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def tables() -> dict[str, list[str]]:
    """Per folder of kinds, the modules that its table names: {"detector/scorers": ["detector.scorers.zero_run", …]}."""
    found: dict[str, list[str]] = {}
    for path in modules():
        if path.name != "__init__.py":
            continue
        texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
        kinds = [match["module"] for text in texts if isinstance(text, str) and (match := KIND.match(text))]
        if kinds:
            found[name(path.parent)] = kinds
    return found
