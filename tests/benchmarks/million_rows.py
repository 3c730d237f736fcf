"""How long `check` takes over a million rows and how much memory it needs: 'python -m tests.benchmarks.million_rows [ROWS]'."""

import resource
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from gvi_eval.schema import load_schema
from gvi_eval.tables import check_path

ROWS = 1_000_000


def write(folder: Path, rows: int) -> Path:
    """A table of counts of many places by day, with the definitions and sources it refers to."""
    (folder / "definitions.csv").write_text("id,measure,counting_scope,text,breaks\ncounted,shootings,confirmed,Counted,\n")
    (folder / "sources.csv").write_text("id,title,publisher,date,url,licence\nregister,,,,,CC0\n")
    days = [(date(2010, 1, 1) + timedelta(days=day)).isoformat() for day in range(1000)]
    with (folder / "counts.csv").open("w", encoding="utf-8") as stream:
        stream.write(",".join(load_schema("counts").names) + "\n")
        for row in range(rows):
            day = days[row % 1000]
            stream.write(
                f"Place {row // 1000},municipality,{day},{day},shootings,{row % 7},counted,confirmed,police,,2024,register,\n"
            )
    return folder / "counts.csv"


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = write(Path(folder), rows)
        began, used = time.perf_counter(), time.process_time()
        report = check_path(file, "counts")
        wall, processor = time.perf_counter() - began, time.process_time() - used
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        size = file.stat().st_size / 1e6
    assert report.files[0].rows == rows and report.violations == (), report.violations[:3]
    print(f"{rows:,} rows, {size:.0f} MB: {processor:.1f} s of processor ({wall:.1f} s), {memory:.0f} MB at most")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
