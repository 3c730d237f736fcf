"""Nothing lies on anything else: every text of the hardest figures is on the page and on its own."""

from datetime import date
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from gvi_eval.figures import Marker, forest_figure, path_figure
from gvi_eval.figures.theme import SMALL, blank, theme

ROLES = ("co-intervention", "shock", "recording change", "decision", "phase")
LABELS = ("Police double patrols", "Restrictions on gatherings and on closing hours in the whole country", "New form")


def path_of(frequency, start, count, level, seed=1):
    periods = pd.period_range(start, periods=count, freq=frequency)
    expected = level * (1 + 0.1 * np.sin(np.arange(count)))
    observed = np.random.default_rng(seed).poisson(expected).astype(float)
    return pd.DataFrame(
        {
            "period": [str(period) for period in periods],
            "period_start": [period.start_time.date() for period in periods],
            "period_end": [period.end_time.date() for period in periods],
            "observed": observed,
            "factual": expected * 0.9,
            "expected": expected,
            "expected_lower": expected * 0.7,
            "expected_upper": expected * 1.4,
            "level": 0.95,
        }
    )


def crowd(first_year):
    """Twenty events, eight of them within eight weeks, some lasting, with long names."""
    spread = [date(first_year + n // 2, 1 + 5 * n % 12, 1) for n in range(12)]
    packed = [date(first_year + 6, 3, 1 + n) for n in range(8)]
    return [
        Marker(LABELS[n % 3], day, date(day.year + 1, 2, 1) if n % 4 == 1 else None, ROLES[n % 5])
        for n, day in enumerate(spread + packed)
    ]


def spans():
    edges = [date(2013, 1, 1), date(2014, 5, 1), date(2018, 1, 1), date(2021, 1, 1)]
    return pd.DataFrame(
        {"range_start": edges[:-1], "range_end": edges[1:], "count": [30, 40, 20], "per_period": [30.5, 44.0, 12.0]}
    )


def monthly():
    path = path_of("M", "1992-01", 77, 4)
    return path_figure(
        path,
        title="Boston",
        y_label="homicides per month",
        start=(date(1996, 6, 1),) * 2,
        dropped=[(date(1996, 5, 1), date(1996, 6, 30))],
        caption="Low counts.",
    )


def quarterly():
    path = path_of("Q", "2016Q1", 40, 550)
    path.loc[9:10, "observed"] = np.nan
    return path_figure(
        path,
        title="Copenhagen Police District: reported violence before and after the start of the programme " * 2,
        y_label="reported violence against persons per quarter",
        start=(date(2022, 1, 1), date(2023, 3, 31)),
        dropped=[(date(2020, 4, 1), date(2020, 6, 30))],
        events=crowd(2016),
        proxy_for="shootings",
        caption="A caption that goes on. " * 20,
    )


def annual():
    path = path_of("Y", "2013", 8, 30).assign(observed=np.nan)
    return path_figure(
        path,
        title="Malmö",
        y_label="shootings per year",
        start=(date(2020, 10, 1), date(2020, 12, 31)),
        spans=spans(),
        caption="Spans.",
    )


def short():
    return path_figure(path_of("M", "2023-07", 14, 12000), title="T", y_label="y", start=(date(2023, 7, 1),) * 2, caption="c")


def forest(count):
    rows = [
        {
            "label": f"{('Segmented regression', 'Synthetic difference-in-differences, long window')[n % 2]} {n}",
            "group": ("interrupted time series", "synthetic control", "difference-in-differences", "pooled")[n % 4],
            "point": np.nan if n % 7 == 3 else 0.3 + 0.05 * (n % 15),
            "lower": np.nan if n % 7 == 3 else (0.0 if n % 5 == 2 else 0.2),
            "upper": np.nan if n % 7 == 3 else (np.inf if n % 5 == 4 else 1.3),
            "level": 0.95,
            "kind": ("wald", "posterior", "jackknife", "prediction")[n % 4],
            "refusal": "the placebo test has three donors, which is fewer than it needs" if n % 7 == 3 else None,
            "headline": n == 0,
        }
        for n in range(count)
    ]
    return forest_figure(
        pd.DataFrame(rows), title="Every specification", x_label="ratio to what was expected, log scale", caption="c " * 90
    )


FIGURES = {
    "monthly": monthly,
    "quarterly with twenty events": quarterly,
    "annual spans": annual,
    "fourteen months": short,
    "forest of 1": lambda: forest(1),
    "forest of 8": lambda: forest(8),
    "forest of 40": lambda: forest(40),
}


def boxes(figure):
    with theme():
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        return {
            (number, text.get_text()): text.get_window_extent(renderer)
            for number, text in enumerate(found)
            if text.axes is None or text.axes.get_visible()
        }


def faults(figure):
    """Texts that leave the page, and pairs of texts that touch (half a pixel is the rounding of the renderer)."""
    placed, page = boxes(figure), figure.bbox
    outside = [name for (_, name), box in placed.items() if box.x0 < 0 or box.y0 < 0 or box.x1 > page.x1 or box.y1 > page.y1]
    touching = [
        (first, second)
        for ((_, first), a), ((_, second), b) in combinations(placed.items(), 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > 0.5 and min(a.y1, b.y1) - max(a.y0, b.y0) > 0.5
    ]
    return outside + touching


@pytest.fixture(scope="module", params=FIGURES, ids=str)
def figure(request):
    return FIGURES[request.param]()


def test_no_text_is_cut_off_or_covered(figure):
    assert faults(figure) == []


def test_no_text_lies_on_the_data(figure):
    axes = next(each for each in figure.axes if each.get_label() == "data")
    inside = axes.get_window_extent(figure.canvas.get_renderer())
    own = {
        name
        for (_, name), box in boxes(figure).items()
        if min(box.x1, inside.x1) - max(box.x0, inside.x0) > 0.5 and min(box.y1, inside.y1) - max(box.y0, inside.y0) > 0.5
    }
    assert own == set()


def test_text_is_large_enough_and_the_page_is_a_column_wide(figure):
    sizes = {text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()}
    assert min(sizes) >= SMALL == 8.0
    assert figure.get_figwidth() == 7.0


def test_the_check_itself_sees_overlaps_and_cuts():
    with theme():
        page, sheet = blank(2)
        sheet.text(1, 1, "one")
        sheet.text(1.05, 1, "two")
        sheet.text(6.9, 0.5, "cut off")
    assert faults(page) == ["cut off", ("one", "two")]
