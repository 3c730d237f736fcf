"""Answers on the analyses beside donors, read off comparisons.csv and the tables beside it."""

from collections.abc import Callable, Mapping

import pandas as pd

from gvi_eval.checklists.saved import Found, Saved, declared

TABLE = "comparisons.csv"


def _primary(saved: Saved) -> pd.DataFrame:
    """The comparisons of the primary outcome."""
    rows = saved.table(TABLE)
    return rows if rows.empty else rows[rows["role"] == "primary"]


def _told(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """The comparisons that have a number or a word in a column, which is absent where every comparison is refused."""
    return rows.dropna(subset=[column]) if column in rows else rows.iloc[:0]


def _refused(rows: pd.DataFrame, pattern: str) -> pd.DataFrame:
    """The comparisons whose refusal says this; a table without any refusal has none."""
    return rows[rows["refusal"].astype("string").fillna("").str.contains(pattern, regex=True)]


def _column(saved: Saved, column: str, words: str, how: str) -> Found:
    """Reported where the column holds a number, with its lowest and highest."""
    rows = _primary(saved)
    told = _told(rows, column)
    if told.empty:
        return Found("not reported", f"no {words} is kept", saved.row(TABLE, rows, 1))
    low, high = (format(each, how) for each in (told[column].min(), told[column].max()))
    between = low if low == high else f"{low} to {high}"
    return Found("reported", f"{words}: {between} over {len(told)} comparisons", saved.row(TABLE, told))


def sc_contamination(saved: Saved) -> Found | None:
    rows = _primary(saved)
    refused = _refused(rows, "contaminated")
    left_out = [unit.name for unit in saved.study.units if unit.role == "donor" and unit.excluded]
    bounded = [unit.name for unit in saved.study.units if unit.role == "donor" and (unit.valid.start or unit.valid.end)]
    told = (
        f"{len(left_out)} donors left out with a reason, {len(bounded)} with an end of validity, {len(refused)} comparisons "
        "refused for a disturbed donor"
    )
    if not left_out and not bounded and refused.empty:
        return Found(None, told, declared("units, role donor"))
    return Found("reported", told, (*declared("units, role donor"), *saved.row(TABLE, refused, 2)))


def sc_spillover(saved: Saved) -> Found | None:
    displaced = saved.threat("T10")
    if len(displaced):
        return Found("reported", str(displaced["sentence"].iloc[0]), saved.row("threats.csv", displaced, 1))
    near = [unit.name for unit in saved.study.units if unit.role == "neighbour"]
    return Found(None, f"neighbours that are declared: {', '.join(near) or 'none'}", declared("units, role neighbour"))


def sc_anticipation(saved: Saved) -> Found | None:
    for name in ("event_study.csv", "diagnostics/anticipation.csv"):
        if saved.holds(name):
            return Found(
                "reported", f"{len(saved.table(name))} rows on the time around the start", saved.row(name, saved.table(name))
            )
    return None


def sc_weights(saved: Saved) -> Found:
    rows = _told(_primary(saved), "heaviest")
    if rows.empty:
        return Found("not reported", "no weights are kept", saved.row(TABLE, _primary(saved), 1))
    return Found("reported", f"heaviest of {rows['specification'].iloc[0]}: {rows['heaviest'].iloc[0]}", saved.row(TABLE, rows))


def sc_fit(saved: Saved) -> Found:
    return _column(saved, "rmspe_share", "root mean squared gap before the start over the mean", ".0%")


def sc_hull(saved: Saved) -> Found:
    rows = _told(_primary(saved), "inside_hull")
    if rows.empty:
        return Found(
            "not reported", "whether the place lies within its donors is not kept", saved.row(TABLE, _primary(saved), 1)
        )
    inside = int(rows["inside_hull"].astype(bool).sum())
    return Found("reported", f"inside at {inside} of {len(rows)} comparisons", saved.row(TABLE, rows))


def sc_noise(saved: Saved) -> Found:
    return _column(saved, "rmspe_over_noise", "gap before the start over what Poisson scatter would give", ".1f")


def sc_placebos(saved: Saved) -> Found:
    return _column(saved, "rank_scaled", "rank among the placebos", ".0f")


def sc_placebo_dates(saved: Saved) -> Found:
    return _rows(saved, "placebo_dates.csv", "placebo starts")


def sc_leave_out(saved: Saved) -> Found:
    return _rows(saved, "leave_out.csv", "runs without one or two donors")


def _rows(saved: Saved, name: str, words: str) -> Found:
    rows = saved.table(name)
    if rows.empty:
        return Found("not reported", f"no {words} are kept", saved.row(TABLE, _primary(saved), 1))
    return Found("reported", f"{len(rows)} {words}", saved.row(name, rows))


def sc_hold_out(saved: Saved) -> Found:
    return _column(saved, "hold_out", "gap in the hold-out over that of the fit", ".2f")


def sc_interval(saved: Saved) -> Found:
    rows = saved.table("certainty.csv")
    kinds = [] if rows.empty else sorted(set(rows.loc[rows["what"] == "interval", "kind"]))
    if kinds:
        return Found("reported", f"kinds of interval: {', '.join(kinds)}", saved.row("certainty.csv", rows))
    return _column(saved, "lower", "lower limit by placebos", ".3f")


def sc_estimators(saved: Saved) -> Found:
    rows = _primary(saved)
    names = sorted(set(rows["estimator"]))
    return Found("reported" if len(names) > 1 else "not reported", f"{len(names)}: {', '.join(names)}", saved.row(TABLE, rows))


def sc_low_counts(saved: Saved) -> Found | None:
    rows = _primary(saved)
    refused = _refused(rows, "small counts|zero")
    if refused.empty:
        return Found(None, "no comparison is refused for low counts", saved.row(TABLE, rows, 1))
    return Found("reported", str(refused["refusal"].iloc[0]), saved.row(TABLE, refused))


def _with_donors(answer: Callable[[Saved], Found | None]) -> Callable[[Saved], Found | None]:
    """Not applicable where the study has no comparison of its primary outcome with donors."""

    def asked(saved: Saved) -> Found | None:
        if _primary(saved).empty:
            return Found("not applicable", "the study compares with no donors", declared("specifications"))
        return answer(saved)

    return asked


ANSWERS: Mapping[str, Callable[[Saved], Found | None]] = {
    each.__name__: _with_donors(each)
    for each in (
        sc_contamination,
        sc_spillover,
        sc_anticipation,
        sc_weights,
        sc_fit,
        sc_hull,
        sc_noise,
        sc_placebos,
        sc_placebo_dates,
        sc_leave_out,
        sc_hold_out,
        sc_interval,
        sc_estimators,
        sc_low_counts,
    )
}
