"""`gvi-eval monitor`: the indicators of a plan, what was published of them since, and what that can bear."""

import io
from pathlib import Path

import click

from gvi_eval.verbs.terminal import colours_wanted, found, print_json, print_text, progress, width_of_terminal


@click.command(short_help="Follow the indicators that a plan names.")
@click.argument("plan", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder that gets monitoring/<plan>.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout instead of the tables.")
@click.option("--quiet", is_flag=True, help="No progress and no tables.")
@click.option("--no-color", is_flag=True, help="Plain text; the environment variable NO_COLOR does the same.")
def monitor(plan: tuple[str, ...], out: Path, as_json: bool, quiet: bool, no_color: bool) -> None:
    """Follow each PLAN, a name in analyses/monitoring or the path of a TOML; without one, all of them.

    Baselines, readings, directions, targets and dose; nothing here says why a reading moved.
    """
    from gvi_eval.indicators import embedded_plans, find_plan, load_plan
    from gvi_eval.monitoring import publish_plan, terminal
    from gvi_eval.readings import follow

    silent = quiet or as_json
    documents = []
    for file in [found(find_plan, name) for name in plan or embedded_plans()]:
        with progress(file.stem, silent):
            monitoring = follow(load_plan(file))
            folder = out / "monitoring" / monitoring.plan.name
            manifest = publish_plan(monitoring, folder)
        documents.append(_document(monitoring, manifest) if as_json else None)
        if not silent:
            print_text(_printed(terminal(monitoring), folder, colours_wanted(no_color)), silent)
    if as_json:
        print_json(documents[0] if len(documents) == 1 else documents)


def _document(monitoring, manifest: dict) -> dict:
    """The tables of a plan as records, with None where a cell is empty."""
    from gvi_eval.monitoring import dose_table, indicators_table, readings_table

    tables = {
        "indicators": indicators_table(monitoring),
        "readings": readings_table(monitoring),
        "dose": dose_table(monitoring.plan),
    }
    plain = {name: table.astype(object).where(table.notna(), None).to_dict("records") for name, table in tables.items()}
    return {"manifest": manifest, **plain}


def _printed(parts, folder: Path, colours: bool) -> str:
    """The plan laid out for the terminal's width."""
    from rich.console import Console

    sheet = io.StringIO()
    Console(
        file=sheet,
        color_system="standard" if colours else None,
        force_terminal=colours,
        highlight=False,
        width=width_of_terminal(),
    ).print(parts)
    return f"{sheet.getvalue()}\n{folder}/page.md and, beside it, readings.csv, indicators.csv, dose.csv and the figure\n"
