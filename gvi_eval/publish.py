"""The results folder of a study: tables, paths, panels, figures, and a manifest that says where each number came from."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from gvi_eval.checklists.appraisal import appraise
from gvi_eval.disclosure import refuse_small
from gvi_eval.errors import DataError
from gvi_eval.estimators import settings_of
from gvi_eval.hashing import code_hash, file_hash, settings_hash
from gvi_eval.lock import planned
from gvi_eval.missing_series import missing_page
from gvi_eval.resources import CHECKOUT
from gvi_eval.result_tables import result_tables
from gvi_eval.results import StudyResult, path_name
from gvi_eval.study import load_study
from gvi_eval.tables import Origin, read_origin
from gvi_eval.writing import json_bytes, slug, whole_folder

COMPILED = "compiled"  # begins the publisher of a table whose rows have publishers of their own
SOFTWARE = ("matplotlib", "numpy", "pandas", "scipy", "seaborn", "statsmodels")


def publish(result: StudyResult, folder: Path, done: Callable[[str], None] = lambda what: None) -> dict[str, Any]:
    """Write everything the study gave into ``folder``, whole or not at all, and return the manifest.

    effects.csv, pairs.csv, agreement.csv, threats.csv, detection.csv, tipping.csv, settle.csv, diagnostics/, paths/, panels/,
    placebos/, gaps/, figures/<name>/, checklists.json, manifest.json and ro-crate-metadata.json; the same study, tables and
    code give the same bytes. ``done`` is told of each part.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise DataError(
            f"the folder '{folder}' holds files that are no results and would be replaced; choose another with --out"
        )
    origins = {name: read_origin(path) for name, path in result.inputs.items()}
    _refuse_small_counts(result, origins)
    run = run_id(result)
    with whole_folder(folder) as fresh:
        for name, content in result_tables(result):
            _write(fresh / name, content)
        for missing in result.missing:
            _write(fresh / "missing" / f"{slug(missing.declared.name)}.md", missing_page(result.study, missing).encode())
        done("tables")
        from gvi_eval.figures.study import draw_study

        draw_study(fresh, result.study, source=source_of(origins.values()), run=run, done=done)
        _write(fresh / "checklists.json", json_bytes(appraise(fresh, result.file)))
        outputs = {file.relative_to(fresh).as_posix(): file_hash(file) for file in sorted(fresh.rglob("*")) if file.is_file()}
        manifest = _manifest(result, origins, run, outputs)
        _write(fresh / "manifest.json", json_bytes(manifest))
        _write(fresh / "ro-crate-metadata.json", json_bytes(crate_of(manifest)))
    done("manifest")
    return manifest


def redraw(
    folder: Path, study_file: Path, only: str | None = None, done: Callable[[str], None] = lambda what: None
) -> list[str]:
    """Draw the figures of a results folder again from its tables, enter them in the manifest, and return their names.

    Nothing is estimated. ``only`` keeps to the figures whose names begin so. Raises `DataError` where the folder holds no
    results, where the study file is not the one that was run, or where no figure has such a name.
    """
    place = folder / "manifest.json"
    if not place.is_file():
        raise DataError(f"the folder '{folder}' holds no results to draw; run 'gvi-eval run {folder.name}' first")
    manifest = json.loads(place.read_text(encoding="utf-8"))
    if file_hash(study_file) != manifest["study_file"]["sha256"]:
        raise DataError(f"{study_file.name} has changed since {folder.name} was run; run 'gvi-eval run {folder.name}' again")
    from gvi_eval.figures.study import draw_study

    source = source_of(read_origin(locate(item["path"], study_file)) for item in manifest["inputs"])
    names = draw_study(folder, load_study(study_file), source=source, run=manifest["run"], done=done, only=only)
    if not names:
        raise DataError(f"no figure of {folder.name} is named '{only}'; leave --only out to see them all")
    drawn = {file.relative_to(folder).as_posix(): file_hash(file) for file in sorted((folder / "figures").rglob("*.*"))}
    manifest["outputs"] = dict(sorted((manifest["outputs"] | drawn).items()))
    _write(place, json_bytes(manifest))
    _write(folder / "ro-crate-metadata.json", json_bytes(crate_of(manifest)))
    return names


def locate(name: str, study_file: Path) -> Path:
    """A table that a manifest names, in the checkout or beside the study file."""
    inside = CHECKOUT / name
    return inside if inside.is_file() else study_file.resolve().parent / name


def run_id(result: StudyResult) -> str:
    """Twelve characters that name this run: of the study file, the tables and the code."""
    files = {name: file_hash(path) for name, path in result.inputs.items()}
    return settings_hash({"study": file_hash(result.file), "tables": files, "code": code_hash()})[:12]


def _refuse_small_counts(result: StudyResult, origins: Mapping[str, Origin]) -> None:
    """No output shows a count that the profile of a source suppresses: checked on every panel before anything is written."""
    for profile in {origin.profile for origin in origins.values() if origin.profile.suppresses}:
        for analysis in result.analyses:
            if analysis.panel.kind == "count":
                refuse_small(analysis.panel.values, profile, analysis.panel_file)
                spans = pd.DataFrame({"count": [window.count for window in analysis.panel.windows]}, dtype=float)
                refuse_small(spans, profile, analysis.panel_file)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def source_of(origins: Iterable[Origin]) -> str:
    """Whose figures these are; a table compiled from many names its sources row by row."""
    names = [
        "Figures of several publishers, each named in its table"
        if origin.publisher.startswith(COMPILED)
        else f"{origin.publisher} ({origin.licence})"
        for origin in origins
    ]
    return "; ".join(dict.fromkeys(names))


def relative(path: Path, study_file: Path) -> str:
    """A path as seen from the checkout, or from the study's folder where it lies elsewhere."""
    path = path.resolve()
    for root in (CHECKOUT, study_file.resolve().parent):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name


def _manifest(result: StudyResult, origins: Mapping[str, Origin], run: str, outputs: dict[str, str]) -> dict[str, Any]:
    study = result.study
    return {
        "study": study.name,
        "title": study.title,
        "question": study.question,
        "run": run,
        "command": f"gvi-eval run {study.name}",
        "code_sha256": code_hash(),
        "software": {"gvi-eval": version("gvi-eval")} | {name: version(name) for name in SOFTWARE},
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "planned": planned(result.file),
        "study_file": {"path": relative(result.file, result.file), "sha256": file_hash(result.file)},
        "inputs": [
            {
                "table": name,
                "path": relative(result.inputs[name], result.file),
                "sha256": file_hash(result.inputs[name]),
                "title": origin.title,
                "publisher": origin.publisher,
                "licence": origin.licence,
                "urls": list(origin.urls),
            }
            for name, origin in origins.items()
        ],
        "limits": list(study.limits),
        "analyses": [
            {
                "specification": analysis.specification.name,
                "outcome": study.outcome(analysis.specification.outcome).title,
                "onset": analysis.onset,
                "estimator": analysis.estimator.name,
                "settings": settings_of(analysis.estimator),
                "transforms": [f"{name}: {value}" for name, value in analysis.specification.transforms],
                "headline": analysis.specification.headline,
                "note": analysis.specification.note,
                "panel": analysis.panel_file,
                "path": path_name(analysis) if analysis.fit.counterfactual is not None else None,
                "details": dict(analysis.fit.details),
                "dropped": list(analysis.panel.dropped),
            }
            for analysis in result.analyses
        ],
        "outputs": outputs,
    }


def crate_of(manifest: dict[str, Any]) -> dict[str, Any]:
    """The same as an RO-Crate: files, their sources, and the action that made them."""
    written = manifest["outputs"] | {"manifest.json": sha256(json_bytes(manifest)).hexdigest()}
    outputs = [{"@id": name, "@type": "File", "sha256": digest} for name, digest in sorted(written.items())]
    inputs = [
        {
            "@id": f"#{item['path']}",
            "@type": "Dataset",
            "name": item["title"],
            "publisher": item["publisher"],
            "license": item["licence"],
            "sha256": item["sha256"],
        }
        for item in manifest["inputs"]
    ]
    software = {
        "@id": "#gvi-eval",
        "@type": "SoftwareApplication",
        "name": "gvi-eval",
        "softwareVersion": manifest["software"]["gvi-eval"],
        "identifier": manifest["code_sha256"],
    }
    action = {
        "@id": f"#{manifest['run']}",
        "@type": "CreateAction",
        "name": manifest["command"],
        "instrument": {"@id": "#gvi-eval"},
        "object": [{"@id": item["@id"]} for item in inputs],
        "result": [{"@id": item["@id"]} for item in outputs],
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": manifest["title"],
        "description": manifest["question"],
        "license": "BSD-3-Clause for the software; each input under its own licence",
        "hasPart": [{"@id": item["@id"]} for item in outputs],
    }
    descriptor = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [descriptor, root, software, action, *inputs, *outputs],
    }
