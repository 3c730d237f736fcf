"""The sheet of the plainer figures."""

import pytest

from gvi_eval.figures.frame import framed


@pytest.mark.parametrize(
    "title", ["Short", "A title that is so long that it cannot stand on one line of the sheet and has to be broken " * 2]
)
def test_the_plot_keeps_its_height_and_nothing_leaves_the_sheet(title):
    figure, axes = framed(title=title, caption="Made up. " * 40, y_label="events", x_label="year", height=2.0)
    assert axes.get_position().height * figure.get_figheight() == pytest.approx(2.0)
    figure.canvas.draw()
    page = figure.bbox
    for text in figure.findobj(lambda part: hasattr(part, "get_text") and part.get_visible() and part.get_text()):
        box = text.get_window_extent()
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()
