"""`gvi-eval diff`: what a publisher revised between two vintages."""

from pathlib import Path

import click

from gvi_eval.verbs.terminal import print_json

SHOWN = 50


@click.command(short_help="Show what was revised between two vintages of a table.")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Compare OLD and NEW, two tables (.csv) or two stored snapshots (.json), figure by figure."""
    from gvi_eval.sources.revisions import compared

    found = compared(old, new)
    if as_json:
        rows = [
            {"kind": one.kind, "before": one.before, "now": one.now, "change": one.change}
            | {"key": dict(zip(found.columns, one.key, strict=True))}
            for one in found.revisions
        ]
        print_json({"alike": found.alike, "revisions": rows})
        return
    for one in found.revisions[:SHOWN]:
        click.echo(str(one))
    if len(found.revisions) > SHOWN:
        click.echo(f"... and {len(found.revisions) - SHOWN} more; --json lists them all")
    kinds = ", ".join(f"{found.count(kind)} {kind}" for kind in ("revised", "new", "gone"))
    click.echo(f"{found.alike} figures alike, {kinds}")
