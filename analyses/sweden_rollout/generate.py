"""Makes up the monthly table that the rollout study waits for, in its shape: 'python analyses/sweden_rollout/generate.py'.

Counts are Poisson about population times rate times what all share in a month, with a hidden level of each place's own. From
its start on every place that began is multiplied by `TRUE_RATIO`, so that a reader sees whether the design would find it.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
SEED, TRUE_RATIO = 20260101, 0.6
PUBLISHER, LICENCE, URL = "gvi_eval, generated", "public domain", "generate.py"
MONTHS = pd.period_range("2016-01", "2025-12", freq="M")
STARTS = {
    "Malmö": "2018-10",
    "Örebro": "2022-09",
    "Järfälla and Upplands-Bro": "2023-04",
    "Göteborg": "2023-05",
    "Huddinge": "2023-09",
}
# Places of the plan and the shootings a year that are made up for each; the order of magnitude is all that is meant.
PLACES = {
    "Malmö": 45,
    "Örebro": 14,
    "Järfälla and Upplands-Bro": 12,
    "Göteborg": 50,
    "Huddinge": 16,
    "Botkyrka": 18,
    "Södertälje": 16,
    "Haninge": 9,
    "Norrköping": 12,
    "Linköping": 8,
    "Västerås": 12,
    "Eskilstuna": 12,
    "Helsingborg": 14,
    "Landskrona": 6,
    "Kristianstad": 6,
    "Borås": 9,
    "Trollhättan": 6,
    "Gävle": 10,
    "Jönköping": 6,
    "Sundsvall": 5,
    "Halmstad": 5,
    "Växjö": 5,
    "Karlstad": 5,
    "Umeå": 4,
    "Skövde": 4,
    "Kalmar": 4,
}
COUNTED = "unit unit_type period_start period_end measure value definition counting_scope counter".split()
EMPTY = "months_reported vintage source note".split()


def main() -> None:
    random = np.random.default_rng(SEED)
    shared = np.exp(_hidden(0.15, 0.8, random) + 0.1 * np.sin(2 * np.pi * (MONTHS.month.to_numpy() - 4) / 12))
    rows = []
    for place, yearly in PLACES.items():
        mean = yearly / 12 * shared * np.exp(_hidden(0.3, 0.7, random))
        start = STARTS.get(place)
        mean = np.where(MONTHS >= pd.Period(start, "M"), TRUE_RATIO * mean, mean) if start else mean
        for month, count in zip(MONTHS, random.poisson(mean), strict=True):
            days = month.start_time.date().isoformat(), month.end_time.date().isoformat()
            rows.append((place, "municipality", *days, "shootings", count, "generated-shootings", "confirmed", "generated"))
    table = pd.DataFrame(rows, columns=COUNTED)
    for name in EMPTY:
        table[name] = "generated-sweden-rollout" if name == "source" else ""
    _write("shootings_monthly", table, "Generated: made-up shootings per municipality and month, 2016 to 2025")
    meaning = "A made-up number in the place of confirmed shootings in a municipality"
    definition = pd.DataFrame(
        [("generated-shootings", "shootings", "confirmed", meaning, "")],
        columns=["id", "measure", "counting_scope", "text", "breaks"],
    )
    _write("definitions", definition, "What the generated figures stand for")
    source = pd.DataFrame(
        [("generated-sweden-rollout", "Generated figures", PUBLISHER, "2026-11-22", URL, LICENCE)],
        columns=["id", "title", "publisher", "date", "url", "licence"],
    )
    _write("sources", source, "Where the generated figures come from")


def _write(name: str, table: pd.DataFrame, title: str) -> None:
    """A table and its origin record."""
    file = HERE / "data" / f"{name}.csv"
    file.write_bytes(table.to_csv(index=False, lineterminator="\n").encode())
    words = [
        "No count in this table was ever observed; it stands where the police's monthly table per municipality will stand.",
        f"Made by generate.py beside it with seed {SEED}; from its start on each place is multiplied by {TRUE_RATIO:g}.",
    ]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    fields = {"title": title, "publisher": PUBLISHER, "licence": LICENCE, "url": URL, "sha256": digest}
    lines = [*(f'{key} = "{value}"' for key, value in fields.items()), "notes = [", *(f'  "{word}",' for word in words), "]"]
    (HERE / "data" / f"{name}.origin.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _hidden(sd: float, rho: float, random: np.random.Generator) -> np.ndarray:
    """A stationary AR(1) whose exp is 1 on average."""
    level = random.normal(0, sd, len(MONTHS))
    for t in range(1, len(MONTHS)):
        level[t] = rho * level[t - 1] + np.sqrt(1 - rho**2) * level[t]
    return level - sd**2 / 2


if __name__ == "__main__":
    main()
