"""Packaged files are found in a checkout, and a missing one is named."""

import pytest

from gvi_eval.errors import DataError
from gvi_eval.resources import CHECKOUT, resource


def test_a_schema_is_found_in_the_checkout():
    assert resource("data_schemas/counts.schema.json") == CHECKOUT / "data_schemas" / "counts.schema.json"


def test_a_missing_file_is_named_with_the_way_out():
    with pytest.raises(DataError, match="the packaged file 'data_schemas/nothing.json' is missing; reinstall gvi-eval"):
        resource("data_schemas/nothing.json")
