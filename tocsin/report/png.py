"""The plots as PNG files, for a ticket or a chat."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from detector.errors import ConfigError
from tocsin.report.clock import Clock
from tocsin.report.plots import Plot, Plots

COLOURS = {"calendar": "#7a4d00", "incident": "#1d6b34", "held": "#5b6168", "page": "#b3261e"}
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


def check_installed() -> None:
    """ConfigError where matplotlib is missing: said before the work, not after it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise ConfigError("--png: plots as PNG need the extra: pip install 'tocsin[report]'") from None


def write_pngs(folder: Path, plots: Plots, clock: Clock) -> int:
    """One file a plot, named by its number, kind and series; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    for plot in plots.shown:
        name = NOT_IN_NAMES.sub("-", plot.series).strip("-")[:60]
        _write(folder / f"{int(plot.id[1:]):03d}-{plot.kind}-{name}.png", plot, clock)
    return len(plots.shown)


def _write(file: Path, plot: Plot, clock: Clock) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), dpi=100, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    t = plot.window.t_ms.astype("datetime64[ms]")
    observed, expected, lower, upper, score = (np.asarray(v, float) for v in plot.window.values)
    top.fill_between(t, lower, upper, color="#0b57a8", alpha=0.13, lw=0, label="normal")
    top.plot(t, expected, "--", color="#0b57a8", lw=1.2, label="expected")
    top.plot(t, observed, color="#14171a", lw=1.4, label="observed")
    bottom.plot(t, score, color="#14171a", lw=1.0)
    bottom.set_ylabel("score")
    if plot.threshold is not None:
        for level in (plot.threshold, -plot.threshold):
            bottom.axhline(level, color=COLOURS["page"], ls=":", lw=1)
    seen: set[str] = set()
    for span in plot.spans:
        since, until = np.array([span.from_ms, span.to_ms], "datetime64[ms]")
        label = "" if span.kind in seen else span.kind
        hatch = "//" if span.kind == "calendar" else None
        for axes in (top, bottom):
            axes.axvspan(
                since, until, facecolor=(COLOURS[span.kind], 0.13), edgecolor=(COLOURS[span.kind], 0.25), hatch=hatch,
                lw=0, label=label if axes is top else "",
            )  # fmt: skip
            if span.kind in ("page", "held"):
                axes.axvline(since, color=COLOURS[span.kind], ls="-" if span.kind == "page" else ":")
        seen.add(span.kind)
    facts = " ".join(plot.facts)[:130]
    text = f"{plot.kind.replace('_', ' ')}: {plot.series}, {plot.title} ({clock.name})\n{facts}"
    top.set_title(text, fontsize=10, loc="left", parse_math=False)  # a label with a $ is a label
    figure.legend(*top.get_legend_handles_labels(), fontsize=8, loc="outside lower center", ncols=7)
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    bottom.xaxis.set_major_locator(locator)
    bottom.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    figure.savefig(file, metadata={"Software": None})
