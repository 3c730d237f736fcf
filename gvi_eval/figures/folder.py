"""A figure on disk: a folder with the picture twice, the numbers that are drawn, and what it is in words."""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from gvi_eval.errors import DataError
from gvi_eval.figures.alt import LANGUAGES
from gvi_eval.figures.theme import theme
from gvi_eval.writing import csv_bytes, json_bytes, whole_folder

FILES = ("about.json", "data.csv", "figure.png", "figure.svg")
NO_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")  # what no XML may hold, U+FFFE and U+FFFF among it
MACHINE_PATH = re.compile(r"(?:^|\s)(?:[A-Za-z]:[\\/]|/(?:home|root|tmp|work|Users|usr|var|mnt|opt)/|file://)")


@dataclass(frozen=True)
class FigureAbout:
    """What a figure is: `source` says whose figures are drawn, `run` is the id of the run that drew it."""

    name: str
    title: str
    caption: str
    alt: Mapping[str, str]
    source: str
    run: str

    def __post_init__(self) -> None:
        silent = [language for language in LANGUAGES if not str(self.alt.get(language, "")).strip()]
        if silent:
            raise DataError(f"the figure '{self.name}' has no alt text in {silent}; compose it with alt_path or alt_forest")
        for field in ("name", "title", "caption", "source", "run"):
            if MACHINE_PATH.search(getattr(self, field)):
                raise DataError(f"the {field} of the figure '{self.name}' holds a path of this machine; make it relative")


def save_figure(figure: Figure, folder: Path, data: pd.DataFrame, about: FigureAbout) -> list[Path]:
    """Write the four files of `FILES`, all or none; the same figure gives the same bytes.

    The files are written beside the folder first and then take its place in one move, so a folder
    never holds the picture of one run with the numbers of another.
    """
    folder = Path(folder)
    if folder.exists() and (strangers := sorted({entry.name for entry in folder.iterdir()} - set(FILES))):
        raise DataError(f"the folder '{folder.name}' also holds {strangers}; a figure needs a folder of its own")
    contents = {"data.csv": csv_bytes(data), "figure.svg": _svg(figure, about.title), "figure.png": _png(figure)}
    hashes = {f"{name.split('.')[1]}_sha256": hashlib.sha256(held).hexdigest() for name, held in contents.items()}
    hashes["data_sha256"] = hashes.pop("csv_sha256")
    described = asdict(about) | {"alt": dict(about.alt)} | hashes
    contents["about.json"] = json_bytes(described)
    with whole_folder(folder) as fresh:
        for name, held in contents.items():
            (fresh / name).write_bytes(held)
    return [folder / name for name in FILES]


def _svg(figure: Figure, title: str) -> bytes:
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    drawn = _rendered(figure, format="svg", metadata=nothing | {"Title": title})
    return NO_XML.sub("\ufffd".encode(), drawn)


def _png(figure: Figure) -> bytes:
    return _rendered(figure, format="png", dpi=200, metadata={"Software": None})


def _rendered(figure: Figure, **settings) -> bytes:
    target = io.BytesIO()
    with theme():
        figure.savefig(target, **settings)
    return target.getvalue()
