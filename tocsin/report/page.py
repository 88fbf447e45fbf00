"""The report: one HTML file that loads nothing, with a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tocsin.report.compare import CHANGES, counts
from tocsin.report.figures import MEANING
from tocsin.report.plots import KINDS, Plot, Plots
from tocsin.report.result import Result, shown
from tocsin.report.trace import FIELDS

MOST_ROWS = 500  # of a table
DIGITS = 5
HEAD_FIGURES = (
    "recall", "precision", "incidents", "found", "missed", "held_only", "pages", "false_pages",
    "false_pages_per_series_week", "duplicates", "delay_median", "delay_p90", "held", "series", "series_weeks",
)  # fmt: skip


def render(result: Result, plots: Plots) -> str:
    """The page. Every text of data or labels is escaped; numbers travel as JSON that cannot end its element."""
    style = _own(
        "tocsin.web:static/vendor/uPlot.min.css", "tocsin.web:static/app.css", "tocsin.report:static/report.css"
    )
    scripts = [_own("tocsin.web:static/vendor/uPlot.iife.min.js"), _own("tocsin.report:static/report.js")]
    policy = (
        f"default-src 'none'; script-src {' '.join(_hash(s) for s in scripts)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    values = result.figures.values
    sections = [
        (kind, title, plots.counts[kind], [p for p in plots.shown if p.kind == kind]) for kind, title in KINDS.items()
    ]
    return _environment().get_template("report.html").render(
        result=result, style=style, scripts=scripts, policy=policy, values=values, meaning=MEANING, shown=shown,
        head=[(name, values[name]) for name in HEAD_FIGURES if name in values], sections=sections, most=MOST_ROWS,
        data=_json({p.id: _points(p) for p in plots.shown}), changes=CHANGES, change_counts=counts(result.pairs),
        clock=result.clock, spans=len(plots.shown),
    )  # fmt: skip


def _points(plot: Plot) -> dict[str, Any]:
    out: dict[str, Any] = {"t": (plot.window.t_ms // 1000).tolist()}
    for name, values in zip(FIELDS, plot.window.values, strict=True):
        out[name] = [_number(v) for v in values.tolist()]
    out["threshold"] = plot.threshold
    out["spans"] = [{"kind": s.kind, "from": s.from_ms / 1000, "to": s.to_ms / 1000, "title": s.title[:80]}
                    for s in plot.spans]  # fmt: skip
    return out


def _number(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def _json(value: object) -> Markup:
    """JSON for inside a script element: no `<`, no `>`, no `&`, no line separators."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _own(*names: str) -> Markup:
    """Files of ours, `package:path`, as they are; none of them comes from data."""
    texts = []
    for name in names:
        package, _, path = name.partition(":")
        texts.append(files(package).joinpath(*path.split("/")).read_text(encoding="utf-8").strip())
    return Markup("\n".join(texts))  # noqa: S704


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tocsin.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
