"""Runs this synthesis and writes reports/two_cities; the same as 'gvi-eval run two_cities'."""

from pathlib import Path

from gvi_eval.synthesis.publish import publish_synthesis
from gvi_eval.synthesis.result import run_synthesis

HERE = Path(__file__).parent
publish_synthesis(run_synthesis(HERE / "synthesis.toml"), HERE.parents[1] / "reports" / "two_cities")
