"""`gvi-eval verify`: what a report says against the data it rests on; exit 4 where one digit differs."""

from pathlib import Path

import click

from gvi_eval.verbs.terminal import NOT_REPRODUCED, OK, counted, print_json, progress, results_of

SHOWN = 20  # faults that are printed; --json has them all


@click.command(short_help="Check a report against the data it rests on.")
@click.argument("report")
@click.option("--recompute", is_flag=True, help="Run the study again and compare number by number.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder that holds the results."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--quiet", is_flag=True, help="Only the exit code.")
@click.pass_context
def verify(ctx: click.Context, report: str, recompute: bool, out: Path, as_json: bool, quiet: bool) -> None:
    """Check REPORT, a study, a plan or 'audit': hashes of all it rests on, then every number beside the row it names.

    Exit 4 where anything differs, with the input, setting or code that changed by name.
    """
    from gvi_eval.verify import verify as verified

    folder, file = results_of(report, out)
    if recompute and file is None:
        raise click.UsageError(f"'{report}' is no study; only a study is run again")
    with progress(f"verifying {folder.name}", quiet or as_json) as done:
        result = verified(folder, file, recompute=recompute, done=done)
    if as_json:
        print_json(result.as_json())
    elif not quiet:
        for fault in result.faults[:SHOWN]:
            click.echo(str(fault))
        if len(result.faults) > SHOWN:
            click.echo(f"and {len(result.faults) - SHOWN} more; --json has them all")
        looked = f"{result.files} files and {result.numbers} numbers"
        click.echo(f"{looked}: {'nothing differs' if result.holds else counted(result.faults, 'difference')}")
    ctx.exit(OK if result.holds else NOT_REPRODUCED)
