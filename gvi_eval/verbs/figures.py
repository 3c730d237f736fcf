"""`gvi-eval figures`: the figures of a study drawn again from its saved tables; nothing is fitted."""

from pathlib import Path

import click

from gvi_eval.verbs.terminal import print_json, progress, results_of


@click.command(short_help="Draw the figures of a study again from its saved results.")
@click.argument("study")
@click.option("--only", metavar="NAME", help="One figure, or those whose names begin so.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder that holds the results."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout: the names of the figures.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def figures(study: str, only: str | None, out: Path, as_json: bool, quiet: bool) -> None:
    """Draw the figures of STUDY, or of 'audit', from the tables that `gvi-eval run` saved, and enter them in its manifest."""
    from gvi_eval.figures.audit import draw_audit
    from gvi_eval.publish import redraw

    folder, file = results_of(study, out)
    if file is None and study != "audit":
        raise click.UsageError(f"the figures of the plan '{study}' are drawn by 'gvi-eval monitor {study}'")
    with progress(f"figures of {folder.name}", quiet or as_json) as done:
        names = draw_audit(folder, done) if file is None else redraw(folder, file, only, done)
    if as_json:
        print_json(names)
    elif not quiet:
        for name in names:
            click.echo(str(folder / "figures" / name))
