"""The command line: the verbs, their options and exit codes; everything they do lives elsewhere."""

import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gvi_eval import __version__
from gvi_eval.threads import ONE_THREAD
from gvi_eval.verbs.terminal import (
    CONTRACT,
    DISCLOSURE,
    INTERRUPTED,
    OK,
    colours_wanted,
    counted,
    found,
    print_json,
    print_text,
    progress,
    width_of_terminal,
)

if TYPE_CHECKING:
    from gvi_eval.results import StudyResult


# verb -> the module of gvi_eval.verbs that holds it, and the name of its function there
VERBS: dict[str, str] = {
    "audit": "audit",
    "checklist": "checklist",
    "cite": "cite",
    "completion": "completion",
    "curve": "curve",
    "diff": "diff",
    "doctor": "doctor",
    "fetch": "fetch",
    "figures": "figures",
    "import": "import_",
    "monitor": "monitor",
    "new": "new",
    "power": "power",
    "protect": "protect",
    "report": "report",
    "verify": "verify",
}


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
        return [*self.commands, *VERBS]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A verb declared here, or one in a module of its own, which is imported when it is asked for."""
        if name in VERBS:
            return getattr(import_module(f"gvi_eval.verbs.{VERBS[name]}"), VERBS[name])
        return super().get_command(ctx, name)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gvi-eval")
def main() -> None:
    """Did Group Violence Intervention reduce shootings, and by how much?

    Exit codes: 0 ok, 1 internal error, 2 usage, 3 data contract violated, 4 a claim or figure did not reproduce,
    5 disclosure block, 6 environment differs from the lock, 130 interrupted. A refused estimate is a result, not an error.
    """
    for name in ONE_THREAD:  # matrices here are small: threads for linear algebra make them up to ten times slower
        os.environ.setdefault(name, "1")


@dataclass(frozen=True)
class Output:
    """Where results go and what is said of them."""

    out: Path
    jobs: int
    resample: bool
    as_json: bool
    quiet: bool
    no_color: bool


def output_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that every verb with results shares."""
    for option in (
        click.option(
            "--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Folder for the results."
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1),
            default=lambda: os.cpu_count() or 1,
            show_default="one a core",
            help="Studies run at once.",
        ),
        click.option("--resample", is_flag=True, help="Sample every posterior and simulate every release anew."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout instead of the summary."),
        click.option("--quiet", is_flag=True, help="No progress and no summary."),
        click.option("--no-color", is_flag=True, help="Plain text; the environment variable NO_COLOR does the same."),
    ):
        command = option(command)
    return command


@main.command()
@output_options
def reproduce(**options: Any) -> None:
    """Run every embedded study and synthesis, audit the claims, follow the plans and write the reports: the main job."""
    from gvi_eval.plan import embedded_studies, embedded_syntheses
    from gvi_eval.verbs.documents import write_documents

    output = Output(**options)
    _run([*embedded_studies(), *embedded_syntheses()], output)
    with progress("audit, plans and reports", output.quiet or output.as_json) as done:
        write_documents(output.out, embedded_studies(), _executor(output), done)


@main.command(short_help="Run studies by name or path.")
@click.argument("study", nargs=-1, required=True)
@output_options
def run(study: tuple[str, ...], **options: Any) -> None:
    """Run each STUDY, a name in analyses/ or the path of a study.toml."""
    _run(list(study), Output(**options))


@main.command(short_help="Lock the plan of a study before its figures are known.")
@click.argument("study")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The day of the lock, as 2026-11-22; today by default.")
def lock(study: str, day: Any) -> None:
    """Keep what the file of STUDY says in plan.lock.json beside it; runs then list field by field what was changed since."""
    from datetime import date

    from gvi_eval.lock import deviations, lock_study, locked_on
    from gvi_eval.plan import SYNTHESIS, find_study

    file = found(find_study, study)
    if file.name == SYNTHESIS:
        raise click.UsageError(f"'{study}' is a synthesis, which has no plan of its own; lock the studies that it names")
    written = lock_study(file, day.date() if day else date.today())
    changed = deviations(file)
    click.echo(f"{written}: locked on {locked_on(file)}; {counted(changed, 'field')} changed since")


@main.command(short_help="Check tables or a study file against their data contract.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--schema", help="The schema to hold the file to, such as counts; guessed when absent.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.option("--quiet", is_flag=True, help="Only the exit code.")
@click.option(
    "--record", is_flag=True, help="First write the hash of the CSV file, changed on purpose, into its origin record."
)
@click.pass_context
def check(ctx: click.Context, path: Path, schema: str | None, as_json: bool, quiet: bool, record: bool) -> None:
    """Check PATH, a CSV file, a folder, a datapackage.json or a study.toml, against its data contract."""
    if record:
        from gvi_eval.tables import record_hash

        if path.suffix != ".csv" or not path.is_file():
            raise click.UsageError("--record goes with one CSV file")
        record_hash(path)
    if path.suffix == ".toml":
        _check_study(path, as_json, quiet)
        return
    from gvi_eval.tables import check_path

    report = check_path(path, schema)
    if as_json:
        print_json(asdict(report))
    elif not quiet:
        _print_check(report)
    ctx.exit(DISCLOSURE if report.disclosures else CONTRACT if report.violations else OK)


def _check_study(path: Path, as_json: bool, quiet: bool) -> None:
    """A study file holds when it can be read and every panel it asks for can be built."""
    from gvi_eval.coverage import coverage_sentences
    from gvi_eval.curve import declare
    from gvi_eval.plan import awaited_tables, prepare, read_tables

    if awaited := awaited_tables(path):
        from gvi_eval.waiting import waiting_text

        if as_json:
            print_json({"study": path.parent.name, "awaited": [asdict(one) for one in awaited]})
        elif not quiet:
            click.echo(waiting_text(path, awaited), nl=False)
        return
    plan = prepare(path)
    held = coverage_sentences(plan.study, read_tables(plan.study, path.parent))
    summary = {"study": plan.study.name, "outcomes": len(plan.study.outcomes), "analyses": len(plan.analyses)}
    if (curve := declare(path)) is not None:
        summary["specifications of the curve"] = len(curve.admission.admitted)
    summary["figures"] = held
    if as_json:
        print_json(summary)
    elif not quiet:
        outcomes = counted(plan.study.outcomes, "outcome")
        analyses = f"{summary['analyses']} {'analysis' if summary['analyses'] == 1 else 'analyses'}"
        click.echo(f"{path}: {plan.study.title}: {outcomes}, {analyses}; nothing is wrong")
        click.echo("".join(f"  {sentence}\n" for sentence in held), nl=False)


def _run(names: list[str], output: Output) -> None:
    from gvi_eval.plan import find_study

    files = [found(find_study, name) for name in names]
    silent = output.quiet or output.as_json
    documents = []
    if min(output.jobs, len(set(files))) == 1:
        for file in files:
            with progress(file.parent.name, silent) as done:
                documents.append(_studied(file, output, done, executor=_executor(output)))
            print_text(documents[-1]["summary"], silent)
    else:
        with progress(", ".join(file.parent.name for file in files), silent) as done:
            documents = _at_once(files, output, done)
        for document in documents:
            print_text(document["summary"], silent)
    if output.as_json:
        told = [{"manifest": document["manifest"], "effects": document["effects"]} for document in documents]
        print_json(told[0] if len(told) == 1 else told)


def _executor(output: Output) -> Any:
    """Where the simulations of one study run: on as many processes as are asked for."""
    from gvi_eval.executor import Processes, Serial

    return Processes(output.jobs) if output.jobs > 1 else Serial()


def _at_once(files: list[Path], output: Output, done: Callable[[str], None]) -> list[dict[str, Any]]:
    """The studies in worker processes, each told whole and in the order asked; one asked for twice is run once."""
    from gvi_eval.executor import Processes, map_tasks

    told = map_tasks(
        study_task,
        {str(file): (str(file), output, width_of_terminal(), colours_wanted(output.no_color)) for file in files},
        executor=Processes(min(output.jobs, len(set(files)))),
        batch=1,
        done=lambda finished, of: done(f"{finished} of {of}"),
    )
    return [json.loads(told[str(file)]) for file in files]


def study_task(inputs: tuple[str, Output, int, bool], seed: int) -> str:
    """One study for the executor: `_studied` as JSON. The seed is that of the study itself, not the executor's."""
    file, output, width, colours = inputs
    return json.dumps(_studied(Path(file), output, lambda what: None, width, colours), default=str)


def _studied(
    file: Path,
    output: Output,
    done: Callable[[str], None],
    width: int | None = None,
    colours: bool | None = None,
    executor: Any = None,
) -> dict[str, Any]:
    """A study run and published: its manifest, its effects, and what is printed of it."""
    from gvi_eval.plan import SYNTHESIS, awaited_tables

    if file.name == SYNTHESIS:
        return _synthesised(file, output, done)
    if awaited := awaited_tables(file):
        from gvi_eval.waiting import publish_waiting, waiting_text

        manifest = publish_waiting(file, awaited, output.out / file.parent.name)
        return {"manifest": manifest, "effects": [], "summary": waiting_text(file, awaited)}
    from gvi_eval.publish import publish
    from gvi_eval.run import run_study

    result = run_study(file, done, output.resample, executor)
    folder = output.out / result.study.name
    manifest = publish(result, folder, done)
    text = ""
    if not output.quiet and not output.as_json:
        wide = width_of_terminal() if width is None else width
        coloured = colours_wanted(output.no_color) if colours is None else colours
        text = _text_of(result, folder, wide, coloured)
    return {"manifest": manifest, "effects": _records(result) if output.as_json else [], "summary": text}


def _synthesised(file: Path, output: Output, done: Callable[[str], None]) -> dict[str, Any]:
    """A synthesis carried out and published: its manifest, its effects and ratios, and the page that is printed."""
    from gvi_eval.synthesis.page import page
    from gvi_eval.synthesis.publish import publish_synthesis
    from gvi_eval.synthesis.result import pooled_table, ratios_table, run_synthesis, sides_table

    result = run_synthesis(file, done)
    folder = output.out / result.synthesis.name
    manifest = publish_synthesis(result, folder, done)
    effects = []
    if output.as_json:
        for table in (sides_table(result), ratios_table(result), pooled_table(result)):
            effects += table.astype(object).where(table.notna(), None).to_dict("records")
    text = (
        "" if output.quiet or output.as_json else f"{page(result)}\n{folder}/page.md and, beside it, tables, panels, figures\n"
    )
    return {"manifest": manifest, "effects": effects, "summary": text}


def _records(result: "StudyResult") -> list[dict[str, Any]]:
    from gvi_eval.results import effects_table

    table = effects_table(result).astype(object)
    return table.where(table.notna(), None).to_dict("records")


def _text_of(result: "StudyResult", folder: Path, width: int, colours: bool) -> str:
    """The summary as it is printed, laid out for so many columns."""
    from rich.console import Console

    from gvi_eval.summary import summary

    page = io.StringIO()
    console = Console(
        file=page, color_system="standard" if colours else None, force_terminal=colours, highlight=False, width=width
    )
    console.print(summary(result, folder))
    return page.getvalue()


def _print_check(report: Any) -> None:
    for line in (*report.disclosures, *report.violations):
        click.echo(str(line))
    for file in report.files:
        if file.rows is not None:
            days = f", {file.periods[0]} to {file.periods[1]}" if file.periods else ""
            fits = f"schema {file.schema}" if file.schema else "no schema fits"
            size = f"{counted(range(file.rows), 'row')}, {counted(range(file.columns), 'column')}"
            click.echo(f"{file.file}: {size}, {fits}{days}")
    if report.disclosures:
        finds = f"{counted(report.disclosures, 'hit')} in cells or names"
        click.echo(f"{finds} may identify a person; nothing further was read")
    elif report.violations:
        faults, files = counted(report.violations, "violation"), counted(report.files, "file")
        click.echo(f"{faults} of the data contract in {files}")
    else:
        click.echo(f"{counted(report.files, 'table')}: nothing is wrong")
