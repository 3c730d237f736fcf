"""What the figures say: effects, threats, tipping points, what could have been told, other choices, verdicts, checklists."""

from gvi_eval.report.document import (
    Block,
    Bullets,
    Heading,
    Line,
    Paragraph,
    Quote,
    Section,
    Table,
    Value,
    found,
    quoted,
    value,
)
from gvi_eval.report.saved import EFFECTS, NOTES_APART, pointer
from gvi_eval.report.sections_design import NOT_USED
from gvi_eval.report.story import Story, cell, quote
from gvi_eval.report.summary_page import answer, curve, interval_line, prevented, threats
from gvi_eval.writing import slug

CHECKLISTS = "checklists.json"
VERDICTS = "../audit/verdicts.csv"  # seen from the results of a study


def effects_section(story: Story) -> Section:
    blocks: list[Block] = [Paragraph(answer(story), "lead")]
    blocks += [Paragraph(line) for line in (interval_line(story), prevented(story)) if line]
    if story.headline.has("excludes"):
        blocks.append(Paragraph((quoted(story.headline, "excludes"), ".")))
    if notes := headline_notes(story):
        blocks += [Heading(story.text("effects.notes")), Bullets(notes)]
    blocks += story.pictures("path")
    blocks += [effects_table(story), *story.pictures("estimates", "starts")]
    blocks += _pairs(story) + _comparisons(story)
    blocks += story.pictures("cumulative", "gap", "placebos", "weights", "event-study", "grid")
    return Section("effects", story.text("sections.effects"), tuple(blocks))


def headline_notes(story: Story) -> tuple[Line, ...]:
    """The notes that belong beside the headline's number, one by one; figures not used stand with the data."""
    row = story.headline
    notes = row["notes"].split(NOTES_APART) if row.has("notes") else []
    return tuple(
        (Quote(note, row.file, row.key, f"notes[{number}]"),)
        for number, note in enumerate(notes)
        if not note.startswith(NOT_USED)
    )


def effects_table(story: Story) -> Table:
    """Every declared analysis, refusals with their reason."""
    columns = (
        ("analysis", quote("specification")),
        ("outcome", lambda row: (story.outcome(row["outcome"]),)),
        ("start", cell("onset", "period")),
        ("ratio", lambda row: story.ratio(row)),
        ("interval", lambda row: story.level(row)),
        ("p", cell("p", "p")),
        ("floor", cell("floor", "p")),
        ("detectable", cell("detectable", "ratio")),
        ("refusal", quote("refusal")),
    )
    widths = (4, 3, 2.2, 3, 2, 1.3, 1.3, 1.3, 5)
    return story.table("effects", story.declared, columns, EFFECTS, lambda row: row.is_true("headline"), widths)


def _pairs(story: Story) -> list[Block]:
    rows = [row for row in story.saved.table("pairs.csv") or () if ", prior" not in row["inference"]]
    declared = {row["specification"] for row in story.declared if row["part"] == "declared"}
    rows = [row for row in rows if row["specification"] in declared]
    if not rows:
        return []
    columns = (
        ("analysis", quote("specification")),
        ("start", cell("onset", "period")),
        ("level", lambda row: (value(row, "level", "ratio"), " (", *story.interval(row, "level_lower", "level_upper"), ")")
            if row.has("level") else (story.text("terms.refused"),)),
        ("trend", lambda row: (value(row, "trend", "ratio"), " (", *story.interval(row, "trend_lower", "trend_upper"), ")")
            if row.has("trend") else (story.text("terms.refused"),)),
        ("separated", lambda row: (story.words.term("yes_no", row["separated"]),)),
    )  # fmt: skip
    heading = Heading(story.text("effects.pairs"))
    return [
        heading,
        story.paragraph("effects.pairs_what"),
        story.table("pairs", rows, columns, "pairs.csv", widths=(5, 2, 3, 3, 2)),
    ]


def _comparisons(story: Story) -> list[Block]:
    rows = story.saved.table("comparisons.csv")
    if not rows:
        return []
    columns = (
        ("analysis", quote("specification")),
        ("place", lambda row: (row["unit"],)),
        ("start", cell("onset", "period")),
        ("ratio", lambda row: story.ratio(row)),
        ("p", cell("p_scaled", "p")),
        ("p_raw", cell("p_raw", "p")),
        ("floor", cell("floor", "p")),
        ("fit", cell("rmspe_share", "share")),
        ("refusal", quote("refusal")),
    )
    shown = [row for row in rows if row["role"] == "primary"]
    heading = Heading(story.text("effects.comparisons"))
    widths = (4, 2.5, 2, 3, 1.4, 1.4, 1.4, 1.4, 4)
    return [
        heading,
        story.paragraph("effects.comparisons_what"),
        story.table("comparisons", shown, columns, "comparisons.csv", widths=widths),
    ]


def threats_section(story: Story) -> Section:
    rows = story.saved.table("threats.csv")
    title = story.text("sections.threats")
    if not rows:
        return Section("threats", title, (story.not_run("threats"),))
    columns = (
        ("threat", lambda row: (f"{row['id']} {story.words.term('threats', row['id'])}",)),
        ("state", lambda row: (story.words.term("states", row["state"]),)),
        ("number", cell("number", "plain")),
        ("measure", quote("measure")),
        ("sentence", quote("sentence")),
    )
    if "measure" not in rows[0]:
        columns = tuple(column for column in columns if column[0] != "measure")
    order = sorted(rows, key=lambda row: (_number(row["id"]), row["state"] != "flagged"))
    table = story.table(
        "threats",
        order,
        columns,
        "threats.csv",
        lambda row: row["state"] == "flagged",
        (3, 2, 1.3, *((2,) if "measure" in rows[0] else ()), 8),
    )
    blocks = [story.paragraph("threats.what"), Paragraph(threats(story)), table]
    return Section("threats", title, tuple(blocks))


def _number(name: str) -> tuple[int, str]:
    digits = "".join(filter(str.isdigit, name))
    return int(digits or 0), name


def tipping_section(story: Story) -> Section:
    rows = story.saved.table("tipping.csv")
    title = story.text("sections.tipping")
    if not rows:
        return Section("tipping", title, (story.not_run("tipping"),))
    columns = (
        ("tipping", quote("row")),
        ("analysis", quote("specification")),
        ("observed", cell("observed", "plain")),
        ("point_at", cell("point_at", "plain")),
        ("interval_at", cell("interval_at", "plain")),
        ("sentence", quote("sentence")),
    )
    own = [row for row in rows if row.get("specification") == story.headline["specification"]] or list(rows)
    blocks = [story.paragraph("tipping.what"), story.table("tipping", own, columns, "tipping.csv", widths=(3, 3, 2, 2, 2, 6))]
    return Section("tipping", title, (*blocks, *story.pictures("tipping")))


def power_section(story: Story) -> Section:
    """What the design could have told, and what would settle the question."""
    blocks: list[Block] = []
    if rows := story.saved.table("power.csv"):
        columns = (
            ("noise", lambda row: (story.words.term("noise", row["noise"]),)),
            ("detectable", cell("detectable", "ratio")),
            ("benchmark", cell("benchmark", "plain")),
            ("power", cell("power_at_benchmark", "share")),
            ("reading", cell("reading_if_significant", "ratio")),
            ("refused", cell("refused", "count")),
        )
        blocks += [story.paragraph("power.what"), story.table("power", rows, columns, "power.csv")]
    else:
        blocks.append(story.not_run("power"))
    blocks += story.pictures("power")
    blocks.append(Heading(story.text("power.settle")))
    if rows := story.saved.table("settle.csv"):
        columns = (
            ("release", quote("release")),
            ("noise", lambda row: (story.words.term("noise", row["noise"]),)),
            ("detectable", cell("detectable", "ratio")),
            ("decisive", cell("decisive", "share")),
            ("request", quote("request")),
        )
        blocks.append(story.table("settle", rows, columns, "settle.csv", widths=(3, 2, 2, 2, 7)))
    else:
        blocks.append(story.not_run("settle"))
    return Section("power", story.text("sections.power"), tuple(blocks))


def choices_section(story: Story) -> Section:
    """Other choices that could be defended: the specification curve, rival starts, what faded, residuals."""
    blocks: list[Block] = [Heading(story.text("choices.curve"))]
    if curve_line := curve(story):
        columns = (
            ("statistic", quote("statistic")),
            ("observed", cell("observed", "plain")),
            ("p", cell("p", "p")),
            ("floor", cell("floor", "p")),
            ("series", cell("series", "count")),
        )
        tests = story.saved.table("curve_test.csv") or ()
        blocks += [Paragraph(curve_line), *story.pictures("curve")]
        blocks.append(story.table("curve", tests, columns, "curve_test.csv", widths=(5, 2, 2, 2, 2)))
    else:
        blocks.append(story.not_run("curve"))
    blocks.append(Heading(story.text("choices.starts")))
    pictures = story.pictures("start-posterior")
    blocks += pictures or [story.not_run("start_posterior")]
    blocks.append(Heading(story.text("choices.half_years")))
    if rows := story.saved.table("diagnostics/half_years.csv"):
        columns = (
            ("from", cell("first_period", "period")),
            ("until", cell("last_period", "period")),
            ("ratio", lambda row: story.ratio(row)),
            ("interval", lambda row: story.level(row)),
            ("note", quote("note")),
        )
        blocks.append(story.table("half_years", rows, columns, "diagnostics/half_years.csv", widths=(2, 2, 3, 2, 5)))
    else:
        blocks.append(story.not_run("half_years"))
    blocks += story.pictures("predictive")
    return Section("choices", story.text("sections.choices"), tuple(blocks))


def verdicts_section(story: Story) -> Section:
    """The verdicts of the audit that lies beside the study's results, on claims about this study."""
    title = story.text("sections.verdicts")
    verdicts = story.saved.table(VERDICTS)
    if verdicts is None:
        return Section("verdicts", title, (story.not_run("verdicts"),))
    own = [row for row in verdicts if row.get("study") == story.study.name]
    if not own:
        return Section("verdicts", title, (story.paragraph("verdicts.none"),))
    named = (("claim", "id"), *((name, name) for name in ("reproduced", "robust", "design", "wording", "sentence")))
    columns = tuple((head, quote(name)) for head, name in named if name in own[0])
    table = story.table("verdicts", own, columns, own[0].file, widths=(3, 1.5, 1.5, 1.5, 2.5, 6))
    return Section("verdicts", title, (story.paragraph("verdicts.what"), table))


def checklists_section(story: Story) -> Section:
    title = story.text("sections.checklists")
    document = story.saved.document(CHECKLISTS)
    if document is None:
        return Section("checklists", title, (story.not_run("checklists"),))
    blocks: list[Block] = [story.paragraph("checklists.what")]
    for number, each in enumerate(document["checklists"]):
        blocks += _checklist(story, each, ("checklists", number))
    return Section("checklists", title, tuple(blocks))


def _checklist(story: Story, each: dict, place: tuple[object, ...]) -> list[Block]:
    """How many items are answered and by whom, and those that the run answers."""

    def at(*where: object) -> Quote:
        there = pointer(*place, *where)
        return Quote(story.saved.lookup(CHECKLISTS, there, ""), CHECKLISTS, there, "")

    def number(name: str) -> Value:
        return found(story.saved, CHECKLISTS, pointer(*place, "counts", name), how="count")

    counts = {
        "items": number("items"),
        "automatic": number("automatic"),
        "raters": number("raters"),
        "asked": number("not yet answered"),
    }
    rows = tuple(
        ((at("items", n, "text"),), (at("items", n, "automatic"),), (at("items", n, "sentence"),))
        for n, item in enumerate(each["items"])
        if item["state"] == "automatic"
    )
    blocks: list[Block] = [Paragraph(story.say("checklist_words.counts", title=at("title"), **counts))]
    if rows:
        heads = tuple(story.text(f"heads.{name}") for name in ("item", "answer", "sentence"))
        name = f"checklist-{slug(str(each['id']))}"
        blocks.append(Table(name, story.text("captions.checklist"), heads, rows, CHECKLISTS, widths=(5, 2, 5)))
    return blocks
