"""The report of a study: one page for those who decide, then everything that the page rests on."""

from pathlib import Path

from gvi_eval.report.document import Document
from gvi_eval.report.saved import Saved
from gvi_eval.report.sections_design import data_section, design_section, estimand_section, limits_section, question_section
from gvi_eval.report.sections_method import methods_section, references_section, reproduce_section
from gvi_eval.report.sections_results import (
    checklists_section,
    choices_section,
    effects_section,
    power_section,
    threats_section,
    tipping_section,
    verdicts_section,
)
from gvi_eval.report.story import Story
from gvi_eval.report.summary_page import summary_page
from gvi_eval.report.words import words_of


def study_report(folder: Path, study_file: Path, language: str, saved: Saved | None = None) -> Document:
    """The report of the results in ``folder`` in a language; nothing is estimated, every number is looked up.

    Raises `DataError` where the folder holds no results, or where the study file is not the one that was run.
    """
    story = Story(saved or Saved(folder, study_file), words_of(language))
    sections = (
        summary_page(story),
        question_section(story),
        estimand_section(story),
        design_section(story),
        data_section(story),
        effects_section(story),
        threats_section(story),
        tipping_section(story),
        power_section(story),
        choices_section(story),
        verdicts_section(story),
        limits_section(story),
        checklists_section(story),
        methods_section(story),
        references_section(story),
        reproduce_section(story),
    )
    manifest = story.saved.manifest
    about = (story.say("page.foot", run=manifest["run"], study=story.study.name),)
    kicker = story.text("page.kicker")
    return Document(language, story.study.title, kicker, sections, story.words.groups["page"], about)
