"""How often the scan for identity numbers hits and how often it is wrong, over a million numbers: 'python -m tests.benchmarks.privacy_scan'.

Valid numbers are made by the rules and written in every way they are written; random ones have as many digits and no meaning;
figures are those of a public table. Nothing is kept but counts. Writes records/privacy_scan.csv.
"""

import csv
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from gvi_eval.privacy import CPR_WEIGHTS, kinds_in_cell

RECORD = Path(__file__).parent / "records" / "privacy_scan.csv"
EACH = 100_000
SEED = 20261122
FIRST, DAYS = date(1920, 1, 1), 38_000
HEADER = ("kind", "should_be_found", "tried", "found", "share")


def birthday(lots: random.Random) -> date:
    return FIRST + timedelta(days=lots.randrange(DAYS))


def danish(lots: random.Random) -> str:
    """A number with a right check digit."""
    while True:
        nine = f"{birthday(lots):%d%m%y}{lots.randrange(1000):03}"
        rest = sum(weight * int(digit) for weight, digit in zip(CPR_WEIGHTS, nine, strict=False)) % 11
        # A number of the years 00 means 1900 or 2000 by its seventh digit; 29 February 1900 was none.
        if rest != 1 and not (nine.startswith("290200") and int(nine[6]) <= 3):
            return f"{nine}{-rest % 11}"


def danish_without_check(lots: random.Random) -> str:
    """A number of somebody registered as born on 1 January, with any last digit."""
    return f"0101{lots.randrange(100):02}{lots.randrange(10_000):04}"


def swedish(lots: random.Random, plus: int = 0) -> str:
    day = birthday(lots)
    nine = f"{day:%y%m}{day.day + plus:02}{lots.randrange(1000):03}"
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(nine))
    return f"{nine}{-total % 10}"


def written(number: str, lots: random.Random, marks: str = "-") -> str:
    return f"{number[:-4]}{lots.choice(['', *marks])}{number[-4:]}"


def century(lots: random.Random) -> str:
    number = swedish(lots)
    return written(("20" if int(number[:2]) < 24 else "19") + number, lots)


MADE: dict[str, tuple[bool, Callable[[random.Random], str]]] = {
    "Danish, right check digit": (True, lambda lots: written(danish(lots), lots, "- ")),
    "Danish, 1 January, any last digit": (True, lambda lots: written(danish_without_check(lots), lots)),
    "Swedish personal": (True, lambda lots: written(swedish(lots), lots)),
    "Swedish personal, with century": (True, century),
    "Swedish coordination": (True, lambda lots: written(swedish(lots, 60), lots)),
    "random, nine digits, alone in a cell": (False, lambda lots: f"{lots.randrange(10**8, 10**9)}"),
    "random, ten digits, bare": (False, lambda lots: f"{lots.randrange(10**9, 10**10)}"),
    "random, ten digits, hyphen": (False, lambda lots: f"{lots.randrange(10**6):06}-{lots.randrange(10**4):04}"),
    "random, twelve digits": (False, lambda lots: f"{lots.randrange(10**11, 10**12)}"),
    "counts and populations, 1 to 8 digits": (False, lambda lots: f"{int(10 ** lots.uniform(0, 8))}"),
    "rates, decimals": (False, lambda lots: f"{lots.random() * 10 ** lots.randrange(6):.{lots.randrange(3, 13)}f}"),
}


def measured(each: int = EACH, seed: int = SEED) -> list[tuple[str, bool, int, int, str]]:
    """One row a kind: how many were tried, and in how many something was found."""
    rows = []
    for kind, (should, make) in MADE.items():
        lots = random.Random(f"{seed} {kind}")
        found = sum(bool(kinds_in_cell(make(lots))) for _ in range(each))
        rows.append((kind, should, each, found, f"{found / each:.5f}"))
    return rows


def main() -> None:
    with RECORD.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([HEADER, *measured()])
    print(RECORD.read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()
