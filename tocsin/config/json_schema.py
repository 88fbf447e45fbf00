"""JSON Schemas of the files, for editors; the draft-7 subset that YAML language servers read."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

DRAFT = "http://json-schema.org/draft-07/schema#"


def json_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The schema of a model, with `definitions` where pydantic writes `$defs`."""
    schema = model.model_json_schema(mode="validation")
    text = json.dumps(schema).replace('"#/$defs/', '"#/definitions/').replace('"$defs"', '"definitions"')
    return {"$schema": DRAFT, **json.loads(text), "title": title}
