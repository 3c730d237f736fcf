"""A monitored plan as tables, a page, a screen and a folder: readings beside what was wanted, dose beside outcomes."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gvi_eval.errors import DataError
from gvi_eval.hashing import code_hash, file_hash, settings_hash
from gvi_eval.indicators import NO_FIGURE, Indicator, Plan, Reading
from gvi_eval.publish import crate_of, relative, source_of
from gvi_eval.readings import Followed, Monitoring, inputs_of
from gvi_eval.tables import read_origin
from gvi_eval.writing import csv_bytes, json_bytes, whole_folder

SENTENCE = "A reading that moved says nothing of why it moved; only a study with a comparison can."
NO_TARGET = "no number"


def indicators_table(monitoring: Monitoring) -> pd.DataFrame:
    """One row an indicator: what was wanted, where it started, where it was last seen, and what to beware of."""
    return pd.DataFrame([_indicator_row(monitoring.plan, each) for each in monitoring.followed])


def _indicator_row(plan: Plan, each: Followed) -> dict[str, object]:
    own = each.indicator
    return {
        "plan": plan.name,
        "indicator": own.name,
        "role": own.role,
        "kind": own.kind,
        "label": own.label,
        "measured_in": own.measured_in,
        "goal": own.goal,
        "wanted": own.wanted,
        "target": own.target,
        "target_is_a_number": own.target_number,
        "deadline": own.deadline,
        "holder": own.holder,
        "frequency": own.frequency,
        "start": each.origin,
        "start_period": each.origin_when,
        "start_is": None if each.origin is None else "baseline of the plan" if each.stated else "last figure before the plan",
        "readings": len(each.readings),
        "last": each.last.value if each.last else None,
        "last_period": each.last.when if each.last else NO_FIGURE,
        "last_less_start": each.far(each.last),
        "movement": each.movement(each.last),
        "later": each.later.value if each.later else None,
        "later_period": each.later.when if each.later else None,
        "later_less_start": each.far(each.later),
        "baseline_check": each.check.standing if each.check else None,
        "baseline_check_in_words": each.check.sentence if each.check else None,
        "warnings": " | ".join(each.warnings),
        "set_aside": " | ".join(each.set_aside),
        "missing": own.missing,
        "note": own.note,
        "source": own.source,
    }


READING_COLUMNS = (
    "plan,indicator,role,area,beside,period_start,period_end,value,measured_in,lower,upper,level,interval,no_interval,status_years,"
    "definition,counter,vintage,source,figure,note"
).split(",")


def readings_table(monitoring: Monitoring) -> pd.DataFrame:
    """One row a reading, with the table and line it was published in and the status years whose newest figure it was."""
    rows = [row for each in monitoring.followed for row in _reading_rows(monitoring, each)]
    return pd.DataFrame(rows, columns=READING_COLUMNS)


def _reading_rows(monitoring: Monitoring, each: Followed) -> Iterator[tuple[object, ...]]:
    own = each.indicator
    reports = {year: monitoring.status(each, year) for year in monitoring.status_years}
    for beside, readings in ((False, each.readings), (True, each.beside)):
        for reading in readings:
            years = "; ".join(str(year) for year, held in reports.items() if held is reading and not beside)
            yield (
                monitoring.plan.name,
                own.name,
                own.role,
                own.series.beside if beside else own.series.area,
                beside,
                reading.period_start,
                reading.period_end,
                reading.value,
                own.measured_in,
                reading.lower,
                reading.upper,
                reading.level,
                reading.interval,
                reading.bare,
                years,
                reading.definition,
                reading.counter,
                reading.vintage,
                "; ".join(reading.sources),
                reading.figure,
                reading.note,
            )


DOSE_COLUMNS = "plan,dose,label,since,to,value,quote,source,figure,missing".split(",")


def dose_table(plan: Plan) -> pd.DataFrame:
    """One row a published number of an activity, and one for each activity without any."""
    rows = []
    for dose in plan.dose:
        for each in dose.records:
            start, end = each.start, each.end
            rows.append(
                (plan.name, dose.name, dose.label, start, end, each.value, each.quote, each.source, each.figure, dose.missing)
            )
        if not dose.records:
            rows.append((plan.name, dose.name, dose.label, None, None, None, NO_FIGURE, None, None, dose.missing))
    return pd.DataFrame(rows, columns=DOSE_COLUMNS)


def shown(reading: Reading | None) -> str:
    """A reading with its limits and its period."""
    if reading is None:
        return NO_FIGURE
    limits = "" if reading.lower is None else f" [{reading.lower:.3g}–{reading.upper:.3g}]"
    return f"{reading.value:g}{limits} ({reading.when})"


def start_of(each: Followed) -> str:
    """Where an indicator started; a figure that the plan does not call its baseline is marked."""
    if each.origin is None:
        return "none stated, none published"
    return f"{each.origin:g} ({each.origin_when})" + ("" if each.stated else " *")


def since(each: Followed) -> str:
    """How far the last reading is from the start, within the plan's time and, where that ended, after it."""
    parts = []
    if each.last or not each.later:
        parts.append(_far(each, each.last))
    if each.later:
        parts.append(f"after the plan ended: {shown(each.later)}, {_far(each, each.later)}")
    return "; ".join(parts)


def _far(each: Followed, reading: Reading | None) -> str:
    far = each.far(reading)
    if far is None:
        return each.movement(reading)
    return each.movement(reading) if far == 0 else f"{far:+g}, {each.movement(reading)}"


def wanted(indicator: Indicator) -> str:
    """What the plan wants and whether it put a number on it."""
    if indicator.target_number:
        return str(indicator.target)
    return f"{indicator.wanted}, {NO_TARGET}" if indicator.wanted else f"{indicator.target or 'not stated'}, {NO_TARGET}"


def reports_of(monitoring: Monitoring) -> str:
    """When a status is due, in words."""
    status = monitoring.plan.status
    if status is None:
        return "The plan names no status report."
    month = pd.Timestamp(2000, status.month, 1).month_name() if status.month else "no month is stated, so December is taken"
    return (
        f"A status report every year from {status.first} to {status.last} ({month}); shown is the newest figure it could hold."
    )


def targets_of(monitoring: Monitoring) -> str:
    """How many outcomes and activities carry a number as target."""
    counts = [
        f"{sum(each.indicator.target_number for each in group)} of {len(group)} {name}"
        for name, group in (("outcomes", monitoring.outcomes), ("activities", monitoring.activities))
        if group
    ]
    seen = [each for each in monitoring.outcomes if each.last is not None]
    return (
        f"A number as target: {' and '.join(counts)}. A figure since the start, within the plan's time: {len(seen)} of "
        f"{len(monitoring.outcomes)} outcomes."
    )


def terminal(monitoring: Monitoring) -> RenderableType:
    """The plan on one screen: outcomes in a table, their readings, warnings, dose, activities and limits."""
    plan = monitoring.plan
    until = f"{plan.start} to {plan.end}" if plan.end else f"from {plan.start}, without an end"
    parts: list[RenderableType] = [Text(""), Text(plan.title, style="bold"), Text(f"{plan.place}, {until}"), Text("")]
    parts.append(_outcomes(monitoring))
    if any(each.origin is not None and not each.stated for each in monitoring.outcomes):
        parts.append(Text("* the last figure published before the plan, which states no baseline", style="dim"))
    parts += [Text(""), Text(targets_of(monitoring)), Text(SENTENCE)]
    for heading, sentences in sections(monitoring):
        listed = Table.grid(padding=(0, 1))
        for each in sentences:
            listed.add_row("  -", Text(each))
        parts += [Text(f"\n{heading}", style="bold"), listed]
    return Group(*parts)


def _outcomes(monitoring: Monitoring) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("outcome", overflow="fold", ratio=5)
    for name, ratio in (("wanted", 2), ("start", 2), ("last reading", 3), ("since the start", 4)):
        table.add_column(name, overflow="fold", ratio=ratio)
    for each in monitoring.outcomes:
        flag = "! " if each.check and each.check.standing == "outlier" else ""
        own = each.indicator
        cells = f"{own.label} ({own.measured_in})", wanted(own), flag + start_of(each), shown(each.last), since(each)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def sections(monitoring: Monitoring) -> Iterator[tuple[str, list[str]]]:
    """What stands below the table, in order; sections without a sentence are left out."""
    plan = monitoring.plan
    outcomes = monitoring.outcomes
    every = [
        ("Readings", [_series_line(each) for each in outcomes if each.readings]),
        ("Status reports", [reports_of(monitoring), *_status_lines(monitoring)]),
        ("Beware", _grouped((each.indicator.name, text) for each in monitoring.followed for text in each.warnings)),
        (
            "The start beside its neighbours, where it is no outlier",
            [
                f"{each.indicator.name}: {each.check.standing}; {each.check.sentence}"
                for each in outcomes
                if each.check and each.check.standing != "outlier"
            ],
        ),
        ("Intervals", _grouped((each.indicator.name, text) for each in outcomes for text in _intervals(each))),
        ("Figures not used", _grouped((each.indicator.name, text) for each in outcomes for text in each.set_aside)),
        (
            "No figure",
            [f"{each.indicator.label}: {_missing(each)}" for each in outcomes if each.indicator.missing or not each.readings],
        ),
        ("Notes", _grouped((each.indicator.name, each.indicator.note) for each in outcomes if each.indicator.note)),
        ("Dose, recorded beside the outcomes", _dose_lines(plan)),
        ("Activities named by the plan, which are not outcomes", [_activity_line(each) for each in monitoring.activities]),
        ("Not monitored here", list(plan.left_out)),
        ("Limits", list(plan.limits)),
    ]
    yield from ((heading, sentences) for heading, sentences in every if sentences)


def _grouped(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Sentences once each, with the names they belong to."""
    owners: dict[str, list[str]] = {}
    for name, sentence in pairs:
        owners.setdefault(sentence, []).append(name)
    return [f"{'; '.join(names)}: {sentence}" for sentence, names in owners.items()]


def _series_line(each: Followed) -> str:
    return f"{each.indicator.name}: " + " · ".join(f"{reading.when} {reading.value:g}" for reading in each.readings)


def _status_lines(monitoring: Monitoring) -> list[str]:
    lines = []
    for each in monitoring.outcomes:
        if each.readings and monitoring.status_years:
            held = ((year, monitoring.status(each, year)) for year in monitoring.status_years)
            told = (
                f"{year}: {NO_FIGURE if reading is None else f'{reading.value:g} of {reading.when}'}" for year, reading in held
            )
            lines.append(f"{each.indicator.name}: {' · '.join(told)}")
    return lines


def _intervals(each: Followed) -> list[str]:
    kinds = [reading.bare or f"{reading.level:.0%} {reading.interval}" for reading in each.readings]
    return list(dict.fromkeys(kinds))


def _missing(each: Followed) -> str:
    why = each.indicator.missing or "no series is held here"
    return why if each.readings else f"{NO_FIGURE}; {why}"


def _dose_lines(plan: Plan) -> list[str]:
    lines = []
    for dose in plan.dose:
        told = " · ".join(f"{each.value:g} by {each.end} (“{each.quote}”)" for each in dose.records) or NO_FIGURE
        lines.append(f"{dose.label}: {told}" + (f"; {dose.missing}" if dose.missing else ""))
    return lines


def _activity_line(each: Followed) -> str:
    own = each.indicator
    start = f", start {start_of(each)}" if each.origin is not None else ""
    return f"{own.label}: wanted {own.target or 'not stated'}{start}; {shown(each.last)}" + (
        f"; {own.missing}" if own.missing else ""
    )


def page(monitoring: Monitoring) -> str:
    """The same in Markdown."""
    plan = monitoring.plan
    lines = [
        f"# {plan.title}",
        "",
        f"{plan.place}, from {plan.start}" + (f" to {plan.end}." if plan.end else ", without an end."),
        "",
    ]
    lines += [
        targets_of(monitoring),
        "",
        f"**{SENTENCE}**",
        "",
        "![The readings of every indicator](figures/indicators/figure.svg)",
        "",
    ]
    lines += ["| outcome | wanted | start | last reading | since the start | target is a number | held by |", "|" + "---|" * 7]
    for each in monitoring.outcomes:
        own = each.indicator
        cells = f"{own.label} ({own.measured_in})", wanted(own), start_of(each), shown(each.last), since(each)
        lines.append("| " + " | ".join((*cells, "yes" if own.target_number else "no", own.holder or "not stated")) + " |")
    lines += ["", "\\* the last figure published before the plan, which states no baseline", ""]
    for heading, sentences in sections(monitoring):
        lines += [f"## {heading}", "", *(f"- {each}" for each in sentences), ""]
    lines.append("Sources by name are in analyses/data/sources.csv; readings.csv names the table and line of every figure.\n")
    return "\n".join(lines)


def publish_plan(monitoring: Monitoring, folder: Path) -> dict[str, Any]:
    """Write readings.csv, indicators.csv, dose.csv, page.md, the figure and a manifest into ``folder``, whole or not at all.

    The same plan, tables and code give the same bytes. Raises `DataError` for a folder that holds something else.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise DataError(
            f"the folder '{folder}' holds files that are no results and would be replaced; choose another with --out"
        )
    plan = monitoring.plan
    inputs = inputs_of(plan)
    origins = {name: read_origin(path) for name, path in inputs.items()}
    hashes = {name: file_hash(path) for name, path in inputs.items()}
    run = settings_hash({"plan": file_hash(plan.file), "tables": hashes, "code": code_hash()})[:12]
    with whole_folder(folder) as fresh:
        tables = {
            "indicators.csv": indicators_table(monitoring),
            "readings.csv": readings_table(monitoring),
            "dose.csv": dose_table(plan),
        }
        for name, table in tables.items():
            (fresh / name).write_bytes(csv_bytes(table))
        (fresh / "page.md").write_text(page(monitoring), encoding="utf-8")
        from gvi_eval.figures.indicators import draw_plan

        draw_plan(fresh, plan, source=source_of(origins.values()), run=run)
        outputs = {file.relative_to(fresh).as_posix(): file_hash(file) for file in sorted(fresh.rglob("*")) if file.is_file()}
        manifest = {
            "study": plan.name,
            "title": plan.title,
            "question": f"What was published of the indicators of {plan.title}?",
            "run": run,
            "command": f"gvi-eval monitor {plan.name}",
            "code_sha256": code_hash(),
            "software": _software(),
            "study_file": {"path": relative(plan.file, plan.file), "sha256": file_hash(plan.file)},
            "inputs": [
                {
                    "table": name,
                    "path": relative(inputs[name], plan.file),
                    "sha256": hashes[name],
                    "title": origin.title,
                    "publisher": origin.publisher,
                    "licence": origin.licence,
                    "urls": list(origin.urls),
                }
                for name, origin in origins.items()
            ],
            "limits": list(plan.limits),
            "outputs": outputs,
        }
        (fresh / "manifest.json").write_bytes(json_bytes(manifest))
        (fresh / "ro-crate-metadata.json").write_bytes(json_bytes(crate_of(manifest)))
    return manifest


def _software() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("gvi-eval", "matplotlib", "numpy", "pandas", "scipy")}
