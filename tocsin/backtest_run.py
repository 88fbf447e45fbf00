"""One backtest from its options to its result: what is read, judged, measured and compared."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from connectors.source import Source
from detector.errors import ConfigError
from suppression.calendar import Calendar
from suppression.controls import Controls
from tocsin.backtest import Backtest, Page, joined, pages, run_backtest
from tocsin.backtest_calendar import read_calendar
from tocsin.build import build_controls, build_engines, build_file_source, input_files
from tocsin.config.config import Config
from tocsin.config.load import load_config
from tocsin.config.series_models import BudgetModel
from tocsin.config.source_models import SourceModel
from tocsin.listing import yaml_text
from tocsin.plain_columns import ColumnWishes
from tocsin.plain_files import Plan, Selected, is_chosen, plain
from tocsin.report.clock import Clock
from tocsin.report.trace import Trace

ALL_TIME = (946_684_800_000, 4_102_444_800_000)  # 2000 to 2100, what samples may have
PERS = ("1000-series-week", "series-week", "service-week")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says. Without `config` the columns of `data` decide."""

    data: tuple[str, ...] = ()
    config: Path | None = None
    series: tuple[str, ...] = ()
    zone: str = "UTC"
    calendars: tuple[Path, ...] = ()
    budget: str | None = None
    wishes: ColumnWishes = field(default_factory=ColumnWishes)


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything that a run needs, checked."""

    plans: tuple[Plan, ...]
    paths: tuple[Path, ...]
    is_plain: bool
    clock: Clock
    calendar: Calendar
    controls: Controls
    notes: tuple[str, ...]

    @property
    def config(self) -> Config:
        """The configuration; of several intervals that of the shortest."""
        return self.plans[0].config

    @property
    def dimensions(self) -> dict[str, str]:
        """Columns and names of the data → names of dimensions."""
        known = self.config.model.dimensions
        return {**{d.path or name: name for name, d in known.items()}, **{name: name for name in known}}

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for plan in self.plans for name in plan.config.model.metrics))


def prepare(asked: Asked) -> Ready:
    """Reads configuration, calendar and, where no configuration is given, the columns of the data."""
    notes: list[str] = []
    if asked.config is None:
        paths = tuple(input_files(asked.data, "DATA"))
        found = plain(paths, asked.wishes, asked.series)
        plans, is_naive = found.plans, found.columns.is_naive
        if found.columns.unused:
            notes.append(f"columns that were not used: {', '.join(found.columns.unused)}")
    else:
        loaded = _load(asked.config)
        paths = tuple(_paths(loaded, asked.data))
        plans = (Plan(loaded, lambda key: is_chosen(key, asked.series), -1),)
        is_naive = loaded.source.format.timestamp.assume_utc
    plans = tuple(replace(plan, config=_with_budget(plan.config, asked.budget)) for plan in plans)
    clock = Clock(asked.zone, is_naive)
    ready = Ready(plans, paths, asked.config is None, clock, Calendar(), Controls(), tuple(notes))
    controls = build_controls(plans[0].config)
    if asked.calendars:
        interval = plans[0].config.model.interval
        calendar = read_calendar(asked.calendars, asked.zone, interval, ready.dimensions)
    else:
        calendar = controls.calendar
    calendar = clock.calendar(calendar, *ALL_TIME)
    return replace(ready, calendar=calendar, controls=replace(controls, calendar=calendar))


def run(
    ready: Ready, trace: Trace | None = None, progress: Callable[[int, int], None] = lambda done, of: None
) -> tuple[Backtest, list[Page]]:
    """Runs every plan; alarms in order of time."""
    found = []
    for number, plan in enumerate(ready.plans):
        if trace is not None:
            trace.begin()
        source = _source(ready, plan)

        def so_far(done: int, of: int, number: int = number) -> None:
            progress(number * of + done, len(ready.plans) * of)

        watch = trace.watch if trace is not None else (lambda outcome: None)
        found.append(run_backtest(source, build_engines(plan.config), ready.controls, so_far, watch))
    whole = found[0] if len(found) == 1 else joined(found)
    return whole, pages(whole.events, whole.intervals)


def versions() -> dict[str, str]:
    """Of what made the figures."""
    from importlib.metadata import version

    return {"tocsin": version("tocsin"), "numpy": version("numpy"), "python": platform.python_version()}


def effective(ready: Ready) -> str:
    """The effective configuration of every plan as YAML, secrets masked."""
    return "---\n".join(yaml_text(plan.config.effective()) for plan in ready.plans)


def _source(ready: Ready, plan: Plan) -> Source:
    source = build_file_source(plan.config, ready.paths, _format(ready, plan.config))
    if plan.last_ms < 0:
        return Selected(source, plan.keep)
    interval = plan.config.model.interval
    return Selected(source, plan.keep, (plan.last_ms // interval + 1) * interval)


def _format(ready: Ready, config: Config):  # type: ignore[no-untyped-def]
    """The format of the configured files; that of files named on the command line follows from their names."""
    file = config.source.file
    is_configured = file is not None and not ready.is_plain and {Path(p).name for p in file.paths} == {
        p.name for p in ready.paths
    }  # fmt: skip
    return file.format if is_configured and file is not None else "auto"


def _load(path: Path) -> Config:
    """The configuration; without a source, samples are read as the defaults of `source.format` say."""
    loaded = load_config(path, needs_source=False)
    if loaded.model.source is not None:
        return loaded
    return replace(loaded, model=loaded.model.model_copy(update={"source": SourceModel(kind="memory")}))


def _paths(loaded: Config, data: Sequence[str]) -> list[Path]:
    if data:
        return input_files(data, "DATA")
    if loaded.source.file is None:
        raise ConfigError(f"expected DATA, files to judge; {loaded.file} has no source.file")
    return input_files([str(loaded.folder / text) for text in loaded.source.file.paths], "source.file.paths")


def _with_budget(config: Config, text: str | None) -> Config:
    if text is None:
        return config
    rate, _, per = text.partition("/")
    try:
        value = float(rate)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6 or (per and per not in PERS):
        expected = f"expected a rate such as 0.5 or 0.5/series-week, with one of {', '.join(PERS)}"
        raise ConfigError(f"--budget: {expected}, got {text!r}")
    budget = BudgetModel(rate=value, per=per or config.alarm_budget.per)  # type: ignore[arg-type]
    return replace(config, model=config.model.model_copy(update={"alarm_budget": budget}))
