"""The town with saved results, for every part of the checklists."""

import pytest
from appraised import write_results

from gvi_eval.checklists.automatic import automatic
from gvi_eval.checklists.items import item_of
from gvi_eval.checklists.saved import Saved


@pytest.fixture
def saved(write_study, tmp_path, document):
    """The town with saved results; the document can be changed before."""

    def make(**tables):
        return Saved(write_results(tmp_path / "results", **tables), write_study(tmp_path / "town", document))

    return make


@pytest.fixture
def answered():
    """What the results say of an item, by its id."""
    return lambda saved, identity: automatic(item_of(identity), saved)
