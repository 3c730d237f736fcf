"""The command line: the verbs, their options and exit codes; everything they do lives elsewhere."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gvi_eval import __version__

if TYPE_CHECKING:
    from gvi_eval.results import StudyResult

OK, INTERNAL, USAGE, CONTRACT, NOT_REPRODUCED, DISCLOSURE, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130


class Verbs(click.Group):
    """Turns what goes wrong into one plain message and the exit code that stands for it."""

    def invoke(self, ctx: click.Context) -> Any:
        from gvi_eval.errors import DisclosureError, GviEvalError

        try:
            return super().invoke(ctx)
        except DisclosureError as fault:
            click.echo(f"{ctx.invoked_subcommand}: {fault}", err=True)
            ctx.exit(DISCLOSURE)
        except GviEvalError as fault:
            click.echo(f"{ctx.invoked_subcommand}: {fault}", err=True)
            ctx.exit(CONTRACT)
        except KeyboardInterrupt:
            click.echo("interrupted; nothing half-written was left", err=True)
            ctx.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gvi-eval")
def main() -> None:
    """Did Group Violence Intervention reduce shootings, and by how much?

    Exit codes: 0 ok, 1 internal error, 2 usage, 3 data contract violated, 4 a claim or figure did not reproduce,
    5 disclosure block, 6 environment differs from the lock, 130 interrupted. A refused estimate is a result, not an error.
    """


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every verb with results shares."""
    for option in (
        click.option(
            "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder for the results."
        ),
        click.option("--resample", is_flag=True, help="Sample every posterior anew instead of reading the stored ones."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout instead of the summary."),
        click.option("--quiet", is_flag=True, help="No progress and no summary."),
        click.option("--no-color", is_flag=True, help="Plain text; the environment variable NO_COLOR does the same."),
    ):
        command = option(command)
    return command


@main.command()
@output_options
def reproduce(out: Path, resample: bool, as_json: bool, quiet: bool, no_color: bool) -> None:
    """Run every embedded study: the main job."""
    from gvi_eval.plan import embedded_studies

    _run(embedded_studies(), out, resample, as_json, quiet, no_color)


@main.command(short_help="Run studies by name or path.")
@click.argument("study", nargs=-1, required=True)
@output_options
def run(study: tuple[str, ...], out: Path, resample: bool, as_json: bool, quiet: bool, no_color: bool) -> None:
    """Run each STUDY, a name in analyses/ or the path of a study.toml."""
    _run(list(study), out, resample, as_json, quiet, no_color)


@main.command(short_help="Check tables or a study file against their data contract.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--schema", help="The schema to hold the file to, such as counts; guessed when absent.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--quiet", is_flag=True, help="Only the exit code.")
@click.pass_context
def check(ctx: click.Context, path: Path, schema: str | None, as_json: bool, quiet: bool) -> None:
    """Check PATH, a CSV file, a folder, a datapackage.json or a study.toml, against its data contract."""
    if path.suffix == ".toml":
        _check_study(path, as_json, quiet)
        return
    from gvi_eval.tables import check_path

    report = check_path(path, schema)
    if as_json:
        _print_json(asdict(report))
    elif not quiet:
        _print_check(report)
    ctx.exit(DISCLOSURE if report.disclosures else CONTRACT if report.violations else OK)


def _check_study(path: Path, as_json: bool, quiet: bool) -> None:
    """A study file holds when it can be read and every panel it asks for can be built."""
    from gvi_eval.plan import prepare

    plan = prepare(path)
    summary = {"study": plan.study.name, "outcomes": len(plan.study.outcomes), "analyses": len(plan.analyses)}
    if as_json:
        _print_json(summary)
    elif not quiet:
        click.echo(
            f"{path}: {plan.study.title}: {summary['outcomes']} outcomes, {summary['analyses']} analyses; nothing is wrong"
        )


def _run(names: list[str], out: Path, resample: bool, as_json: bool, quiet: bool, no_color: bool) -> None:
    from gvi_eval.plan import find_study

    files = [_found(find_study, name) for name in names]
    from gvi_eval.publish import publish
    from gvi_eval.run import run_study

    documents = []
    for file in files:
        with _progress(file.parent.name, quiet or as_json) as done:
            result = run_study(file, done, resample)
            manifest = publish(result, out / result.study.name, done)
        documents.append({"manifest": manifest, "effects": _records(result)})
        if not quiet and not as_json:
            _print_result(result, out / result.study.name, no_color)
    if as_json:
        _print_json(documents[0] if len(documents) == 1 else documents)


def _found(find: Callable[[str], Path], name: str) -> Path:
    from gvi_eval.errors import StudyError

    try:
        return find(name)
    except StudyError as fault:
        raise click.UsageError(str(fault)) from None


@contextmanager
def _progress(what: str, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A moving line on a terminal, one plain line per study elsewhere; always on stderr."""
    if quiet:
        yield lambda step: None
    elif sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(what) as status:
            yield lambda step: status.update(f"{what}: {step}")
    else:
        click.echo(f"{what} ...", err=True)
        yield lambda step: None


def _records(result: "StudyResult") -> list[dict[str, Any]]:
    from gvi_eval.results import effects_table

    table = effects_table(result).astype(object)
    return table.where(table.notna(), None).to_dict("records")


def _print_json(document: Any) -> None:
    from gvi_eval.writing import json_bytes

    click.echo(json_bytes(json.loads(json.dumps(document, default=str))).decode(), nl=False)


def _print_result(result: "StudyResult", folder: Path, no_color: bool) -> None:
    from rich.console import Console

    from gvi_eval.summary import summary

    plain = no_color or bool(os.environ.get("NO_COLOR"))
    console = Console(color_system=None if plain else "auto", highlight=False, width=None if sys.stdout.isatty() else 140)
    console.print(summary(result, folder))


def _print_check(report: Any) -> None:
    for line in (*report.disclosures, *report.violations):
        click.echo(str(line))
    for file in report.files:
        if file.rows is not None:
            days = f", {file.periods[0]} to {file.periods[1]}" if file.periods else ""
            click.echo(f"{file.file}: {file.rows} rows, {file.columns} columns, schema {file.schema}{days}")
    if report.disclosures:
        click.echo(f"{_counted(report.disclosures, 'cell or name')} may identify a person; nothing further was read")
    elif report.violations:
        faults, files = _counted(report.violations, "violation"), _counted(report.files, "file")
        click.echo(f"{faults} of the data contract in {files}")
    else:
        click.echo(f"{_counted(report.files, 'table')}: nothing is wrong")


def _counted(things: Sized, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
