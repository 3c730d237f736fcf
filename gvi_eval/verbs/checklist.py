"""`gvi-eval checklist`: what the saved results of a study answer by themselves, and what raters are asked."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from gvi_eval.verbs.terminal import colours_wanted, counted, found, print_json, print_text, width_of_terminal


@click.command(short_help="Answer the checklists of appraisal from saved results.")
@click.argument("study")
@click.option(
    "--results", type=click.Path(path_type=Path), help="The results folder of the study; reports/<study> when absent."
)
@click.option(
    "--blank", type=click.Path(path_type=Path, dir_okay=False), help="Write an empty file of answers for a rater, and stop."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout instead of the tables.")
@click.option("--no-color", is_flag=True, help="Plain text; the environment variable NO_COLOR does the same.")
def checklist(study: str, results: Path | None, blank: Path | None, as_json: bool, no_color: bool) -> None:
    """Appraise STUDY, a name in analyses/ or the path of a study.toml, from the results that were saved of it.

    Each rater answers in analyses/<study>/appraisal/<rater>.toml; an item without an answer is not yet answered.
    """
    from gvi_eval.checklists.appraisal import appraise, asked_items
    from gvi_eval.checklists.raters import blank as empty
    from gvi_eval.plan import SYNTHESIS, find_study

    file = found(find_study, study)
    if file.name == SYNTHESIS:
        raise click.UsageError(f"'{study}' is a synthesis; the checklists are answered for the studies that it names")
    folder = results or Path("reports") / file.parent.name
    document = appraise(folder, file)
    if blank:
        if blank.exists():
            raise click.UsageError(f"'{blank}' exists and may hold answers; name a file that does not")
        blank.parent.mkdir(parents=True, exist_ok=True)
        blank.write_text(empty(asked_items(document)), encoding="utf-8")
        click.echo(f"{blank}: {len(asked_items(document))} items to answer; put it into {file.parent.name}/appraisal/")
        return
    if as_json:
        print_json(document)
        return
    print_text(_printed(document, colours_wanted(no_color)), False)


def _printed(document: Mapping[str, Any], colours: bool) -> str:
    from rich.console import Console

    sheet = io.StringIO()
    console = Console(
        file=sheet,
        color_system="standard" if colours else None,
        force_terminal=colours,
        highlight=False,
        width=width_of_terminal(),
    )
    console.print(table_of(document))
    return sheet.getvalue()


def table_of(document: Mapping[str, Any]) -> Any:
    """All items in one table, and below it the counts and the agreement of the raters."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("item", no_wrap=True)
    table.add_column("asks", overflow="fold", ratio=4)
    table.add_column("answer", overflow="fold", ratio=2)
    table.add_column("shown by", overflow="fold", ratio=4)
    for each in document["checklists"]:
        table.add_row("", Text(each["title"], style="bold"))
        if each["counts"]["not applicable"] == each["counts"]["items"]:
            table.add_row("", Text("not applicable"), "", Text(each["items"][0]["sentence"]))
            continue
        for item in each["items"]:
            table.add_row(*(Text(cell) for cell in (item["id"], item["text"], _answer(item), _shown(item))))
    lines = [Text(f"{document['study']}, headline: {document['headline']}", style="bold")]
    lines += [Text(document["generated"], style="bold")] if document["generated"] else []
    lines += [Text(""), table, Text("")]
    for each in document["checklists"]:
        counts = each["counts"]
        told = "; ".join(f"{counts[state]} {word}" for state, word in STATES.items() if counts[state])
        lines.append(Text(f"{each['title']}: {counted(each['items'], 'item')}, {told}"))
    totals = {state: sum(each["counts"][state] for each in document["checklists"]) for state in ("items", *STATES)}
    applies = totals["items"] - totals["not applicable"]
    lines.append(Text(f"In all: {totals['automatic']} of the {applies} items that apply are answered by the results"))
    return Group(*lines, Text(""), *(Text(line) for line in _agreement(document)))


STATES = {
    "automatic": "answered by the results",
    "not applicable": "not applicable",
    "raters": "answered by raters",
    "not yet answered": "not yet answered",
}


def _answer(item: Mapping[str, Any]) -> str:
    raters = [f"{name}: {given['answer']}" for name, given in item["raters"].items()]
    own = [item["automatic"]] if item["automatic"] else []
    told = [*own, *(raters if not own or any("not yet" not in each for each in raters) else [])]
    return "; ".join(told) or item["state"]


def _shown(item: Mapping[str, Any]) -> str:
    if item["sentence"] is None:
        return ""
    links = "; ".join(f"{link['file']}: {link['row']}" for link in item["evidence"][:2])
    return f"{item['sentence']} [{links}]" if links else item["sentence"]


def _agreement(document: Mapping[str, Any]) -> list[str]:
    if not document["raters"]:
        return ["No rater has answered. An empty file to fill in: gvi-eval checklist " + document["study"] + " --blank FILE"]
    if len(document["raters"]) == 1:
        return ["One rater has answered; a second one is needed before agreement can be told."]
    titles = {each["id"]: each["title"] for each in document["checklists"]}
    lines = []
    for each in document["agreement"]:
        kappa = "undefined" if each["kappa"] is None else f"{each['kappa']:.2f}"
        differ = f"; differ on {', '.join(each['differ'])}" if each["differ"] else ""
        note = f" ({each['note']})" if each["note"] else ""
        lines.append(
            f"{titles[each['checklist']]}: {' and '.join(each['raters'])} agree on {each['same']} of {each['items']}, "
            f"Cohen's kappa {kappa} from {each['items']} items{note}{differ}"
        )
    return lines or ["The raters have answered no item in common."]
