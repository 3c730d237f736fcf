"""`gvi-eval new`: a study of one's own that runs at once."""

from pathlib import Path

import click


@click.command(short_help="Make the folder of a new study, with an example that runs.")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path("."), help="Where it is made; here by default.")
def new(name: str, into: Path) -> None:
    """Make the folder NAME with a study file, a table of made-up figures and a script; then write over what is made up."""
    from gvi_eval.errors import StudyError
    from gvi_eval.scaffold import scaffold

    try:
        files = scaffold(name, into)
    except StudyError as fault:
        raise click.UsageError(str(fault)) from None
    for file in files:
        click.echo(file.as_posix())
    home = (into / name).as_posix()
    click.echo(f"\nNext: 'gvi-eval check {home}/data', 'gvi-eval check {home}/study.toml', 'gvi-eval run {home}'.")
    click.echo(f"Then put your table in the place of {home}/data/counts.csv, 'gvi-eval check --record {home}/data/counts.csv',")
    click.echo("and take the line 'generated' out of study.toml.")
