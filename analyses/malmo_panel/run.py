"""Runs this study and writes reports/malmo_panel; the same as 'gvi-eval run malmo_panel'."""

from pathlib import Path

from gvi_eval import run_study
from gvi_eval.publish import publish

HERE = Path(__file__).parent
publish(run_study(HERE / "study.toml"), HERE.parents[1] / "reports" / "malmo_panel")
