"""One level of errors: each can be caught by its own name or with the others, and none hides another."""

import pytest

from gvi_eval import errors

KINDS = [errors.DataError, errors.DisclosureError, errors.SourceError, errors.StudyError, errors.EstimationError]


@pytest.mark.parametrize("kind", KINDS)
def test_each_error_is_of_the_base_and_of_no_other_kind(kind):
    assert issubclass(kind, errors.GviEvalError)
    assert not any(issubclass(kind, other) for other in KINDS if other is not kind)
