"""Every table that the results of a study are saved as: its name in the results folder, and its bytes."""

from collections.abc import Iterator

import pandas as pd

from gvi_eval.comparisons import (
    comparisons_table,
    event_study_table,
    gaps_name,
    gaps_table,
    leave_out_table,
    placebo_dates_table,
    placebos_name,
    placebos_of,
    placebos_table,
    shown_comparisons,
)
from gvi_eval.diagnostics import diagnostics_tables
from gvi_eval.results import (
    Analysis,
    StudyResult,
    agreement_table,
    certainty_table,
    effects_table,
    pairs_table,
    panel_table,
    path_name,
    power_curve_of,
    power_of,
    threats_table,
)
from gvi_eval.sensitivity.curve_record import Curve, curve_test_table
from gvi_eval.sensitivity.threats.detection import detections_table
from gvi_eval.writing import csv_bytes, slug


def result_tables(result: StudyResult) -> Iterator[tuple[str, bytes]]:
    """Each table once, by its name: those of the study first, then what each analysis saw and gave."""
    yield from ((name, csv_bytes(table)) for name, table in _of_the_study(result))
    panels: set[str] = set()
    for analysis in result.analyses:
        yield from ((name, csv_bytes(table)) for name, table in _of_an_analysis(result, analysis))
        if analysis.panel_file not in panels:  # the analyses of the same figures share one
            panels.add(analysis.panel_file)
            yield analysis.panel_file, csv_bytes(panel_table(analysis.panel))
    for analysis in shown_comparisons(result):
        yield gaps_name(analysis), csv_bytes(gaps_table(analysis))


def _of_the_study(result: StudyResult) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "effects.csv", effects_table(result)
    yield "pairs.csv", pairs_table(result)
    if result.power:
        yield "power.csv", power_of(result)
        yield "power_curve.csv", power_curve_of(result)
    yield "threats.csv", threats_table(result)
    if result.detections:
        yield "detection.csv", detections_table(result.detections)
    if not result.tipping.empty:
        yield "tipping.csv", result.tipping
    if not result.settle.empty:
        yield "settle.csv", result.settle
    yield "agreement.csv", agreement_table(result)
    if not (comparisons := comparisons_table(result)).empty:
        yield "comparisons.csv", comparisons
        yield "leave_out.csv", leave_out_table(result)
        yield "placebo_dates.csv", placebo_dates_table(result)
    if not (events := event_study_table(result)).empty:
        yield "event_study.csv", events
    if not (certainty := certainty_table(result)).empty:
        yield "certainty.csv", certainty
    if isinstance(result.curve, Curve):
        yield "curve.csv", result.curve.table
        yield "curve_test.csv", curve_test_table(result.curve)
    for missing in result.missing:
        yield f"missing/{slug(missing.declared.name)}.csv", missing.figures
    for name, table in diagnostics_tables(result.diagnostics).items():
        yield f"diagnostics/{name}", table


def _of_an_analysis(result: StudyResult, analysis: Analysis) -> Iterator[tuple[str, pd.DataFrame]]:
    if analysis.fit.counterfactual is not None:
        path = analysis.fit.counterfactual.frame(analysis.fit.level)
        path.insert(0, "outcome", result.study.outcome(analysis.specification.outcome).title)
        path.insert(0, "unit", analysis.fit.unit)
        yield path_name(analysis), path
    if placebos_of(analysis) is not None and not analysis.is_range:
        yield placebos_name(analysis), placebos_table(analysis)
