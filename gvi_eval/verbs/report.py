"""`gvi-eval report`: the saved results of a study as pages in three languages; nothing is estimated."""

from pathlib import Path

import click

from gvi_eval.verbs.terminal import print_json, progress, results_of

LANGUAGES = ("en", "da", "sv")
FORMATS = ("html", "pdf", "xlsx", "zip")


def _formats(ctx: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    asked = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [part for part in asked if part not in FORMATS]
    if unknown or not asked:
        raise click.BadParameter(f"{', '.join(unknown) or 'nothing'} is no format; choose among {','.join(FORMATS)}")
    return asked


@click.command(short_help="Write the report of a study from its saved results.")
@click.argument("study")
@click.option("--lang", "languages", multiple=True, type=click.Choice(LANGUAGES), help="Language; all three by default.")
@click.option(
    "--format", "formats", default=",".join(FORMATS), show_default=True, callback=_formats, help="Formats, with commas between."
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder that holds the results."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout: the record of the reports.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def report(study: str, languages: tuple[str, ...], formats: tuple[str, ...], out: Path, as_json: bool, quiet: bool) -> None:
    """Write the report of STUDY from what `gvi-eval run` saved into its report/ folder; STUDY may be 'audit' or a plan."""
    from gvi_eval.report.index import write_index
    from gvi_eval.report.write import REPORT, write_reports

    folder, file = results_of(study, out)
    with progress(f"report of {folder.name}", quiet or as_json) as done:
        record = write_reports(folder, file, languages or LANGUAGES, formats, done)
    write_index(out)
    if as_json:
        print_json(record)
    elif not quiet:
        for name in record["files"]:
            click.echo(str(folder / REPORT / name))
