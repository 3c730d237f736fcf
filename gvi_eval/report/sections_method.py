"""How the numbers were made: the methods in plain words, the works they rest on, and how to make them again."""

from collections.abc import Iterable

from gvi_eval.report.document import Block, Bullets, Code, Line, Link, Quote, Section, found
from gvi_eval.report.saved import MANIFEST, pointer
from gvi_eval.report.story import Story
from gvi_eval.report.words import references

ALWAYS = ("reviews", "its", "power")  # works that every report rests on


def estimators_of(story: Story) -> list[str]:
    return list(dict.fromkeys(analysis["estimator"] for analysis in story.saved.manifest["analyses"]))


def methods_section(story: Story) -> Section:
    items = [
        (Code(name), ": ", *story.say(f"methods_in_words.{name}"))
        for name in estimators_of(story)
        if name in story.words.groups["methods_in_words"]
    ]
    blocks: list[Block] = [story.paragraph("methods.ratio"), story.paragraph("methods.interval"), Bullets(tuple(items))]
    blocks += [story.paragraph("methods.pair"), story.paragraph("methods.refusal"), story.paragraph("methods.threats")]
    return Section("methods", story.text("sections.methods"), tuple(blocks))


def references_section(story: Story) -> Section:
    return Section("references", story.text("sections.references"), (Bullets(tuple(reference_lines(estimators_of(story)))),))


def reference_lines(estimators: Iterable[str]) -> list[Line]:
    """The works that these estimators are cited by, and those that every report rests on, by author."""
    book = references()
    names = [name for estimator in estimators for name in book["estimators"].get(estimator, ())]
    works = {name: book["works"][name] for name in (*ALWAYS, *names)}
    lines = []
    for name, work in sorted(works.items(), key=lambda item: item[1]["text"]):
        address = f"https://doi.org/{work['doi']}"
        text = Quote(work["text"], "references.toml", pointer("works", name, "text"), "")
        lines.append((text, " ", Link(f"doi:{work['doi']}", address)))
    return lines


def reproduce_section(story: Story) -> Section:
    name = story.study.name
    versions = story.saved.manifest["software"]
    software: Line = ()
    for package in sorted(versions):
        version = found(story.saved, MANIFEST, pointer("software", package), how="text")
        software += ((", ",) if software else ()) + (package, " ", version)
    hashes = (
        story.say("reproduce.study_file", path=Code(story.saved.manifest["study_file"]["path"]),
                  sha256=found(story.saved, MANIFEST, "/study_file/sha256", how="text")),
        story.say("reproduce.code", sha256=found(story.saved, MANIFEST, "/code_sha256", how="text")),
        story.say("reproduce.run", run=found(story.saved, MANIFEST, "/run", how="text")),
        story.say("reproduce.software", software=software, python=found(story.saved, MANIFEST, "/python", how="text")),
    )  # fmt: skip
    commands = (
        (Code("make reproduce"), ": ", *story.say("reproduce.make")),
        (Code(f"gvi-eval run {name}"), ": ", *story.say("reproduce.again")),
        (Code(f"gvi-eval report {name} --lang {story.language}"), ": ", *story.say("reproduce.report")),
        (Code(f"gvi-eval verify {name}"), ": ", *story.say("reproduce.verify")),
    )
    blocks = (story.paragraph("reproduce.what"), Bullets(commands), Bullets(hashes), story.paragraph("reproduce.trace"))
    return Section("reproduce", story.text("sections.reproduce"), blocks)
