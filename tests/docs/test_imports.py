"""The import ladder, and that kinds of one folder never import each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.docs.tree import LADDER, ROOT, imports, modules, name, tables


def _by_module() -> dict[str, Path]:
    return {name(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in modules()}


def test_imports_go_one_way() -> None:
    """No module imports a package above its own in detector < ensemble < suppression < connectors < tocsin."""
    wrong = []
    for path in modules():
        above = LADDER[LADDER.index(path.relative_to(ROOT).parts[0]) + 1 :]
        wrong += [f"{name(path)} imports {module}" for module in imports(path) if module.split(".")[0] in above]

    assert [] == wrong


def test_the_contracts_of_import_linter_hold() -> None:
    """The contracts in pyproject.toml are kept: the ladder, and no I/O library in the pure layers."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout


def test_every_table_names_modules_that_exist() -> None:
    """Each `kind → "module:Class"` line of a folder points to a file of ours."""
    wanted = {module for kinds in tables().values() for module in kinds}

    assert [] == sorted(wanted - set(_by_module()))


def test_kinds_of_one_folder_never_import_each_other() -> None:
    """A scorer, suppressor, source … can be read and removed without the others of its folder."""
    by_module = _by_module()
    wrong = []
    for kinds in tables().values():
        for kind in kinds:
            others = set(kinds) - {kind}
            if kind not in by_module:  # told by the test above
                continue
            wrong += [f"{kind} imports {other}" for other in imports(by_module[kind]) & others]

    assert [] == wrong
