"""``python -m gvi_eval`` is the command ``gvi-eval``."""

from gvi_eval.cli import main

main()
