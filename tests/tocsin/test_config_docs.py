"""The reference pages name every key, and the examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from tocsin.config.calendar_models import CalendarFileModel, SilencesFileModel
from tocsin.config.json_schema import json_schema
from tocsin.config.models import ConfigModel

DOCS = Path(__file__).parents[2] / "docs"
MODULES = (
    "suppression.scope", "suppression.recurrence", "suppression.holidays", "tocsin.config.document",
    "tocsin.config.duration", "tocsin.config.series_models", "tocsin.config.time_fields",
    "tocsin.config.calendar_models", "tocsin.silences_edit", "tocsin.moment",
)  # fmt: skip


@pytest.mark.parametrize(
    ("page", "models"),
    [("configuration.md", (ConfigModel,)), ("calendar.md", (CalendarFileModel, SilencesFileModel))],
)
def test_reference_names_every_key(page: str, models: tuple[type, ...]) -> None:
    """A key that is not on its page does not exist for its readers."""
    text = (DOCS / "reference" / page).read_text(encoding="utf-8")
    schemas = [json_schema(model, "t") for model in models]
    names = {
        name
        for schema in schemas
        for part in [schema, *schema["definitions"].values()]
        for name in part.get("properties", {})
    }

    assert set() == {name for name in names if name not in text}


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name: str) -> None:
    """Each module has an example, and it runs."""
    result = doctest.testmod(importlib.import_module(name))

    assert (0, True) == (result.failed, result.attempted > 0)
