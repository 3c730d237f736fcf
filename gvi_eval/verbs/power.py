"""`gvi-eval power`: what the design of a study could have told, what each release would add, and the request for it."""

from typing import Any

import click

from gvi_eval.verbs.terminal import found, print_json, progress


@click.command(short_help="What a study could have told, and what would settle it.")
@click.argument("study")
@click.option("--if", "changes", multiple=True, help="A release to try, such as monthly, +24m, donors=20 or monthly,+24m.")
@click.option("--draws", type=click.IntRange(10), help="Series simulated per noise setting and effect; the study's by default.")
@click.option("--anew", is_flag=True, help="Simulate again what was kept.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that simulate.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--quiet", is_flag=True, help="No progress.")
def power(study: str, changes: tuple[str, ...], draws: int | None, anew: bool, jobs: int, as_json: bool, quiet: bool) -> None:
    """Simulate the headline of STUDY as published and with each release that could be had.

    Without --if the releases that the study declares are simulated and kept beside the study file, where runs read them;
    what was kept of the same figures, settings and program is shown as it is.
    Each line has the ratio that is found with 80 % power and the probability of a decisive answer, under three noise
    settings, and ends in the data request.
    """
    from gvi_eval.executor import Processes
    from gvi_eval.plan import SYNTHESIS, find_study, prepare
    from gvi_eval.sensitivity.settle import DRAWS, declared_or_tried, keep, kept, settle, settle_key

    file = found(find_study, study)
    if file.name == SYNTHESIS:
        raise click.UsageError(f"'{study}' is a synthesis, which has no design of its own; ask for the studies that it names")
    plan = prepare(file)
    headline = next(each for each in plan.analyses if each.specification.headline)
    releases = declared_or_tried(plan.study, changes)
    panel = headline.panel.starting(headline.starts[0])
    drawn = draws or plan.study.power_draws or DRAWS
    how = (headline.estimator, panel, releases, plan.study.smallest_effect, plan.study.seed, drawn)
    own = None if changes or draws else settle_key(*how)  # what is tried is not kept
    table = kept(file.parent, own) if own and not anew else None
    if table is None:
        with progress(f"power of {plan.study.name}", quiet or as_json) as done:
            table = settle(*how, executor=Processes(jobs) if jobs > 1 else None, done=done)
        if own:
            keep(file.parent, own, table)
    if as_json:
        rows: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")
        print_json({"study": plan.study.name, "specification": headline.specification.name, "releases": rows})
    else:
        _print(plan.study.title, headline.specification.name, table)


def _print(title: str, specification: str, table: Any) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from gvi_eval.sensitivity.settle import settle_sentences
    from gvi_eval.verbs.terminal import width_of_terminal

    console = Console(width=width_of_terminal(), highlight=False)
    console.print(Text(f"{title}: {specification}", style="bold"))
    shown = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("release", "noise", "finds", "power at .75", "decisive at .75", "decisive at 1", "would read"):
        shown.add_column(name, overflow="fold")
    for row in table.astype(object).where(table.notna(), None).itertuples():
        if row.refusal:
            shown.add_row(row.release, row.noise, Text(f"refused: {row.refusal}"))
            continue
        finds = "nothing" if row.detectable is None else f"{row.detectable:.2f}"
        shares = (f"{share:.0%}" for share in (row.power_at_benchmark, row.decisive, row.decisive_if_none))
        shown.add_row(row.release, row.noise, finds, *shares, f"{row.reading_if_significant:.2f}")
    console.print(shown)
    for line in settle_sentences(table):
        console.print(Text(f"· {line}"))
