"""The look: colours that can be seen, text that can be measured, and nothing left behind."""

import subprocess
import sys

import matplotlib
import pytest
from matplotlib.font_manager import findfont

from gvi_eval.figures.events import SYMBOLS
from gvi_eval.figures.forest import GROUPS
from gvi_eval.figures.theme import (
    EXPECTED,
    FACTUAL,
    INK,
    OBSERVED,
    PALETTE,
    STRIPE,
    blank,
    contrast,
    text_width,
    theme,
    wrapped,
)


def test_contrast_by_hand():
    # Black on white is (1 + 0.05) / (0 + 0.05) = 21; #777777 on white is the textbook near miss, 4.48.
    assert contrast("#000000") == pytest.approx(21)
    assert contrast("#777777") == pytest.approx(4.48, abs=0.005)
    assert contrast("#E69F00") < 3  # Okabe and Ito's own orange, which is why ours is darker


@pytest.mark.parametrize("colour", PALETTE.values(), ids=PALETTE.keys())
@pytest.mark.parametrize("ground", ["#FFFFFF", STRIPE])
def test_every_colour_that_carries_data_stands_out(colour, ground):
    assert contrast(colour, ground) >= 3


def test_every_colour_in_use_is_in_the_palette():
    assert {OBSERVED, EXPECTED, FACTUAL, INK, *(colour for colour, _ in GROUPS)} <= set(PALETTE.values())


def test_shapes_tell_apart_what_colour_may_not():
    assert len({shape for _, shape in GROUPS}) == len(GROUPS)
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)
    assert "o" not in SYMBOLS.values()  # the round dot is an observed figure


def test_theme_ignores_the_callers_settings_and_leaves_them():
    with matplotlib.rc_context({"font.size": 31.0, "svg.hashsalt": "mine"}):
        before = matplotlib.rcParams.copy()
        with theme():
            assert matplotlib.rcParams["font.size"] == 8.5
            assert matplotlib.rcParams["svg.hashsalt"] == "gvi_eval"
            assert findfont(matplotlib.font_manager.FontProperties()).endswith("DejaVuSans.ttf")
        assert matplotlib.rcParams.copy() == before


def test_theme_restores_after_an_error():
    before = matplotlib.rcParams.copy()
    with pytest.raises(ZeroDivisionError), theme():
        _ = 1 / 0
    assert matplotlib.rcParams.copy() == before


def test_wrapped_breaks_at_words_and_keeps_every_letter():
    lines = wrapped("reported violence per quarter, as published", 1.3)
    assert " ".join(lines) == "reported violence per quarter, as published"
    assert len(lines) > 1
    assert all(text_width(line) <= 1.3 for line in lines)
    pieces = wrapped("Polisområdesgränsöverskridandesamverkan", 1.0)
    assert "".join(pieces) == "Polisområdesgränsöverskridandesamverkan"
    assert all(text_width(piece) <= 1.0 for piece in pieces)


@pytest.mark.parametrize("weight", ["normal", "bold"])
def test_text_is_no_wider_than_it_was_measured(weight):
    with theme():
        figure, sheet = blank(2)
        text = sheet.text(1, 1, "Expected without the programme, 95 % band", fontsize=8.5, weight=weight)
        drawn = text.get_window_extent(figure.canvas.get_renderer()).width / figure.dpi
    assert 0.93 * text_width(text.get_text(), weight=weight) < drawn <= text_width(text.get_text(), weight=weight)


def test_importing_figures_changes_no_setting_and_opens_no_window():
    code = (
        "import matplotlib; before = matplotlib.rcParams.copy(); "
        "import gvi_eval.figures, sys; assert matplotlib.rcParams.copy() == before; "
        "layers = ('estimators', 'inference', 'panel', 'effect', 'study'); "
        "assert not [name for name in sys.modules if name.split('.')[:1] == ['gvi_eval'] and name.split('.')[1:2] "
        "and name.split('.')[1] in layers]"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_importing_the_package_loads_no_matplotlib():
    code = "import gvi_eval, sys; assert not {'matplotlib', 'seaborn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
