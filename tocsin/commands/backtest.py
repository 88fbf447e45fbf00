"""`tocsin backtest`: files through the engine, and the alarms that there would have been."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.commands.options import DEFAULT_CONFIG, ConfigOption, FormOption
from tocsin.listing import Form, show

if TYPE_CHECKING:
    from tocsin.backtest import Backtest, Page
    from tocsin.config.config import Config

COLUMNS = {
    "open": "OPEN", "close": "CLOSE", "severity": "SEVERITY", "cuboid": "CUBOID", "direction": "DIRECTION", "p": "P",
    "end": "END", "id": "ID",
}  # fmt: skip
HELD_COLUMNS = {**COLUMNS, "reason": "HELD BY"}


def backtest(
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATA]...", help="Files or patterns; default: source.file.paths.", show_default=False),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    out: Annotated[Path, typer.Option("--out", help="Folder for pages.csv and alarms.jsonl.")] = Path("backtest"),
    held: Annotated[bool, typer.Option("--held", help="List what was held back too.")] = False,
    form: FormOption = Form.table,
) -> None:
    """Judge files as `run` would on a first start with the same calendar and silences, and list the alarms."""
    from tocsin.backtest import event_lines, pages, row, run_backtest, write_pages
    from tocsin.build import build_controls, build_engines, build_file_source
    from tocsin.progress import Progress

    loaded = _load(config)
    paths = _paths(loaded, data)
    controls = build_controls(loaded)
    source = build_file_source(loaded, paths, _format(loaded, data))
    out.mkdir(parents=True, exist_ok=True)
    with Progress("judging") as progress:
        found = run_backtest(source, build_engines(loaded), controls, progress)
    all_pages = pages(found.events)
    write_pages(out / "pages.csv", all_pages, has_zone=not loaded.source.format.timestamp.assume_utc)
    with (out / "alarms.jsonl").open("wb") as file:
        file.writelines(event_lines(found.events))
    listed = [page for page in all_pages if held or not page.is_suppressed]
    show([dict(row(page)) for page in listed], HELD_COLUMNS if held else COLUMNS, form)
    sys.stderr.write(_summary(found, all_pages, out))


def _load(path: Path) -> Config:
    """The configuration; without a source, samples are read as the defaults of `source.format` say."""
    from dataclasses import replace

    from tocsin.config.load import load_config
    from tocsin.config.source_models import SourceModel

    loaded = load_config(path, needs_source=False)
    if loaded.model.source is not None:
        return loaded
    return replace(loaded, model=loaded.model.model_copy(update={"source": SourceModel(kind="memory")}))


def _paths(loaded: Config, data: list[str] | None) -> list[Path]:
    from detector.errors import ConfigError
    from tocsin.build import input_files

    if data:
        return input_files(data, "DATA")
    if loaded.source.file is None:
        raise ConfigError(f"expected DATA, files to judge; {loaded.file} has no source.file")
    return input_files([str(loaded.folder / text) for text in loaded.source.file.paths], "source.file.paths")


def _format(loaded: Config, data: list[str] | None):  # type: ignore[no-untyped-def]
    """The format of the configured files; that of files named on the command line follows from their names."""
    return loaded.source.file.format if loaded.source.file is not None and not data else "auto"


def _summary(found: Backtest, all_pages: list[Page], out: Path) -> str:
    from collections import Counter

    from suppression.body import iso

    if found.first_ms is None:
        return f"no tick could be judged: no sample of a configured metric was found; wrote {out}\n"
    held = Counter(page.reason for page in all_pages if page.is_suppressed)
    reasons = ", ".join(f"{reason} {count}" for reason, count in held.most_common())
    told = len(all_pages) - held.total()
    lines = [
        f"{found.ticks} ticks from {iso(found.first_ms)} to {iso(found.last_ms)}, {found.series} rows with roll-ups",
        f"{told} alarms, {held.total()} held back{f' ({reasons})' if reasons else ''}; wrote {out}/pages.csv and "
        f"{out}/alarms.jsonl",
    ]
    refused = {name: count for name, count in found.fates.items() if name[0] not in ("scored", "gap") and count}
    if refused:
        told_of = ", ".join(f"{' '.join(filter(None, name))} {count}" for name, count in sorted(refused.items()))
        lines.append(f"samples that were not used: {told_of}")
    return "\n".join(lines) + "\n"
