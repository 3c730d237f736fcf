"""The baseline-and-window table of every audited claim, drawn from the document that the audit saved."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from gvi_eval.figures.alt_more import alt_heat_map
from gvi_eval.figures.folder import FigureAbout, save_figure
from gvi_eval.figures.heat_map import HEAT_COLUMNS, heat_map_figure
from gvi_eval.writing import slug

FEWEST = 2  # cells that make a picture worth it


def draw_audit(folder: Path, done: Callable[[str], None] = lambda what: None) -> list[str]:
    """Draw figures/heat-map-<claim>-<n>/ for each quantity with a table; returns the names of the figures."""
    names = []
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        for number, quantity in enumerate(document.get("quantities", ()), start=1):
            cells = pd.DataFrame(quantity.get("cells") or [], columns=[*HEAT_COLUMNS, "defensible"])
            if len(cells) < FEWEST:
                continue
            name = f"heat-map-{slug(document['id'])}-{number}"
            title = f"Claim {document['id']}: {quantity['claimed']}"
            caption = (
                f"The change per day for every baseline and window that the published figures allow ({len(cells)} cells); the "
                f"claimed one is framed. Source of the claim: {document['source']}."
            )
            figure = heat_map_figure(cells, title=title, caption=caption)
            alt = alt_heat_map(cells, outcome=dict.fromkeys(("en", "da", "sv"), document["id"]))
            about = FigureAbout(name, title, caption, alt, str(document["source"]), document["id"])
            save_figure(figure, folder / "figures" / name, cells, about)
            names.append(name)
            done(name)
    return names
