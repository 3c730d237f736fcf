"""The environment against the lock: what is missing or other is named, and a marker that does not fit asks for nothing."""

import json
from importlib.metadata import version

import pytest
from click.testing import CliRunner

from gvi_eval.cli import main
from gvi_eval.environment import Diagnosis, Difference, diagnose_environment
from gvi_eval.errors import DataError


def lock(tmp_path, *lines):
    (tmp_path / "requirements.lock").write_text(
        "".join(f"{line} \\\n    --hash=sha256:00\n" for line in lines), encoding="utf-8"
    )
    return tmp_path / "requirements.lock"


def test_differences_are_named_and_markers_are_kept(tmp_path):
    right = f"numpy=={version('numpy')}"
    found = diagnose_environment(
        lock(tmp_path, right, "pandas==0.1", "no-such-package==1 ; python_version >= '3'", "gone==2 ; python_version < '3'")
    )
    assert found.compared == 3 and not found.holds
    assert found.differences == (Difference("pandas", "0.1", version("pandas")), Difference("no-such-package", "1", None))
    assert str(found.differences[1]) == "no-such-package 1 is in the lock and not installed"
    assert diagnose_environment(lock(tmp_path, right)).holds


@pytest.mark.parametrize(("lines", "sentence"), [((), "names no package"), (("a==1 ; nonsense",), "has the marker 'nonsense'")])
def test_what_is_no_lock_is_named(tmp_path, lines, sentence):
    with pytest.raises(DataError, match=sentence):
        diagnose_environment(lock(tmp_path, *lines))
    with pytest.raises(DataError, match="is not here"):
        diagnose_environment(tmp_path / "none.lock")


def test_the_verb_exits_with_six_and_the_way_out(monkeypatch):
    wrong = Diagnosis("3.11.7", True, 2, (Difference("numpy", "2.0", "1.0"),))
    monkeypatch.setattr("gvi_eval.environment.diagnose_environment", lambda: wrong)
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 6 and "numpy is 1.0; the lock says 2.0" in done.stdout and "make clean reproduce" in done.stdout
    told = CliRunner().invoke(main, ["doctor", "--json"])
    assert told.exit_code == 6 and json.loads(told.stdout)["holds"] is False
    monkeypatch.setattr("gvi_eval.environment.diagnose_environment", lambda: Diagnosis("3.10.1", False, 2, ()))
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 6 and "Python is 3.10.1; gvi_eval needs 3.11 to 3.13" in done.stdout
