"""A study that is written and waits for its figures: what it will ask, and which command brings which table."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gvi_eval.errors import DataError
from gvi_eval.hashing import code_hash, file_hash, settings_hash
from gvi_eval.lock import planned
from gvi_eval.plan import Awaited
from gvi_eval.publish import crate_of, relative
from gvi_eval.study import Study, load_study
from gvi_eval.writing import json_bytes, whole_folder

PAGE = "README.md"


def waiting_text(file: Path, awaited: Sequence[Awaited]) -> str:
    """What is printed: no estimate, and why."""
    study = load_study(file)
    lines = [f"{study.title}", f"  {study.question}", f"  No estimate: {_tables(awaited)} not there yet."]
    lines += [f"  - {one}" for one in awaited]
    analyses = len(study.declared)
    lines.append(f"  Then 'gvi-eval run {file.parent.name}' makes its {analyses} declared analyses.")
    return "\n".join(lines) + "\n"


def publish_waiting(file: Path, awaited: Sequence[Awaited], folder: Path) -> dict[str, Any]:
    """The results folder of a study without its tables: a page and a manifest, no effect. Returns the manifest."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise DataError(
            f"the folder '{folder}' holds files that are no results and would be replaced; choose another with --out"
        )
    study = load_study(file)
    run = settings_hash({"study": file_hash(file), "tables": {}, "code": code_hash()})[:12]
    with whole_folder(folder) as fresh:
        (fresh / PAGE).write_bytes(_page(study, awaited).encode())
        manifest = _manifest(file, study, awaited, run, {PAGE: file_hash(fresh / PAGE)})
        (fresh / "manifest.json").write_bytes(json_bytes(manifest))
        (fresh / "ro-crate-metadata.json").write_bytes(json_bytes(crate_of(manifest)))
    return manifest


def _manifest(file: Path, study: Study, awaited: Sequence[Awaited], run: str, outputs: dict[str, str]) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "study": study.name,
        "title": study.title,
        "question": study.question,
        "run": run,
        "command": f"gvi-eval run {study.name}",
        "code_sha256": code_hash(),
        "software": {"gvi-eval": version("gvi-eval")},
        "planned": planned(file),
        "study_file": {"path": relative(file, file), "sha256": file_hash(file)},
        "inputs": [],
        "awaited": [asdict(one) for one in awaited],
        "limits": list(study.limits),
        "analyses": [],
        "outputs": outputs,
    }


def _page(study: Study, awaited: Sequence[Awaited]) -> str:
    declared = [
        f"| {each.name} | {each.estimator} | {each.window} | {each.note or ''} |"
        for each in study.declared
        if each.part != "grid"
    ]
    donors = [unit.name for unit in study.units if unit.role == "donor" and not unit.excluded]
    until = [f"{unit.name} to {unit.valid.end}" for unit in study.units if unit.valid.end and not unit.excluded]
    lines = [
        f"# {study.title}",
        "",
        study.question,
        "",
        f"**No estimate is given: {_tables(awaited)} not there yet.**",
        "",
        *(f"- `{one.table}` ({one.title}): `{one.command}`{f'. {one.how}.' if one.how else ''}" for one in awaited),
        "",
        "## What is declared",
        "",
        f"Treated: {', '.join(unit.name for unit in study.treated_units)}, from {study.treatment.start}.",
        "",
        f"Donors ({len(donors)}): {', '.join(donors)}.",
        "",
        *([f"Valid only until they were touched themselves: {'; '.join(until)}.", ""] if until else []),
        *(f"- Left out: {unit.name}, {unit.excluded}." for unit in study.units if unit.excluded),
        "",
        "| analysis | estimator | days | note |",
        "|---|---|---|---|",
        *declared,
        "",
        "## Limits",
        "",
        *(f"- {limit}" for limit in study.limits),
        "",
    ]
    return "\n".join(lines)


def _tables(awaited: Sequence[Awaited]) -> str:
    names = " and ".join(one.table for one in awaited)
    return f"{names} {'is' if len(awaited) == 1 else 'are'}"
