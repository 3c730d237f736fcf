"""What every verb says on a terminal: progress on stderr, one JSON document or a text on stdout, names looked up."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

OK, INTERNAL, USAGE, CONTRACT, NOT_REPRODUCED, DISCLOSURE, ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130


def found(find: Callable[[str], Path], name: str) -> Path:
    from gvi_eval.errors import StudyError

    try:
        return find(name)
    except StudyError as fault:
        raise click.UsageError(str(fault)) from None


def results_of(name: str, out: Path) -> tuple[Path, Path | None]:
    """The folder of saved results and the study file of a name: a study, 'audit', or a plan in monitoring/, which have none.

    The folder itself, such as reports/malmo, is as good a name.
    """
    from gvi_eval.plan import STUDY, find_study

    if (place := Path(name)).is_dir() and place.parent != Path() and not (place / STUDY).is_file():
        name, out = place.name, place.parent.parent if place.parent.name == "monitoring" else place.parent
    for folder in (out / name, out / "monitoring" / name):
        if name == "audit" or (folder.parent.name == "monitoring" and folder.is_dir()):
            return folder, None
    file = found(find_study, name)
    return out / file.parent.name, file


@contextmanager
def progress(what: str, quiet: bool) -> Iterator[Callable[[str], None]]:
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


def print_json(document: Any) -> None:
    from gvi_eval.writing import json_bytes

    click.echo(json_bytes(json.loads(json.dumps(document, default=str))).decode(), nl=False)


def print_text(text: str, silent: bool) -> None:
    if not silent:
        click.echo(text, nl=False, color=True)


def width_of_terminal() -> int:
    """Columns of the terminal; 140 where there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 140


def counted(things: Sized, word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def colours_wanted(no_color: bool) -> bool:
    """Colours only on a terminal, and only where neither the option nor NO_COLOR says otherwise."""
    return sys.stdout.isatty() and not no_color and not os.environ.get("NO_COLOR")
