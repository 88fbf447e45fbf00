"""The reference pages name every key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin.config.calendar_models import CalendarFileModel, SilencesFileModel
from tocsin.config.json_schema import json_schema
from tocsin.config.models import ConfigModel

DOCS = Path(__file__).parents[2] / "docs"


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
