"""`gvi-eval figures`: the figures of a study drawn again from its saved tables; nothing is fitted."""

from pathlib import Path

import click

from gvi_eval.verbs.terminal import found, print_json, progress


@click.command(short_help="Draw the figures of a study again from its saved results.")
@click.argument("study")
@click.option("--only", metavar="NAME", help="One figure, or those whose names begin so.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder that holds the results."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout: the names of the figures.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def figures(study: str, only: str | None, out: Path, as_json: bool, quiet: bool) -> None:
    """Draw the figures of STUDY from the tables that `gvi-eval run` saved, and enter them in its manifest."""
    from gvi_eval.plan import find_study
    from gvi_eval.publish import redraw

    file = found(find_study, study)
    with progress(f"figures of {file.parent.name}", quiet or as_json) as done:
        names = redraw(out / file.parent.name, file, only, done)
    if as_json:
        print_json(names)
    elif not quiet:
        for name in names:
            click.echo(str(out / file.parent.name / "figures" / name))
