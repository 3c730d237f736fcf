"""What may stand side by side or be pooled, and what is refused by name."""

import pytest
from two_towns import compared, of, pooling, synthesis

from gvi_eval.errors import StudyError
from gvi_eval.synthesis.result import run_synthesis


def test_two_places_are_compared_by_the_same_method(towns):
    with pytest.raises(StudyError, match="'shots' sets segmented beside exact_ratio"):
        run_synthesis(synthesis(towns, compared(other="exact ratio")))
    with pytest.raises(StudyError, match="'shots' sets segmented with trend = True beside False"):
        run_synthesis(synthesis(towns, compared(other="level")))
    with pytest.raises(StudyError, match="has no specification 'slope'; it has level"):
        run_synthesis(synthesis(towns, compared(other="slope")))


def test_other_outcomes_are_not_pooled(towns):
    with pytest.raises(StudyError, match="Village counts reported burglary and the pooling is of reported shots"):
        run_synthesis(synthesis(towns, pooling(of("Town"), of("Village", "<village>", "burglary, level"))))


def test_literature_without_an_interval_is_no_place(towns):
    published = '{ place = "Sweden and the United States", published = "sbu_fd_pooled", because = "shots" }'
    with pytest.raises(StudyError, match="'sbu_fd_pooled|sbu_fd_pooled is marked 'prior' for pooling"):
        run_synthesis(synthesis(towns, pooling(of("Town"), published)))
    with pytest.raises(StudyError, match="'nobody' is not the id of a published effect"):
        run_synthesis(synthesis(towns, pooling(of("Town"), '{ place = "X", published = "nobody", because = "y" }')))
    with pytest.raises(StudyError, match="say in because why it may stand among"):
        run_synthesis(synthesis(towns, pooling(of("Town"), '{ place = "Indianapolis", published = "indy_15_24" }')))
