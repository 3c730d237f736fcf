"""A new study holds, runs and says that its figures are made up; faults planted in its table are all named."""

import tomllib

import pytest
from click.testing import CliRunner

from gvi_eval.cli import main
from gvi_eval.errors import StudyError
from gvi_eval.plan import prepare
from gvi_eval.scaffold import RATIO, scaffold
from gvi_eval.tables import check_path


def test_what_is_made_keeps_the_contract_and_is_the_same_each_time(tmp_path):
    files = scaffold("my_town", tmp_path)
    assert [file.relative_to(tmp_path).as_posix() for file in files][-2:] == ["my_town/run.py", "my_town/study.toml"]
    assert check_path(tmp_path / "my_town" / "data").violations == ()
    again = scaffold("my_town", tmp_path / "again")
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in again]


def test_it_runs_at_once_and_finds_what_was_built_in(tmp_path):
    scaffold("my_town", tmp_path)
    plan = prepare(tmp_path / "my_town" / "study.toml")
    assert plan.study.generated.startswith("EXAMPLE") and len(plan.analyses) == 3  # a level twin is added
    exact = next(each for each in plan.analyses if each.estimator.name == "exact_ratio")
    effect = exact.estimator.estimate(exact.panel)
    assert effect.intervals[0].lower < RATIO < effect.intervals[0].upper < 1
    assert tomllib.loads((tmp_path / "my_town" / "study.toml").read_text(encoding="utf-8"))["name"] == "my_town"


@pytest.mark.parametrize("name", ["", "My Town", "../town", "a/b", "1town", "con.toml", "å"])
def test_a_name_that_is_none_is_refused(tmp_path, name):
    with pytest.raises(StudyError, match="cannot name a study"):
        scaffold(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path):
    scaffold("my_town", tmp_path)
    with pytest.raises(StudyError, match="there is a 'my_town' here already"):
        scaffold("my_town", tmp_path)


def test_the_verb_says_what_to_do_next_and_check_names_planted_faults(tmp_path):
    done = CliRunner().invoke(main, ["new", "my_town", "--into", str(tmp_path)])
    assert done.exit_code == 0 and "Next: 'gvi-eval check" in done.stdout
    table = tmp_path / "my_town" / "data" / "counts.csv"
    text = table.read_text(encoding="utf-8").replace("2018-02-28", "2018-02-30", 1)
    lines = text.splitlines()
    lines[5] = lines[5].replace("not_stated", "not stated")
    lines.append(lines[1])
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = CliRunner().invoke(main, ["check", str(table)])
    assert told.exit_code == 3
    assert "'2018-02-30' is not" in told.stdout and "repeats the primary key of line 2" in told.stdout
    assert "'not stated' is not one of" in told.stdout
    assert CliRunner().invoke(main, ["new", "my_town", "--into", str(tmp_path)]).exit_code == 2


def test_a_table_of_ones_own_is_recorded_on_purpose_and_not_otherwise(tmp_path):
    scaffold("my_town", tmp_path)
    table = tmp_path / "my_town" / "data" / "counts.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",shootings,13,", ",shootings,14,", 1), encoding="utf-8")
    told = CliRunner().invoke(main, ["check", str(table)])
    assert told.exit_code == 3 and "if the change is meant, 'gvi-eval check --record FILE'" in told.stdout
    assert CliRunner().invoke(main, ["check", str(table), "--record"]).exit_code == 0
    assert CliRunner().invoke(main, ["check", str(table)]).exit_code == 0
    (tmp_path / "my_town" / "data" / "counts.origin.toml").unlink()
    assert CliRunner().invoke(main, ["check", str(table), "--record"]).exit_code == 3
    assert CliRunner().invoke(main, ["check", str(tmp_path), "--record"]).exit_code == 2
