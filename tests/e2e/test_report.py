"""The report of a backtest in a real browser: drawn when scrolled to, without complaint, request or sideways scroll."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from suppression.calendar import Calendar
from tests.e2e.test_pages import CONTRAST
from tests.tocsin.test_exposition import HOSTILE
from tocsin.report.clock import Clock
from tocsin.report.figures import measure
from tocsin.report.goals import check, parse_goals
from tocsin.report.matching import Judged
from tocsin.report.page import render
from tocsin.report.plots import Plot, Plots, Span
from tocsin.report.result import Result
from tocsin.report.trace import Window
from tocsin.spans_judged import Unit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.e2e
PLOTS, HOUR = 120, 3_600_000


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A failed backtest of hostile series with many plots."""
    t_ms = np.arange(300, dtype=np.int64) * HOUR + 1_772_409_600_000
    wave = 100 + 20 * np.sin(np.arange(300) / 4)
    values = np.stack([wave, wave, wave - 9, wave + 9, np.sin(np.arange(300.0))]).astype(np.float32)
    values[0, 40:44] = np.nan
    shown = tuple(
        Plot(
            f"p{n}", "false", HOSTILE[n % len(HOSTILE)], HOSTILE[n % len(HOSTILE)], (HOSTILE[n % len(HOSTILE)],),
            Window(t_ms, values), 1, 4.0 if n % 2 else None,
            tuple(Span(kind, int(t_ms[50 * k]), int(t_ms[50 * k + 20]), HOSTILE[n % len(HOSTILE)])  # type: ignore[arg-type]
                  for k, kind in enumerate(("calendar", "incident", "held", "page"))),
        )
        for n in range(PLOTS)
    )  # fmt: skip
    unit = Unit({"metric": "m", "series": HOSTILE[0]}, int(t_ms[0]), int(t_ms[-1]), HOUR)
    judged = Judged((), (), (unit,), True, 0, 0)
    figures = measure(judged, 1.0, "series-week")
    verdicts = check(parse_goals("recall<0.9", True), figures.values)
    result = Result(
        (HOSTILE[0],), Clock(), Calendar(), judged, figures, verdicts, "\n".join(HOSTILE), {"x": HOSTILE[0]},
        int(t_ms[0]), int(t_ms[-1]), notes=tuple(HOSTILE),
    )  # fmt: skip
    file = tmp_path / "report.html"
    file.write_text(render(result, Plots(shown, {"false": PLOTS, "missed": 0, "held_only": 0, "found": 0, "told": 0,
                                                 "held": 0})), encoding="utf-8")  # fmt: skip
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_plots_are_drawn_where_the_reader_is(browser: BrowserContext, report: Path, width: int, scheme: str) -> None:
    """Hundreds of plots, a few canvases; hostile labels run nothing; the policy is never broken."""
    page, faults = browser.new_page(), []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda r: None if r.url.startswith((report.as_uri(), "data:")) else faults.append(r.url))
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(report.as_uri())
    page.locator("#p60").scroll_into_view_if_needed()
    page.wait_for_selector("#p60 canvas >> nth=1")
    page.wait_for_function("document.querySelectorAll('canvas').length < 24")
    page.click("#p60 summary")
    page.focus("#p60 .plot")
    page.keyboard.press("ArrowRight")
    told = str(page.text_content("#p60 .note"))
    drawn = page.evaluate(
        "() => { const c = document.querySelector('#p60 canvas');"
        " return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size; }"
    )
    rows, contrast = page.locator("#p60 tbody tr").count(), page.evaluate(CONTRAST)
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.close()

    assert "observed" in told
    assert drawn > 20
    assert (300, width) == (rows, wide)
    assert contrast >= 7
    assert [] == faults
