"""`gvi-eval doctor`: is this the environment of the lock?"""

from dataclasses import asdict

import click

from gvi_eval.verbs.terminal import ENVIRONMENT, OK, print_json


@click.command(short_help="Compare the installed packages with the lock.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Compare the installed packages with requirements.lock; exit code 6 where they differ, with the way out."""
    from gvi_eval.environment import diagnose_environment

    found = diagnose_environment()
    if as_json:
        print_json(asdict(found) | {"holds": found.holds})
    else:
        for one in found.differences:
            click.echo(str(one))
        if not found.python_fits:
            click.echo(f"Python is {found.python}; gvi_eval needs 3.11 to 3.13")
        if found.holds:
            click.echo(f"Python {found.python}, {found.compared} packages: all as the lock says")
        else:
            click.echo(f"{len(found.differences)} of {found.compared} packages differ from the lock: {found.advice}")
    ctx.exit(OK if found.holds else ENVIRONMENT)
