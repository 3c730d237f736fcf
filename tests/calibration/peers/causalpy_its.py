"""What CausalPy's interrupted time series says about exported series. Runs in an environment of its own, without gvi_eval.

    python causalpy_its.py FOLDER MODEL SETS

FOLDER holds series.json, a list of {setting, number, start, file}, and the CSV files that it names (date, t, month, y).
One line of JSON a series is added to FOLDER/MODEL.jsonl; series that have one are left out.

The model is that of CausalPy's own example of this design, y ~ 1 + t + C(month), fitted to the months before the start
and carried on after it. The interval is the one that `effect_summary` reports for the average impact after the start:
with MODEL ols the 95 % confidence interval, with MODEL pymc the 95 % highest density interval, default priors and draws.
"""

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import causalpy
import pandas as pd

FORMULA = "y ~ 1 + t + C(month)"
SEED = 20181001


def model(kind: str):
    if kind == "ols":
        from sklearn.linear_model import LinearRegression

        return LinearRegression()
    return causalpy.pymc_models.LinearRegression(sample_kwargs={"random_seed": SEED, "progressbar": False})


def interval(file: Path, start: str, kind: str) -> tuple[float, float, float]:
    """The average impact after the start and its limits, as reported."""
    series = pd.read_csv(file, parse_dates=["date"]).set_index("date")
    result = causalpy.InterruptedTimeSeries(series, pd.Timestamp(start), formula=FORMULA, model=model(kind))
    average = result.effect_summary(direction="two-sided", alpha=0.05, cumulative=False, relative=False).table.loc["average"]
    limits = ("ci_lower", "ci_upper") if kind == "ols" else ("hdi_lower", "hdi_upper")
    return float(average["mean"]), *(float(average[name]) for name in limits)


def main(folder: Path, kind: str, sets: int) -> None:
    told = folder / f"{kind}.jsonl"
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    done = {(line["setting"], line["number"]) for line in map(json.loads, lines)}
    for series in json.loads((folder / "series.json").read_text(encoding="utf-8")):
        if series["number"] >= sets or (series["setting"], series["number"]) in done:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a peer, about its own dependencies
            mean, lower, upper = interval(folder / series["file"], series["start"], kind)
        line = {"setting": series["setting"], "number": series["number"], "mean": mean, "lower": lower, "upper": upper}
        with told.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line | {"version": version("causalpy")}) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
