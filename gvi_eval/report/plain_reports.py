"""Reports that rest on saved tables alone, without a study: the audit of claims, and the status of a monitoring plan."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from gvi_eval.report.document import Block, Bullets, Document, Heading, Line, Paragraph, Quote, Section, Value, found, quoted
from gvi_eval.report.saved import MANIFEST, Row, Saved, pointer
from gvi_eval.report.story import Story, cell, quote
from gvi_eval.report.words import words_of

AUDIT, VERDICTS = "audit", "verdicts.csv"
AXES = ("reproduced", "robust", "design", "wording")


def audit_saved(folder: Path) -> Saved:
    """The audit as saved results: it has no manifest of its own, so its name is that of its content."""
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.json"))}
    run = sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]
    saved = Saved(folder)
    if not (folder / MANIFEST).is_file():
        title = words_of("en").text("audit.title")
        saved.read[MANIFEST] = {"study": AUDIT, "title": title, "question": title, "run": run, "inputs": []}
    return saved


def audit_report(saved: Saved, language: str) -> Document:
    """The report of an audit: how many claims in each level, all of them in one table, then each with its reasons."""
    story = Story(saved, words_of(language))
    rows = saved.table(VERDICTS) or ()
    sections = [_audit_summary(story, rows)]
    sections += [_claim(story, row) for row in rows]
    title = story.text("audit.title")
    return Document(language, title, story.text("page.kicker_audit"), tuple(sections), story.words.groups["page"], _foot(story))


def audit_counts(story: Story) -> Line:
    """How many claims there are, and of how many the published figures give the number."""

    def count(*levels: str) -> Value:
        return story.count(VERDICTS, f"?reproduced={'|'.join(levels)}")

    return story.say(
        "audit.counts",
        every=story.count(VERDICTS),
        reproduced=count("R3", "R2"),
        named=count("R1a"),
        searched=count("R1b"),
        failed=count("R0"),
        unchecked=count("RX"),
    )


def _audit_summary(story: Story, rows: tuple[Row, ...]) -> Section:
    def count(column: str, *levels: str) -> Value:
        return story.count(VERDICTS, f"?{column}={'|'.join(levels)}")

    words = story.say(
        "audit.overstated",
        overstated=count("wording", "overstated"),
        contradicted=count("wording", "contradicted"),
        supported=count("wording", "supported", "supported with caveats"),
    )
    robust = story.say("audit.robust", robust=count("robust", "B3"), untried=count("robust", "BX"))
    columns: tuple[tuple[str, Callable[[Row], Line]], ...] = (
        ("id", quote("id")),
        ("type", quote("type")),
        ("reproduced", quote("reproduced")),
        ("robust", quote("robust")),
        ("design", quote("design")),
        ("wording", lambda row: (story.words.term("wordings", row["wording"]),)),
        ("study", quote("study")),
    )
    table = story.table("claims", rows, columns, VERDICTS, widths=(2, 3, 2, 2, 2, 3, 2))
    blocks = (story.paragraph("audit.what"), Bullets((audit_counts(story), words, robust)), table)
    return Section("summary", story.text("sections.summary"), blocks)


def _claim(story: Story, row: Row) -> Section:
    file = f"{row['id']}.json"
    document = story.saved.document(file) or {}

    def at(*place: object) -> Quote:
        where = pointer(*place)
        return Quote(story.saved.lookup(file, where, ""), file, where, "")

    blocks: list[Block] = []
    if document.get("paraphrase"):
        blocks.append(Paragraph((at("paraphrase"),), "lead"))
    blocks.append(story.paragraph("audit.verdict", sentence=quoted(row, "sentence")))
    items = []
    for axis in AXES:
        level = story.words.term("wordings", row[axis])
        reason = at("axes", axis, "reason") if document.get("axes", {}).get(axis, {}).get("reason") else ""
        items.append(story.say("audit.axis", axis=story.text(f"axes.{axis}"), level=level, reason=reason))
    blocks.append(Bullets(tuple(items)))
    blocks += story.pictures(f"heat-map-{row['id'].lower()}") if row["id"] else []
    if document.get("would_change"):
        blocks.append(story.paragraph("audit.change"))
        blocks.append(Bullets(tuple((at("would_change", n),) for n in range(len(document["would_change"])))))
    if row.has("source"):
        blocks.append(story.paragraph("audit.source", source=quoted(row, "source")))
    return Section(f"claim-{row['id']}", row["id"], tuple(blocks))


def plan_counts(story: Story) -> Line:
    """How many indicators a plan names, how many have a number as target, and how many readings were published."""
    numeric = story.count("indicators.csv", "?target_is_a_number=True")
    counts = {"indicators": story.count("indicators.csv"), "readings": story.count("readings.csv"), "numeric": numeric}
    return story.say("monitoring.counts", **counts)


def plan_report(saved: Saved, language: str) -> Document:
    """The status of a monitoring plan: indicators, readings, activities and warnings, and never a word of why."""
    story = Story(saved, words_of(language))
    blocks: list[Block] = [story.paragraph("monitoring.what")]
    indicators, readings = saved.table("indicators.csv") or (), saved.table("readings.csv") or ()
    if indicators:
        blocks.append(Paragraph(plan_counts(story)))
        columns = (
            ("indicator", quote("label")),
            ("wanted", quote("wanted")),
            ("start", cell("start", "plain")),
            ("last", cell("last", "plain")),
            ("movement", quote("movement")),
            ("target", quote("target")),
            ("holder", quote("holder")),
        )
        blocks.append(story.table("indicators", indicators, columns, "indicators.csv", widths=(5, 2, 2, 2, 3, 2, 3)))
    else:
        blocks.append(story.paragraph("monitoring.none"))
    blocks += story.pictures("indicators")
    sections = [Section("summary", story.text("sections.summary"), tuple(blocks))]
    warned = [row for row in indicators if row.has("warnings")]
    if warned:
        lines = tuple((quoted(row, "label"), ": ", quoted(row, "warnings")) for row in warned)
        sections.append(Section("warnings", story.text("monitoring.warnings"), (Bullets(lines),)))
    if readings:
        columns = (
            ("indicator", quote("indicator")),
            ("place", quote("area")),
            ("from", cell("period_start", "day")),
            ("period_end", cell("period_end", "day")),
            ("value", cell("value", "plain")),
            ("interval_words", lambda row: story.interval(row, how="plain") if row.has("lower") else ("",)),
            ("file", quote("figure")),
        )
        table = story.table("readings", readings, columns, "readings.csv", widths=(3, 2, 3, 3, 2, 3, 5))
        sections.append(Section("readings", story.text("monitoring.readings"), (table,)))
    if dose := saved.table("dose.csv"):
        columns = (
            ("indicator", quote("label")),
            ("until", cell("to", "day")),
            ("value", cell("value", "plain")),
            ("file", quote("figure")),
        )
        sections.append(Section("dose", story.text("monitoring.dose"), (story.table("dose", dose, columns, "dose.csv"),)))
    limits = saved.manifest.get("limits", ())
    if limits:
        lines = tuple((Quote(text, MANIFEST, pointer("limits", n), ""),) for n, text in enumerate(limits))
        sections.append(Section("limits", story.text("sections.limits"), (Bullets(lines),)))
    sections.append(_tables(story))
    kicker = story.text("page.kicker_monitoring")
    return Document(language, saved.manifest["title"], kicker, tuple(sections), story.words.groups["page"], _foot(story))


def _tables(story: Story) -> Section:
    lines = tuple(
        (
            Quote(item["title"], MANIFEST, pointer("inputs", n, "title"), ""),
            ": sha256 ",
            found(story.saved, MANIFEST, pointer("inputs", n, "sha256"), how="text"),
        )
        for n, item in enumerate(story.saved.manifest["inputs"])
    )
    blocks: tuple[Block, ...] = (Heading(story.text("captions.sources")), Bullets(lines)) if lines else ()
    return Section("data", story.text("sections.data"), blocks)


def _foot(story: Story) -> tuple[Line, ...]:
    manifest = story.saved.manifest
    return (story.say("page.foot", run=str(manifest["run"]), study=str(manifest["study"])),)
