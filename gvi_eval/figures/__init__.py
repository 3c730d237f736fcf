"""Figures: results in, a matplotlib Figure out; saved beside the numbers they draw and described in three languages."""

from gvi_eval.figures.alt import alt_forest, alt_path
from gvi_eval.figures.events import Marker
from gvi_eval.figures.folder import FigureAbout, save_figure
from gvi_eval.figures.forest import forest_figure
from gvi_eval.figures.path import path_figure

__all__ = ["FigureAbout", "Marker", "alt_forest", "alt_path", "forest_figure", "path_figure", "save_figure"]
