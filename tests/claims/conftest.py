"""A shelf with planted tables and results, and the shelf of this checkout."""

from pathlib import Path

import pytest
from planted_claims import counts

from gvi_eval.claims.published import Shelf


@pytest.fixture
def shelf_of(tmp_path):
    """A shelf whose table 'town.csv' holds the given rows; saved results by (study, file)."""

    def make(*rows, saved=None):
        results = {key: frame for key, frame in (saved or {}).items()}
        results.setdefault(("pooled", "pooled.csv"), None)
        return Shelf(tmp_path, tmp_path, {"town.csv": counts(*rows)}, {}, results)

    return make


@pytest.fixture(scope="session")
def real():
    """The shelf of this checkout."""
    return Shelf(Path(__file__).resolve().parents[2] / "reports")
