"""Fields: the base of all models, and the types of their fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from tocsin.config.duration import PATTERN, format_duration, parse_duration
from tocsin.config.node import describe

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
RESERVED = ("metric", "job", "instance", "severity", "direction", "state", "reason", "alertname", "all")
MAX_PATTERN = 256


class Model(BaseModel):
    """Frozen, strict (no text becomes a number), and without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def inside(*faults: tuple[tuple[str | int, ...], str]) -> PydanticCustomError:
    """An error of a model whose faults stand at paths below it; the printed list has one line for each."""
    return PydanticCustomError(
        "inside", "{reason}", {"faults": list(faults), "reason": "; ".join(r for _, r in faults)}
    )


def _positive(value: object) -> int:
    duration = parse_duration(value)
    if duration <= 0:
        raise ValueError(f"expected a duration above zero, got {value!r}")
    return duration


def _texts(value: object) -> object:
    """One text or a list of texts as a tuple; a lone number is kept, so that its own fault is told."""
    if isinstance(value, (list, tuple)):
        return tuple(value)
    return value if value is None or isinstance(value, dict) else (value,)


def _list(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _pattern(value: object) -> str:
    if not isinstance(value, str):
        hint = "; put it in quotes" if isinstance(value, (bool, int, float)) else ""
        raise ValueError(f"expected a text pattern such as eu-*, got {describe(value)}{hint}")
    if not value or len(value) > MAX_PATTERN:
        raise ValueError(f"expected a pattern of 1 to {MAX_PATTERN} characters, got {len(value)}")
    return value


def _label(value: object) -> str:
    if not isinstance(value, str) or not LABEL.fullmatch(value) or len(value) > 64:
        raise ValueError(f"expected a name of letters, digits and _ that starts with a letter, got {describe(value)}")
    if value in RESERVED or value.startswith("__"):
        raise ValueError(f"the name {value!r} is taken by Tocsin's own labels")
    return value


DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": PATTERN, "examples": ["90s", "15m", "3h30m", "14d"]})
DURATION_TEXT = PlainSerializer(format_duration, return_type=str)
_ONE_OR_MORE = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
)
Duration = Annotated[int, BeforeValidator(parse_duration), DURATION_TEXT, DURATION_SCHEMA]  # ms, 0 allowed
PositiveDuration = Annotated[int, BeforeValidator(_positive), DURATION_TEXT, DURATION_SCHEMA]  # ms, above 0
Pattern = Annotated[str, BeforeValidator(_pattern), WithJsonSchema({"type": "string"})]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_texts), Field(min_length=1), _ONE_OR_MORE]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts), Field(min_length=1), _ONE_OR_MORE]
Label = Annotated[str, BeforeValidator(_label), WithJsonSchema({"type": "string", "pattern": f"^{LABEL.pattern}$"})]
AsTuple = BeforeValidator(_list)  # YAML has lists, frozen values have tuples


def model_names(model: Any, loc: tuple[str | int, ...]) -> list[str]:
    """Names that are known where `loc` points, for "did you mean"; empty if they are free."""
    candidates = [model]
    for piece in loc:
        candidates = [below for candidate in candidates for below in _below(candidate, piece)]
    models = [m for candidate in candidates for m in _flat(candidate) if _is_model(m)]
    return sorted({field.alias or name for m in models for name, field in m.model_fields.items()})


def _below(kind: Any, piece: str | int) -> Iterator[Any]:
    for flat in _flat(kind):
        if _is_model(flat):
            for name, field in flat.model_fields.items():
                if piece in (name, field.alias):
                    yield field.annotation
        else:
            yield from (
                getattr(flat, "__args__", ())[-1:] if isinstance(piece, str) else getattr(flat, "__args__", ())[:1]
            )


def _flat(kind: Any) -> Iterator[Any]:
    """The members of a union, without their annotations."""
    if hasattr(kind, "__metadata__"):
        yield from _flat(kind.__origin__)
    elif type(kind).__name__ in ("UnionType", "_UnionGenericAlias", "Union"):
        for member in kind.__args__:
            yield from _flat(member)
    else:
        yield kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
