"""Models: the whole of `tocsin.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from tocsin.config.fields import AsTuple, Label, Model, PositiveDuration
from tocsin.config.node import describe
from tocsin.config.output_models import OutputsModel, ReloadModel, SuppressionModel, WebModel
from tocsin.config.series_models import BudgetModel, DimensionModel, GroupModel, IndependenceModel, MetricModel
from tocsin.config.source_models import DAY_MS, LogModel, NodeModel, SourceModel

MAX_DIMENSIONS = 4


def _version(value: object) -> object:
    if value != 1 or isinstance(value, bool):
        raise ValueError(f"expected 1, the only version there is, got {describe(value)}")
    return value


def _default_dimensions() -> dict[str, DimensionModel]:
    return {name: DimensionModel() for name in ("device", "region", "activity")}


def _empty(value: object) -> object:
    """A dimension written as `region:` alone."""
    return {name: {} if item is None else item for name, item in value.items()} if isinstance(value, dict) else value


Version = Annotated[Literal[1], BeforeValidator(_version)]


class ConfigModel(Model):
    """Everything that an operator may write in `tocsin.yaml`."""

    version: Version
    node: NodeModel = NodeModel()
    log: LogModel = LogModel()
    source: SourceModel | None = None
    dimensions: Annotated[dict[Label, DimensionModel], BeforeValidator(_empty), Field(max_length=MAX_DIMENSIONS)] = (
        Field(default_factory=_default_dimensions)
    )
    place: str | None = None  # default: region, if there is such a dimension
    metrics: Annotated[dict[str, MetricModel], BeforeValidator(_empty), Field(min_length=1)] = Field(
        default_factory=lambda: {"value": MetricModel()}
    )
    independence: Annotated[tuple[IndependenceModel, ...], AsTuple] = ()
    interval: PositiveDuration = 60_000
    allowed_lateness: PositiveDuration = 120_000
    missing: Literal["gap", "zero"] = "gap"
    warmup: PositiveDuration = DAY_MS
    max_series: int = Field(default=200_000, ge=1, le=10_000_000)
    idle_ttl: PositiveDuration = 14 * DAY_MS
    alarm_budget: BudgetModel = BudgetModel()
    groups: Annotated[tuple[GroupModel, ...], AsTuple] = ()
    suppression: SuppressionModel = SuppressionModel()
    outputs: OutputsModel = OutputsModel()
    web: WebModel = WebModel()
    reload: ReloadModel = ReloadModel()
