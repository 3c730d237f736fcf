"""`gvi-eval import`: a file that somebody saved or was sent becomes a table, and is kept as it came."""

from pathlib import Path
from typing import Any

import click

from gvi_eval.verbs.fetch import recipe_named, sentence, told
from gvi_eval.verbs.terminal import print_json


@click.command("import", short_help="Import files that were saved by hand.")
@click.argument("recipe")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--published", type=click.DateTime(["%Y-%m-%d"]), help="The day on which the figures were published.")
@click.option("--year", help="The year of a table whose heading does not say it.")
@click.option("--measure", help="What a table counts whose heading does not say it, such as shootings.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--quiet", is_flag=True, help="No summary.")
def import_(
    recipe: str, files: tuple[Path, ...], published: Any, year: str | None, measure: str | None, as_json: bool, quiet: bool
) -> None:
    """Import FILES (Excel, CSV or pasted text) by RECIPE, which is STUDY/NAME or the path of a recipe.

    All files together make the table; each is looked through for persons first and kept as it came.
    """
    from gvi_eval.sources.importing import import_files

    (wanted,) = recipe_named(recipe, one=True)
    result = import_files(wanted, files, published.date() if published else None, year, measure)
    if as_json:
        print_json(told(result))
    elif not quiet:
        click.echo(sentence(told(result)))
