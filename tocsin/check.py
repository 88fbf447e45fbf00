"""Check: all faults and warnings of the files that a person may have changed, for commands and for the pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from detector.schema import Schema
from tocsin.config.faults import Fault, FaultsError
from tocsin.listing import Form, Row, render

SPAN_DAYS = 400
DAY_MS = 86_400_000
COLUMNS = {"kind": "kind", "file": "file", "line": "line", "column": "column", "path": "path", "reason": "reason"}


@dataclass(slots=True)
class Checked:
    """What was found; `summary` says, for people, what the good files hold."""

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)


def check_config(path: Path, now_ms: int) -> Checked:
    """The configuration, and the calendar and silences files that it names."""
    from tocsin.config.load import load_config, unwritable

    checked = Checked()
    try:
        config = load_config(path)
    except FaultsError as error:
        checked.faults += error.faults
        return checked
    checked.warnings += [*config.warnings, *unwritable(config)]
    schema = config.schema()
    names = ", ".join(schema.dimension_names) or "none (a single series)"
    checked.summary.append(f"{path}: fine; metrics: {', '.join(config.model.metrics)}; dimensions: {names}")
    _add_calendar(checked, config.calendar_files(), now_ms, scope_keys(schema))
    if config.silences_file is not None:
        _add_silences(checked, config.silences_file)
    return checked


def check_calendar(paths: Sequence[Path], now_ms: int, schema: Schema | None = None) -> Checked:
    """Calendar files together, as the daemon reads them."""
    checked = Checked()
    _add_calendar(checked, paths, now_ms, () if schema is None else scope_keys(schema))
    return checked


def scope_keys(schema: Schema) -> tuple[str, ...]:
    """What a scope may speak about: metric, dimensions and their parents."""
    levels = [f"{d.name}.{p.name}" for d in schema.dimensions for p in d.parents]
    return ("metric", *schema.dimension_names, *levels)


def report(checked: Checked, form: Form) -> str:
    """One line per fault and warning and then the summary; or rows with their kind."""
    if form is Form.table:
        lines = [*map(str, sorted(checked.faults)), *(f"warning: {w}" for w in sorted(checked.warnings))]
        return "".join(f"{line}\n" for line in [*lines, *([] if checked.faults else checked.summary)])
    rows = [*_rows("fault", sorted(checked.faults)), *_rows("warning", sorted(checked.warnings))]
    return render(rows, COLUMNS, form)


def _rows(kind: str, faults: Iterable[Fault]) -> list[Row]:
    return [
        {"kind": kind, "file": f.file, "line": f.line, "column": f.column, "path": f.path, "reason": f.reason}
        for f in faults
    ]


def _add_calendar(checked: Checked, paths: Sequence[Path], now_ms: int, keys: Sequence[str]) -> None:
    from suppression.calendar import Calendar
    from tocsin.calendar_file import event_sources
    from tocsin.calendar_warnings import calendar_warnings
    from tocsin.config.document import read_text

    files: dict[str, str] = {}
    try:
        for path in paths:
            try:
                files[str(path)] = read_text(path)
            except FaultsError as error:
                checked.faults += error.faults
        sources = event_sources(files)
    except FaultsError as error:
        checked.faults += error.faults
        return
    checked.warnings += calendar_warnings(sources, now_ms, keys)
    calendar = Calendar(tuple(source.event for source in sources))
    coming = len(calendar.between(now_ms, now_ms + SPAN_DAYS * DAY_MS))
    if files:
        names = ", ".join(files)
        checked.summary.append(
            f"{names}: fine; {len(sources)} events, {coming} occurrences in the next {SPAN_DAYS} days"
        )


def _add_silences(checked: Checked, path: Path) -> None:
    from tocsin.silences_file import load_silences

    try:
        silences = load_silences(path)
    except FaultsError as error:
        checked.faults += error.faults
        return
    checked.summary.append(f"{path}: {'fine' if path.exists() else 'not there yet'}; {len(silences)} silences")
