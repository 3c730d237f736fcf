"""gvi-eval curve: the specification curve of a study with its joint test, computed and kept beside the study file."""

import os
import shutil
from pathlib import Path

import click

from gvi_eval.verbs.terminal import found, print_json, print_text, progress

PARTS = "parts"


@click.command(short_help="Compute the specification curve of a study.")
@click.argument("study")
@click.option(
    "--jobs", type=click.IntRange(1), default=lambda: os.cpu_count() or 1, show_default="one a core", help="Processes at once."
)
@click.option("--scheduler", metavar="ADDRESS", help="A dask.distributed scheduler, such as tcp://127.0.0.1:8786.")
@click.option("--series", type=click.IntRange(0), help="Only so many series without an effect, for a trial; nothing is kept.")
@click.option(
    "--parts",
    type=click.Path(path_type=Path),
    help="Folder for finished pieces, from which an interrupted run goes on; curve/parts beside the study file by default.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout instead of sentences.")
@click.option("--quiet", is_flag=True, help="No progress and no sentences.")
def curve(
    study: str, jobs: int, scheduler: str | None, series: int | None, parts: Path | None, as_json: bool, quiet: bool
) -> None:
    """Run every admissible combination of the choices in the [curve] of STUDY, and again on series without effect.

    Takes minutes to an hour; what is finished is kept, so that a run that was ended goes on. `gvi-eval run` reads the record.
    """
    from gvi_eval.curve import compute, curve_of, declare
    from gvi_eval.errors import StudyError
    from gvi_eval.executor import executor_named
    from gvi_eval.plan import find_study
    from gvi_eval.sensitivity.curve_record import FOLDER, curve_sentences, keep_curve

    file = found(find_study, study)
    declared = declare(file)
    if declared is None:
        raise StudyError(f"the study {file.parent.name} declares no [curve]; add its choices, each with a reason")
    executor = executor_named(scheduler) if scheduler else executor_named("serial" if jobs == 1 else "processes", jobs)
    trial = series is not None
    folder = parts or (None if trial else file.parent / FOLDER / PARTS)
    with progress(f"{declared.study.name}, specification curve", quiet or as_json) as done:
        told, digest = compute(
            declared,
            executor,
            folder,
            declared.others[:series] if trial else None,
            done=lambda finished, of: done(f"{finished} of {of} pieces"),
        )
    computed = curve_of(declared, told)
    if not trial:
        keep_curve(computed, file.parent / FOLDER)
        if parts is None and folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        print_json({"key": computed.key, "hash": digest, **computed.test})
        return
    print_text("\n".join([*curve_sentences(computed), f"hash {digest}"]), quiet)
