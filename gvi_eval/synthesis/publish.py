"""The results folder of a synthesis: tables, panels, a figure, the page, and a manifest that says where numbers came from."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from gvi_eval.errors import DataError
from gvi_eval.figures.alt import LANGUAGES, alt_forest
from gvi_eval.figures.folder import FigureAbout, save_figure
from gvi_eval.figures.forest import forest_figure
from gvi_eval.hashing import code_hash, file_hash, settings_hash
from gvi_eval.publish import SOFTWARE, crate_of, relative, source_of
from gvi_eval.results import panel_table
from gvi_eval.synthesis.gather import PUBLISHED, published_file
from gvi_eval.synthesis.page import figure_place, page
from gvi_eval.synthesis.result import (
    SynthesisResult,
    contributions_table,
    joint_table,
    panel_name,
    pooled_table,
    ratios_table,
    sides_table,
)
from gvi_eval.tables import read_origin
from gvi_eval.writing import csv_bytes, json_bytes, whole_folder

ROW = ["label", "group", "point", "lower", "upper", "level", "kind", "refusal", "headline"]


def publish_synthesis(result: SynthesisResult, folder: Path, done: Callable[[str], None] = lambda what: None) -> dict[str, Any]:
    """Write everything the synthesis gave into ``folder``, whole or not at all, and return the manifest.

    The same file, studies, tables and code give the same bytes. ``done`` is told of each part.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise DataError(
            f"the folder '{folder}' holds files that are no results and would be replaced; choose another with --out"
        )
    inputs = _inputs(result)
    origins = {name: read_origin(path) for name, path in inputs.items()}
    run = _run_id(result, inputs)
    tables = {
        "sides.csv": sides_table(result),
        "ratios.csv": ratios_table(result),
        "contributions.csv": contributions_table(result),
        "pooled.csv": pooled_table(result),
        "joint.csv": joint_table(result),
    }
    with whole_folder(folder) as fresh:
        for name, table in tables.items():
            if not table.empty:
                (fresh / name).write_bytes(csv_bytes(table))
        (fresh / "page.md").write_text(page(result), encoding="utf-8")
        (fresh / "panels").mkdir()
        for each in result.gathered:
            (fresh / panel_name(each)).write_bytes(csv_bytes(panel_table(each.panel)))
        if not any((fresh / "panels").iterdir()):
            (fresh / "panels").rmdir()
        done("tables")
        _draw(fresh, result, tables, source_of(origins.values()), run)
        done("figures")
        outputs = {file.relative_to(fresh).as_posix(): file_hash(file) for file in sorted(fresh.rglob("*")) if file.is_file()}
        manifest = {
            "study": result.synthesis.name,
            "title": result.synthesis.title,
            "question": result.synthesis.question,
            "run": run,
            "command": f"gvi-eval run {result.synthesis.name}",
            "code_sha256": code_hash(),
            "software": {"gvi-eval": version("gvi-eval")} | {name: version(name) for name in SOFTWARE},
            "study_file": _hashed(result.file, result.file),
            "studies": [_hashed(plan.file, result.file) for plan in result.sources.plans.values()],
            "inputs": [
                {
                    "table": name,
                    **_hashed(inputs[name], result.file),
                    "title": origin.title,
                    "publisher": origin.publisher,
                    "licence": origin.licence,
                    "urls": list(origin.urls),
                }
                for name, origin in origins.items()
            ],
            "limits": list(result.synthesis.limits),
            "outputs": outputs,
        }
        (fresh / "manifest.json").write_bytes(json_bytes(manifest))
        (fresh / "ro-crate-metadata.json").write_bytes(json_bytes(crate_of(manifest)))
    done("manifest")
    return manifest


def _inputs(result: SynthesisResult) -> dict[str, Path]:
    """The tables of the studies that are named, and that of published effects where one enters."""
    found = {name: path for plan in result.sources.plans.values() for name, path in plan.inputs.items()}
    if any(reference.published for reference in result.synthesis.references):
        found[PUBLISHED] = published_file()
    return found


def _run_id(result: SynthesisResult, inputs: dict[str, Path]) -> str:
    """Twelve characters that name this run: of the synthesis and its studies, the tables and the code."""
    files = [result.file, *(plan.file for plan in result.sources.plans.values())]
    hashed = {"files": [file_hash(file) for file in files], "code": code_hash()}
    return settings_hash(hashed | {"tables": {name: file_hash(path) for name, path in inputs.items()}})[:12]


def _hashed(file: Path, beside: Path) -> dict[str, str]:
    return {"path": relative(file, beside), "sha256": file_hash(file)}


def _draw(folder: Path, result: SynthesisResult, tables: dict[str, pd.DataFrame], source: str, run: str) -> None:
    """One figure for each comparison and each pooling."""
    for side in result.comparisons:
        caption = (
            f"Ratio of what was counted to what was to be expected over {result.synthesis.horizon_months} months, and of one "
            f"place's ratio to the other's. {source}."
        )
        _forest(folder, result, side.comparison.name, _side_rows(tables, side.comparison.name), caption, source, run)
    for each in result.poolings:
        caption = f"Effects of single places, and what they say together under each summary and prior. {source}."
        if each.contributions:
            _forest(folder, result, each.pooling.name, _pooled_rows(tables, each.pooling.name), caption, source, run)


def _forest(folder: Path, result: SynthesisResult, name: str, rows: pd.DataFrame, caption: str, source: str, run: str) -> None:
    title = f"{result.synthesis.title}: {name}"
    figure = forest_figure(rows, title=title, x_label="ratio (log scale)", caption=caption, measure="ratio")
    alt = alt_forest(rows, outcome=dict.fromkeys(LANGUAGES, result.synthesis.title), measure="ratio")
    place = figure_place(name)
    save_figure(figure, folder / place, rows, FigureAbout(place.split("/")[1], title, caption, alt, source, run))


def _side_rows(tables: dict[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """The effects of both places and their ratio at each start of one comparison."""
    sides, ratios = tables["sides.csv"], tables["ratios.csv"]
    own, both = sides[sides["comparison"] == name], ratios[ratios["comparison"] == name]
    words = both["of"] + " / " + both["to"] + ", " + both["onset_of"] + " and " + both["onset_to"]
    parts = (
        own.assign(label=own["place"] + ", start " + own["onset"], group=own["place"] + ": " + own["outcome"], headline=False),
        both.assign(label=words, group="ratio of the two", point=both["ratio"], headline=True),
    )
    return pd.concat(parts, ignore_index=True)[ROW]


def _pooled_rows(tables: dict[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """The places and the summaries of one pooling."""
    places, pooled = tables["contributions.csv"], tables["pooled.csv"]
    own = places[places["pooling"] == name]
    kinds = own["kind"].map({"estimated": "a place, estimated here", "published": "a place, published"})
    widths = own["width_from"].map(lambda kind: kind if kind == "published" else f"normal, by {kind}")
    parts = [own.assign(label=own["place"], group=kinds, level=0.95, kind=widths, point=own["ratio"], headline=False)]
    if not pooled.empty:
        mean = pooled[pooled["pooling"] == name]
        first = mean["kind"] == "wald"
        parts.append(mean.assign(label=mean["summary"], group="the places together", point=mean["ratio"], headline=first))
    return pd.concat(parts, ignore_index=True).assign(refusal=None)[ROW]
