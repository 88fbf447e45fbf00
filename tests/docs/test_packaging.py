"""One wheel holds the five packages, typed, with their data and their licence."""

from __future__ import annotations

import tomllib

import pytest

from tests.docs.tree import LADDER, ROOT, modules, name

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("package", LADDER)
def test_each_package_is_typed(package: str) -> None:
    """Each of the five packages ships py.typed."""
    assert (ROOT / package / "py.typed").is_file()


def test_every_folder_with_code_is_a_package() -> None:
    """A folder without __init__.py would be left out of the wheel."""
    folders = {path.parent for path in modules()}

    assert [] == sorted(name(folder) for folder in folders if not (folder / "__init__.py").is_file())


def test_the_licence_and_the_notice_are_shipped() -> None:
    """Apache-2.0, with LICENSE and NOTICE in the wheel."""
    project = PYPROJECT["project"]

    assert "Apache-2.0" == project["license"]
    assert all((ROOT / file).is_file() for file in project["license-files"])
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_changelog_knows_this_version() -> None:
    """The version of pyproject.toml has its heading in the changelog."""
    assert f"## {PYPROJECT['project']['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_data_of_the_packages_is_named() -> None:
    """Every kind of file that is not code in a package is matched by package-data, so that the wheel holds it."""
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["*"]
    suffixes = {pattern.removeprefix("*") for pattern in patterns if pattern.startswith("*")}
    found = {
        name(path)
        for package in LADDER
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ""} and "__pycache__" not in path.parts
    }

    assert [] == sorted(path for path in found if not path.endswith((*suffixes, "py.typed")))


def test_lock_names_no_place() -> None:
    """The lock pins versions only: no address and no path, so that any index serves it."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()

    assert [] == [line for line in lines if line and not line.startswith("#") and ("@" in line or "/" in line)]
