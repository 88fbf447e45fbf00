"""Models of `dimensions`, `metrics`, `independence`, `alarm_budget` and `groups`: what the samples mean."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from tocsin.config.document import resolve
from tocsin.config.fields import AsTuple, Label, Model, Patterns, PositiveDuration, inside

CONDITION = re.compile(r"\s*(?P<path>[^\s=!<>\"']+)\s*==\s*(?P<value>\"[^\"]*\"|'[^']*'|[^\s\"']+)\s*")
Condition = tuple[str, str | int | float | bool]


def parse_where(text: str) -> tuple[Condition, ...]:
    """Conditions of `path == "text" and other == 3`; ValueError says where it stops making sense.

    >>> parse_where('metric == "requests" and version == 2')
    (('metric', 'requests'), ('version', 2))
    """
    found: list[Condition] = []
    position = 0
    while True:
        match = CONDITION.match(text, position)
        if match is None:
            raise ValueError(f"expected conditions like metric == \"requests\" joined by 'and', at {text[position:]!r}")
        raw = match["value"]
        value = raw[1:-1] if raw[0] in "\"'" else resolve(raw)
        if value is None or (isinstance(value, str) and raw[0] not in "\"'"):
            raise ValueError(f"expected a number, true, false or a text in quotes, got {raw}")
        found.append((match["path"], value))
        position = match.end()
        if position == len(text):
            return tuple(found)
        joined = re.compile(r"and\s").match(text, position)
        if joined is None:
            raise ValueError(f"expected 'and' between conditions, at {text[position:]!r}")
        position = joined.end()


def _where(value: object) -> tuple[Condition, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return parse_where(value)
    raise ValueError("expected a text such as 'metric == \"requests\"'")


def _path_or_model(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


def where_text(conditions: tuple[Condition, ...]) -> str | None:
    """The text of the conditions, as `parse_where` reads it."""
    return " and ".join(f"{path} == {_literal(value)}" for path, value in conditions) or None


def _literal(value: str | int | float | bool) -> str:
    if isinstance(value, str):
        return f"'{value}'" if '"' in value else f'"{value}"'
    return str(value).lower()


Where = Annotated[
    tuple[Any, ...], BeforeValidator(_where), PlainSerializer(where_text), WithJsonSchema({"type": "string"})
]


class ParentModel(Model):
    """A coarser level: it arrives with the sample (`path`), or follows from patterns of child values (`map`)."""

    path: str | None = Field(default=None, min_length=1)
    map: dict[str, Patterns] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> ParentModel:
        if (self.path is None) == (self.map is None):
            raise ValueError("expected either path or map")
        if self.map is not None and not self.map:
            raise inside((("map",), "expected at least one parent"))
        return self


class DimensionModel(Model):
    """One label of a series; `path` defaults to its name, `values` declares the product (else it is discovered).

    `peers: false`: its values are unlike each other (servers, unrelated measurements); they are neither summed nor
    compared.
    """

    path: str | None = Field(default=None, min_length=1)
    parents: dict[Label, ParentModel] = Field(default_factory=dict)
    values: Annotated[tuple[str, ...], AsTuple] = ()
    peers: bool = True

    @model_validator(mode="after")
    def _sums_need_peers(self) -> DimensionModel:
        if not self.peers and self.parents:
            raise inside((("peers",), "a dimension without peers is not summed: expected no parents"))
        return self


class ValueModel(Model):
    """Where the value stands; `text: true` accepts numbers written as texts."""

    path: str = Field(default="value", min_length=1)
    text: bool = False


class MetricModel(Model):
    """One measured quantity."""

    where: Where = ()
    value: Annotated[ValueModel, BeforeValidator(_path_or_model)] = ValueModel()
    role: Literal["watched", "witness"] = "watched"
    stack: str = ""
    kind: Literal["count", "ratio", "gauge", "counter", "auto"] = "auto"
    denominator: str | None = None
    unit: str = ""
    interval: PositiveDuration | None = None
    aggregate: Literal["sum", "mean", "min", "max", "last"] = "sum"
    missing: Literal["gap", "zero"] | None = None
    severity: Literal["info", "warning", "critical"] | None = None
    minimum: float | None = None
    dimensions: Annotated[tuple[str, ...], AsTuple] | None = None

    @model_validator(mode="after")
    def _ratio_is_complete(self) -> MetricModel:
        if self.denominator is not None and self.kind not in ("ratio", "auto"):
            raise inside((("denominator",), f"has no meaning for kind {self.kind}"))
        return self


class IndependenceModel(Model):
    """Metrics of stack `witness` may testify for metrics of stack `watched` where the `match` labels agree."""

    watched: str = Field(min_length=1)
    witness: str = Field(min_length=1)
    match: Annotated[tuple[str, ...], AsTuple] | None = None  # default: the place

    @model_validator(mode="after")
    def _two_stacks(self) -> IndependenceModel:
        if self.watched == self.witness:
            raise inside((("witness",), f"a stack is not independent of itself ({self.witness!r})"))
        return self


class BudgetModel(Model):
    """How many false pages people accept: `rate` per 1000 series-weeks, per series-week or per service-week."""

    rate: float = Field(default=3.0, gt=0)
    per: Literal["1000-series-week", "series-week", "service-week"] = "1000-series-week"

    @field_validator("rate", mode="before")
    @classmethod
    def _number(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class GroupModel(Model):
    """Rows chosen by patterns, and what is special about them."""

    match: dict[str, Patterns] = Field(min_length=1)
    ignore: bool = False
    severity: Literal["info", "warning", "critical"] | None = None
    sensitivity: Literal["low", "normal", "high"] = "normal"

    @model_validator(mode="after")
    def _says_something(self) -> GroupModel:
        if not self.ignore and self.severity is None and self.sensitivity == "normal":
            raise ValueError("says nothing: expected ignore, severity or sensitivity")
        return self
