"""Two studies with figures of their own, written where a synthesis can name them."""

import copy
from pathlib import Path

import pytest


@pytest.fixture
def towns(document, write_study, tmp_path) -> dict[str, Path]:
    """Two studies of the same figures; in the second nothing is declared but the level, and burglary is not asked."""
    first = tmp_path / "towns"
    other = copy.deepcopy(document)
    other["name"], other["title"] = "village", "The programme of the village"
    return {
        "town": write_study(first / "town", document).parent,
        "village": write_study(first / "village", other).parent,
        "folder": first,
    }
