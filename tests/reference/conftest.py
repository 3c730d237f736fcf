"""The classic data sets lie beside the checkout and are never committed."""

import os
from pathlib import Path

import pytest

from gvi_eval.resources import CHECKOUT


@pytest.fixture(scope="session")
def reference():
    """The path of a classic data set by its file name; skips with the reason where it is absent."""
    folder = Path(os.environ.get("GVI_EVAL_REFERENCE") or CHECKOUT.parent / "shared" / "reference")

    def find(name: str) -> Path:
        if not (folder / name).is_file():
            pytest.skip(f"{name} is not in the folder of reference data; put it there or set GVI_EVAL_REFERENCE")
        return folder / name

    return find
