"""What was asked and of which figures: question, estimand, design, data with sources and breaks, limits."""

from gvi_eval.report.document import Block, Bullets, Code, Heading, Line, Paragraph, Quote, Section, Table, Value, found
from gvi_eval.report.saved import EFFECTS, MANIFEST, STUDY, pointer
from gvi_eval.report.story import Story
from gvi_eval.report.summary_page import moment, planned, question, start_of
from gvi_eval.study import Intervention
from gvi_eval.writing import slug

NOT_USED = "not used: "  # begins the note on a published figure that is left out


def question_section(story: Story) -> Section:
    blocks: list[Block] = [
        Paragraph(question(story)),
        story.paragraph("question.as_declared", question=story.declared_words("question")),
    ]
    if proxy := story.study.primary.proxy_for:
        words = story.study.primary.proxy_for_in.get(story.language, proxy)
        blocks.append(story.paragraph("question.proxy", proxy=words))
    blocks.append(outcomes_table(story))
    return Section("question", story.text("sections.question"), tuple(blocks))


def outcomes_table(story: Story) -> Table:
    rows = tuple(
        (
            (story.outcome_words(outcome),),
            (story.words.term("roles", outcome.role),),
            (story.declared_words("outcomes", outcome.name, "reason"),),
        )
        for outcome in story.study.outcomes
    )
    heads = tuple(story.text(f"heads.{name}") for name in ("outcome", "role", "why"))
    return Table("outcomes", story.text("captions.outcomes"), heads, rows, STUDY, widths=(3, 2, 5))


def estimand_section(story: Story) -> Section:
    items: list[Line] = []
    for unit in story.study.treated_units:
        treatment = story.study.treatment_of(unit.name)
        items.append(story.say("estimand.place", place=unit.name, programme=treatment.name))
        items.append(story.say("estimand.decided", moment=moment(story, "interventions", treatment.name, "decided")))
        items.append(story.say("estimand.start", moment=start_of(story, treatment.name)))
        if treatment.note:
            items.append((story.declared_words("interventions", treatment.name, "note"),))
    for estimand in story.study.estimands:
        name = Quote(estimand.name, STUDY, pointer("estimands", estimand.name, "name"), "")
        items.append(story.say(f"estimand.{estimand.contrast}", name=name))
    if "smallest_effect" in story.saved.document(STUDY):
        low, high = (story.declared_value("smallest_effect", number, how="plain") for number in (0, 1))
        items.append(story.say("estimand.smallest", low=low, high=high))
    return Section("estimand", story.text("sections.estimand"), (story.paragraph("estimand.what"), Bullets(tuple(items))))


def design_section(story: Story) -> Section:
    row = story.headline
    blocks: list[Block] = [
        story.paragraph(
            "design.headline",
            name=Quote(row["specification"], row.file, row.key, "specification"),
            estimator=Code(row["estimator"]),
            words=story.say(f"methods_in_words.{row['estimator']}"),
        ),
        story.paragraph("design.every", every=story.count(EFFECTS, "?", "count(specification)")),
    ]
    blocks.append(Paragraph(planned(story)))
    if rivals := _rivals(story):
        blocks += [story.paragraph("design.rivals"), Bullets(tuple(rivals))]
    blocks += [Heading(story.text("design.timeline")), timeline(story)]
    return Section("design", story.text("sections.design"), tuple(blocks))


def _rivals(story: Story) -> list[Line]:
    lines = []
    for event in story.study.interventions:
        for number in range(len(event.rivals)):
            place = ("interventions", event.name, "rivals", number)
            lines.append((story.declared_value(*place, "date", how="day"), ": ", story.declared_words(*place, "reason")))
    return lines


def timeline(story: Story) -> Table:
    """Every dated event: the programme, co-interventions, shocks and changes in what is recorded."""
    rows = tuple(_event(story, event) for event in story.study.interventions)
    heads = tuple(story.text(f"heads.{name}") for name in ("event", "role", "start", "end", "place"))
    return Table("timeline", story.text("captions.timeline"), heads, rows, STUDY, widths=(4, 3, 3, 2, 2))


def _event(story: Story, event: Intervention) -> tuple[Line, ...]:
    end = (story.declared_value("interventions", event.name, "end", how="day"),) if event.end else ("",)
    return (
        (story.declared_words("interventions", event.name, "name"),),
        (story.words.term("roles", event.role),),
        start_of(story, event.name),
        end,
        (event.unit or "",),
    )


def data_section(story: Story) -> Section:
    blocks: list[Block] = [story.paragraph("data.what"), sources_table(story)]
    breaks = [event for event in story.study.interventions if event.role == "recording change"]
    blocks.append(Heading(story.text("data.breaks")))
    if breaks:
        lines = tuple((story.declared_words("interventions", e.name, "name"), ": ", *start_of(story, e.name)) for e in breaks)
        blocks.append(Bullets(lines))
    else:
        blocks.append(story.paragraph("data.no_breaks"))
    chained = [outcome for outcome in story.study.outcomes if outcome.chained_because]
    if chained:
        blocks.append(story.paragraph("data.chained"))
        blocks.append(
            Bullets(
                tuple(
                    (story.outcome_words(each), ": ", story.declared_words("outcomes", each.name, "chained_because"))
                    for each in chained
                )
            )
        )
    blocks.append(Heading(story.text("data.unused")))
    unused = unused_figures(story)
    blocks.append(Bullets(tuple(unused)) if unused else story.paragraph("data.none_unused"))
    blocks += _missing(story)
    return Section("data", story.text("sections.data"), tuple(blocks))


def sources_table(story: Story) -> Table:
    def at(number: int, key: str, how: str = "text") -> Value:
        return found(story.saved, MANIFEST, pointer("inputs", number, key), how=how)

    rows = []
    for number, item in enumerate(story.saved.manifest["inputs"]):
        quote = {
            key: Quote(item[key], MANIFEST, pointer("inputs", number, key), "") for key in ("title", "publisher", "licence")
        }
        rows.append(
            ((quote["title"],), (quote["publisher"],), (quote["licence"],), (Code(item["path"]),), (at(number, "sha256"),))
        )
    heads = tuple(story.text(f"heads.{name}") for name in ("table", "publisher", "licence", "file", "sha256"))
    return Table("sources", story.text("captions.sources"), heads, tuple(rows), MANIFEST, widths=(4, 3, 2, 4, 3))


def unused_figures(story: Story) -> list[Line]:
    """Published figures of the primary outcome that are not used, each with its reason."""
    title = story.study.primary.title
    lines: dict[str, Line] = {}
    for number, analysis in enumerate(story.saved.manifest["analyses"]):
        if analysis["outcome"] != title:
            continue
        for place, text in enumerate(analysis["dropped"]):
            if text.startswith(NOT_USED):
                lines.setdefault(text, (Quote(text, MANIFEST, pointer("analyses", number, "dropped", place), ""),))
    return list(lines.values())


def _missing(story: Story) -> list[Block]:
    blocks: list[Block] = []
    for missing in story.study.missing_series:
        place = ("missing_series", missing.name)
        blocks.append(Heading(story.text("data.missing")))
        blocks.append(Paragraph((story.declared_words(*place, "why"),)))
        blocks.append(
            Bullets(
                (
                    story.say("data.series", words=story.declared_words(*place, "series")),
                    story.say("data.holder", words=story.declared_words(*place, "holder")),
                    story.say("data.instead", words=story.declared_words(*place, "instead")),
                    story.say("data.every_figure", count=story.count(f"missing/{slug(missing.name)}.csv")),
                )
            )
        )
    return blocks


def limits_section(story: Story) -> Section:
    limits = story.study.limits
    body: Block = (
        Bullets(tuple((story.declared_words("limits", number),) for number in range(len(limits))))
        if limits
        else story.paragraph("limits.none")
    )
    return Section("limits", story.text("sections.limits"), (story.paragraph("limits.what"), body))
