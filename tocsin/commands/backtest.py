"""`tocsin backtest`: files through the engine, and the alarms that there would have been."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin.commands.options import DEFAULT_CONFIG, FormOption, MaybeConfigOption
from tocsin.listing import Form, show

if TYPE_CHECKING:
    from tocsin.backtest import Backtest, Page
    from tocsin.backtest_run import Asked, Ready
    from tocsin.report.compare import Earlier
    from tocsin.report.goals import Goal
    from tocsin.report.labels import Truth
    from tocsin.report.result import Result
    from tocsin.report.trace import Trace

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
    config: MaybeConfigOption = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Read a CSV by its columns, even where tocsin.yaml is.")
    ] = False,
    time: Annotated[str | None, typer.Option("--time", help="Without a configuration: the column of times.")] = None,
    value: Annotated[
        list[str] | None, typer.Option("--value", help="Without a configuration: a column of values (repeatable).")
    ] = None,
    dimension: Annotated[
        list[str] | None,
        typer.Option("--dimension", help="Without a configuration: a column that tells series apart (repeatable)."),
    ] = None,
    series: Annotated[
        list[str] | None, typer.Option("--series", help="Only series with a label like this pattern (repeatable).")
    ] = None,
    zone: Annotated[str, typer.Option("--timezone", help="Zone of times that are written without one.")] = "UTC",
    calendar: Annotated[
        list[Path] | None, typer.Option("--calendar", help="Calendar as YAML or CSV, instead of the configured ones.")
    ] = None,
    labels: Annotated[
        list[Path] | None, typer.Option("--labels", help="CSV of incidents: start,end[,series_id or cuboid][,kind].")
    ] = None,
    specials: Annotated[
        list[Path] | None, typer.Option("--specials", help="CSV of special events: start,end,kind; no incidents.")
    ] = None,
    budget: Annotated[str | None, typer.Option("--budget", help="Alarm budget, such as 0.5/series-week.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for pages.csv and alarms.jsonl.")] = Path("backtest"),
    report: Annotated[Path | None, typer.Option("--report", help="Write an HTML page with figures and plots.")] = None,
    png: Annotated[Path | None, typer.Option("--png", help="Folder for the plots as PNG.")] = None,
    most: Annotated[int, typer.Option("--plots", min=0, max=2_000, help="How many plots at most.")] = 200,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures as JSON.")] = None,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="Another configuration, or an earlier --json: what changes?")
    ] = None,
    fail_on: Annotated[
        str | None, typer.Option("--fail-on", help="Goals: exit code 1 if 'recall<0.9,false_pages>20' comes true.")
    ] = None,
    held: Annotated[bool, typer.Option("--held", help="List what was held back too.")] = False,
    form: FormOption = Form.table,
) -> None:
    """Judge files as `run` would on a first start with the same calendar and silences, and list the alarms."""
    from tocsin.backtest import event_lines, row, write_pages
    from tocsin.backtest_run import Asked, prepare, run
    from tocsin.calendar_rows import zone_named
    from tocsin.plain_columns import ColumnWishes
    from tocsin.progress import Progress
    from tocsin.report.goals import parse_goals
    from tocsin.report.labels import read_truth
    from tocsin.report.png import check_installed
    from tocsin.report.result import lines, write_json
    from tocsin.report.trace import Trace

    goals = parse_goals(fail_on, bool(labels)) if fail_on is not None else ()
    if png is not None:
        check_installed()
    asked = Asked(
        tuple(data or ()), _config_file(config, plain), tuple(series or ()), zone_named(zone), tuple(calendar or ()),
        budget, ColumnWishes(time, tuple(value or ()), tuple(dimension or ())),
    )  # fmt: skip
    ready = prepare(asked)
    truth = None
    if labels or specials:
        truth = read_truth(labels or (), specials or (), ready.clock, ready.dimensions, ready.metrics)
    with ExitStack() as stack:
        trace = stack.enter_context(Trace()) if report is not None or png is not None else None
        out.mkdir(parents=True, exist_ok=True)
        with Progress("judging") as progress:
            found, all_pages = run(ready, trace, progress)
        write_pages(out / "pages.csv", all_pages, has_zone=not ready.clock.is_wall)
        with (out / "alarms.jsonl").open("wb") as file:
            file.writelines(event_lines(found.events))
        listed = [page for page in all_pages if held or not page.is_suppressed]
        show([dict(row(page, not ready.clock.is_wall)) for page in listed], HELD_COLUMNS if held else COLUMNS, form)
        earlier = None if compare is None else _earlier(compare, asked)
        result = _result(ready, found, all_pages, truth, bool(labels), earlier, goals)
        (sys.stdout if form is Form.table else sys.stderr).write("\n".join(lines(result)) + "\n")
        sys.stderr.write(_summary(found, all_pages, out))
        if json_file is not None:
            write_json(json_file, result)
        if trace is not None:
            _draw(result, trace, most, report, png)
    if not result.is_passed:
        raise typer.Exit(1)


def _config_file(config: Path | None, is_plain: bool) -> Path | None:
    """The named one, else `tocsin.yaml` where there is one; None: the columns of the data decide."""
    from detector.errors import ConfigError

    if config is not None and is_plain:
        raise ConfigError("--plain: means without a configuration; expected it without -c")
    return config or (DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() and not is_plain else None)


def _earlier(file: Path, asked: Asked) -> Earlier:
    """An earlier result, or a run of the same files under another configuration."""
    from tocsin.backtest_run import prepare, run
    from tocsin.progress import Progress
    from tocsin.report.compare import Earlier, opening, read_earlier

    if file.name.lower().endswith(".json"):
        return read_earlier(file)
    other = prepare(replace(asked, config=file, calendars=(), budget=None))
    with Progress(f"judging under {file.name}") as progress:
        _, all_pages = run(other, None, progress)
    return Earlier(file.name, tuple(opening(page) for page in all_pages), {})


def _result(
    ready: Ready, found: Backtest, all_pages: list[Page], truth: Truth | None, has_labels: bool,
    earlier: Earlier | None, goals: tuple[Goal, ...],
) -> Result:  # fmt: skip
    from tocsin.backtest_run import effective, versions
    from tocsin.report.compare import opening, pair
    from tocsin.report.figures import measure
    from tocsin.report.goals import check
    from tocsin.report.matching import judge
    from tocsin.report.result import Result

    judged = judge(found, all_pages, truth, ready.calendar, has_labels)
    figures = measure(judged, ready.config.alarm_budget.rate, ready.config.alarm_budget.per)
    pairs = () if earlier is None else tuple(pair(earlier.openings, [opening(page) for page in all_pages]))
    return Result(
        tuple(path.name for path in ready.paths), ready.clock, ready.calendar, judged, figures,
        check(goals, figures.values), effective(ready), versions(), found.first_ms, found.last_ms, earlier, pairs,
        ready.notes,
    )  # fmt: skip


def _draw(result: Result, trace: Trace, most: int, report: Path | None, png: Path | None) -> None:
    from tocsin.report.page import render
    from tocsin.report.plots import plots
    from tocsin.report.png import write_pngs

    drawn = plots(result.judged, result.calendar, trace, result.clock, most)
    if report is not None:
        report.write_text(render(result, drawn), encoding="utf-8")
        sys.stderr.write(f"wrote {report}, {len(drawn.shown)} plots\n")
    if png is not None:
        sys.stderr.write(f"wrote {write_pngs(png, drawn, result.clock)} plots to {png}\n")


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
