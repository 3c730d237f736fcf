"""The index: every report is reached from it, and nothing that is not there."""

import re

from gvi_eval.report.index import write_index
from gvi_eval.resources import CHECKOUT
from gvi_eval.writing import json_bytes


def test_it_leads_to_what_is_there_and_nowhere_else(tmp_path):
    for name in ("town/report", "audit", "monitoring/plan", "calibration", "pooled"):
        (tmp_path / name).mkdir(parents=True)
    manifest = {"title": "The <town>", "question": "Did it?"}
    (tmp_path / "town" / "manifest.json").write_bytes(json_bytes(manifest))
    for name in (
        "town/effects.csv", "town/report/report.da.html", "town/report/data.zip", "audit/verdicts.csv",
        "monitoring/plan/page.md", "calibration/README.md", "pooled/page.md",
    ):  # fmt: skip
        (tmp_path / name).write_text("x")
    first = write_index(tmp_path).read_bytes()
    page = first.decode()
    links = re.findall(r'<a href="([^#"][^"]*)"', page)
    assert links and all((tmp_path / link).is_file() for link in links)
    assert {"town/report/report.da.html", "audit/verdicts.csv", "monitoring/plan/page.md", "pooled/page.md"} <= set(links)
    assert "The &lt;town&gt;" in page and '<html lang="en">' in page
    assert write_index(tmp_path).read_bytes() == first


def test_every_embedded_study_is_on_it(tmp_path):
    import shutil

    shutil.copytree(
        CHECKOUT / "reports", tmp_path / "reports", ignore=shutil.ignore_patterns("figures", "paths", "panels", "placebos")
    )
    page = write_index(tmp_path / "reports").read_text(encoding="utf-8")
    for title in ("Sluta skjut, Malmö", "Operation Ceasefire, Boston 1996", "calibration/README.md", "two_cities/page.md"):
        assert title in page
