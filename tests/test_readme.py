"""What the README shows runs as it stands, and says what it says."""

import re

from gvi_eval.cli import main
from gvi_eval.resources import CHECKOUT

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_tutorial_runs_as_it_stands(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    names: dict = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    effect = names["effect"]
    assert effect.point < 1 and effect.intervals[0].upper < 1  # Boston, the known answer
    assert str(names["panel"].sole_treated[1]) == "1996-06" and str(names["rival"].onset) == "1995-06"
    assert len(names["later"].counterfactual.observed) < len(effect.counterfactual.observed)
    assert names["beside"].refusal or names["beside"].tests
    assert len(capsys.readouterr().out.splitlines()) >= 9


def test_every_verb_that_the_readme_names_exists():
    named = set(re.findall(r"gvi-eval ([a-z]+)", README))
    known = set(main.list_commands(None))
    assert named and named <= known, named - known


def test_every_file_that_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links and not [link for link in links if not (CHECKOUT / link).exists()]
