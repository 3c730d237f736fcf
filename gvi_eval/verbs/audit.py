"""gvi-eval audit: what the published figures support of what was said."""

import io
from pathlib import Path

import click

from gvi_eval.verbs.terminal import (
    NOT_REPRODUCED,
    colours_wanted,
    counted,
    found,
    print_json,
    print_text,
    progress,
    width_of_terminal,
)


@click.command(short_help="Hold claims against the published figures.")
@click.argument("claims", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Folder of results; audit/ is written.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout instead of the table.")
@click.option("--quiet", is_flag=True, help="No progress and no table.")
@click.option("--no-color", is_flag=True, help="Plain text; the environment variable NO_COLOR does the same.")
@click.pass_context
def audit(ctx: click.Context, claims: tuple[str, ...], out: Path, as_json: bool, quiet: bool, no_color: bool) -> None:
    """Judge each of CLAIMS: the id of a claim, a file, a folder, or 'all'.

    Four answers are given and never melted into one: is the number reproduced, does it hold across equally defensible
    choices, how strong is the design behind it, do the words fit. Exit code 4 where a claim that is declared as reproduced
    is not.
    """
    from rich.console import Console

    from gvi_eval.claims.audit import audit as judge_all
    from gvi_eval.claims.audit import write_audit
    from gvi_eval.claims.declared import find_claims
    from gvi_eval.claims.page import document
    from gvi_eval.claims.published import Shelf
    from gvi_eval.claims.terminal import overview

    files = list(dict.fromkeys(file for name in claims for file in found(find_claims, name)))
    shelf = Shelf(out)
    with progress("audit", quiet or as_json) as step:
        verdicts = judge_all(files, shelf, step)
    write_audit(verdicts, out / "audit", shelf)
    if as_json:
        print_json([document(verdict) for verdict in verdicts])
    else:
        width = width_of_terminal()
        text = io.StringIO()
        console = Console(
            file=text, width=width, force_terminal=colours_wanted(no_color), no_color=not colours_wanted(no_color)
        )
        console.print(overview(verdicts, width))
        told = f"\n{counted(verdicts, 'claim')}: {out / 'audit' / 'verdicts.csv'} and a page for each beside it"
        console.print(told, markup=False)
        print_text(text.getvalue(), quiet)
    broken = [verdict.claim.id for verdict in verdicts if verdict.breaks_its_word]
    if broken:
        click.echo(f"declared as reproduced, and not: {', '.join(broken)}", err=True)
        ctx.exit(NOT_REPRODUCED)
