"""Runs this study and writes reports/copenhagen; the same as 'gvi-eval run copenhagen'."""

from pathlib import Path

from gvi_eval import publish, run_study

HERE = Path(__file__).parent
publish(run_study(HERE / "study.toml"), HERE.parents[1] / "reports" / "copenhagen")
