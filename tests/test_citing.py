"""Citations: the software as CITATION.cff has it, every publisher once, and nothing that LaTeX would run."""

from datetime import date

import pytest
from click.testing import CliRunner

from gvi_eval.citing import bibtex, citations_of, data_citation, software_citation
from gvi_eval.cli import main
from gvi_eval.errors import DataError
from gvi_eval.plan import find_study
from gvi_eval.tables import Origin


def test_the_software_by_its_citation_file(tmp_path):
    assert software_citation().startswith("The gvi_eval developers. gvi_eval: evaluating Group Violence Intervention")
    assert software_citation().endswith("Version 0.1.0, BSD-3-Clause.")
    (tmp_path / "CITATION.cff").write_text("title: x\n")
    with pytest.raises(DataError, match="lacks version, license"):
        software_citation(tmp_path / "CITATION.cff")


def test_a_table_by_its_origin():
    origin = Origin("Counts", "The police", "CC0", "0" * 64, ("https://example.org",), date(2026, 3, 1))
    assert data_citation(origin) == "The police. Counts, retrieved on 2026-03-01. https://example.org (CC0)"


def test_a_study_cites_each_table_once():
    lines = citations_of(find_study("copenhagen"))
    assert len(lines) == len(set(lines)) and any("Statistics Denmark. Reported violence" in line for line in lines)


def test_latex_marks_are_escaped():
    entry = bibtex(r"A & B {\input{x}} 50% #1 ~ ^", "a")
    assert r"A \& B \{\textbackslash{}input\{x\}\} 50\% \#1 \~{} \^{}" in entry


def test_the_verb(monkeypatch):
    done = CliRunner().invoke(main, ["cite", "boston", "--bibtex"])
    assert done.exit_code == 0 and done.stdout.count("@misc{") == 2 and "doi.org/10.1162" in done.stdout
    assert CliRunner().invoke(main, ["cite"]).stdout.count("\n") == 1
    assert CliRunner().invoke(main, ["cite", "atlantis"]).exit_code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_the_verbs(shell):
    script = CliRunner().invoke(main, ["completion", shell])
    assert script.exit_code == 0 and "_GVI_EVAL_COMPLETE" in script.stdout
    from click.shell_completion import ShellComplete

    known = {item.value for item in ShellComplete(main, {}, "gvi-eval", "_GVI_EVAL_COMPLETE").get_completions([], "")}
    assert {"run", "fetch", "import", "diff", "new", "doctor", "cite"} <= known
