"""`gvi-eval fetch`: figures from those who publish them, stored as they came."""

from pathlib import Path
from typing import Any

import click

from gvi_eval.verbs.terminal import counted, print_json, progress


@click.command(short_help="Fetch a table from its publisher and store what was answered.")
@click.argument("source")
@click.option("--base", help="Address of the publisher's interface, where it is not the usual one.")
@click.option("--timeout", type=click.FloatRange(0.1), default=30.0, show_default=True, help="Seconds of silence allowed.")
@click.option("--stored", is_flag=True, help="Ask nobody: make the table anew from the newest stored answer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--quiet", is_flag=True, help="No progress and no summary.")
def fetch(source: str, base: str | None, timeout: float, stored: bool, as_json: bool, quiet: bool) -> None:
    """Fetch SOURCE: a study (all its recipes that a server answers), STUDY/NAME, or the path of a recipe.

    The raw answer is stored with the question, the time and its sha256; the table is made from what is stored. The same answer
    again changes nothing, another one is a vintage of its own: 'gvi-eval diff' shows what was revised.
    """
    from gvi_eval.sources.fetch import fetch as fetched
    from gvi_eval.sources.fetch import from_store
    from gvi_eval.sources.http import Client
    from gvi_eval.sources.recipe import BY_HAND

    recipes = recipe_named(source)
    asked = [recipe for recipe in recipes if recipe.provider not in BY_HAND or len(recipes) == 1]
    results = []
    for recipe in asked:
        with progress(recipe.name, quiet or as_json):
            results.append(told(from_store(recipe) if stored else fetched(recipe, base, Client(timeout=timeout))))
        if not quiet and not as_json:
            click.echo(sentence(results[-1]))
    by_hand = [recipe for recipe in recipes if recipe not in asked]
    if as_json:
        print_json(results)
    elif not quiet:
        for recipe in by_hand:
            click.echo(f"{recipe.name}: no server answers for it: {recipe.how or 'save the file'}, then {recipe.command}")


def recipe_named(name: str, one: bool = False) -> list[Any]:
    """The recipes of a name; one that does not exist is a matter of usage, as are several where one is wanted."""
    from gvi_eval.errors import StudyError
    from gvi_eval.resources import CHECKOUT
    from gvi_eval.sources.fetch import find_recipes

    try:
        recipes = find_recipes(name, CHECKOUT / "analyses")
    except StudyError as fault:
        if str(fault).startswith("there is no recipe"):
            raise click.UsageError(str(fault)) from None
        raise
    if one and len(recipes) > 1:
        raise click.UsageError(
            f"'{name}' has the recipes {', '.join(each.name for each in recipes)}; name one, as {name}/{recipes[0].name}"
        )
    return recipes


def told(result: Any) -> dict[str, Any]:
    """What was brought, for a JSON document."""
    return {
        "recipe": result.recipe.name,
        "table": _near(result.placed.table),
        "rows": result.placed.rows,
        "snapshot": result.snapshot.record.name,
        "sha256": result.snapshot.sha256,
        "new": result.snapshot.is_new,
        "changed": result.placed.changed,
        "taken_up": result.taken_up,
        "notes": list(result.placed.notes),
    }


def sentence(brought: dict[str, Any]) -> str:
    """What was brought, for people."""
    state = "a new snapshot" if brought["new"] else "the same answer as before"
    taken = (
        f" ({counted(range(brought['taken_up']), 'answer')} kept from a fetch that was broken off)"
        if brought["taken_up"]
        else ""
    )
    table = f"{brought['table']}: {brought['rows']} rows{'' if brought['changed'] else ', unchanged'}"
    return "\n".join(
        [
            f"{brought['recipe']}: {state}, {brought['snapshot']}{taken}",
            f"  {table}",
            *(f"  {note}" for note in brought["notes"]),
        ]
    )


def _near(path: Path) -> str:
    """A path as seen from here."""
    path, here = path.resolve(), Path.cwd().resolve()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()
