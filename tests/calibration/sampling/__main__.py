"""Simulate what the record of the sampled model lacks, and write the page: `python -m tests.calibration.sampling`."""

import argparse
import time

from ..report import write_report
from . import laws, sbc


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=sbc.SETS, help="replications of each design; those on record are kept")
    parser.add_argument("--minutes", type=float, default=120, help="stop after so many minutes; a later call goes on")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    laws.simulate(until)
    sbc.simulate(options.sets, until)
    write_report()


if __name__ == "__main__":
    main()
