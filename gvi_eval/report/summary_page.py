"""The first page, for those who decide: what was asked, what the figures say, how sure that is, and what would settle it."""

from gvi_eval.lock import NOT_LOCKED
from gvi_eval.report.document import Block, Bullets, Line, Paragraph, Quote, Section, Value, quoted, value
from gvi_eval.report.saved import EFFECTS, MANIFEST, Row, pointer
from gvi_eval.report.story import RANGE, Story
from gvi_eval.study import EVERY

FLAGGED, NOT_FLAGGED, COULD_NOT = "flagged", "not flagged", "could not have flagged"
MODERATE, ENOUGH = "moderate", 0.80  # the noise, and how often a release must decide under it to settle a question


def summary_page(story: Story) -> Section:
    """One page: question, answer in a sentence, interval, what could have been told, threats, what would settle it."""
    blocks: list[Block] = []
    if story.study.generated:
        blocks.append(Paragraph((story.declared_words("generated"),), "lead"))
    blocks += [Paragraph(question(story)), Paragraph(answer(story), "lead")]
    items = [
        line for line in (interval_line(story), prevented(story), power(story), *other_places(story), others(story)) if line
    ]
    items += [line for line in (threats(story), curve(story), settle(story), *missing(story), planned(story)) if line]
    return Section("summary", story.text("sections.summary"), (*blocks, Bullets(tuple(items))))


def question(story: Story) -> Line:
    """The question in the reader's language, put together from what was declared."""
    several = story.study.headline.unit == EVERY
    places = [unit.name for unit in story.study.treated_units] if several else [story.study.treated.name]
    treatment = story.study.treatment
    return story.say(
        "summary.question",
        outcome=story.outcome_words(story.study.primary),
        place=", ".join(places),
        programme=treatment.name,
        start=value(story.headline, "onset", "period") if several else start_of(story, treatment.name),
    )


def start_of(story: Story, name: str) -> Line:
    """The start as declared: a day, or between two days where none is published."""
    return moment(story, "interventions", name, "start")


def moment(story: Story, *place: object) -> Line:
    """A day of the study file, or the two days between which it lies."""
    if not story.is_table(*place):
        return (story.declared_value(*place, how="day"),)
    early, late = (story.declared_value(*place, name, how="day") for name in ("earliest", "latest"))
    return story.say("terms.between", earliest=early, latest=late)


def answer(story: Story) -> Line:
    """The verdict of the headline in one sentence: refused, not separated, a fall, a rise, or undecided.

    Of several treated places that the question names, the one that is answered stands before it.
    """
    one = len(story.study.treated_units) > 1 and story.study.headline.unit != EVERY
    return (quoted(story.headline, "unit"), ": ", *_verdict_line(story)) if one else _verdict_line(story)


def _verdict_line(story: Story) -> Line:
    row = story.headline
    outcome = story.outcome(row["outcome"])
    if not row.has("point"):
        return story.say("summary.refused", outcome=outcome, reason=quoted(row, "refusal") if row.has("refusal") else "")
    pair = pair_of(story, row)
    if pair is not None and pair["separated"] == "False":
        return story.say(
            "summary.not_separated",
            outcome=outcome,
            level=value(pair, "level", "ratio"),
            level_interval=story.interval(pair, "level_lower", "level_upper"),
            trend=value(pair, "trend", "ratio"),
            trend_interval=story.interval(pair, "trend_lower", "trend_upper"),
        )
    name = f"summary.{verdict(row)}"
    how = "rise" if row.number("point") > 1 else "fall"
    return story.say(name, outcome=outcome, change=value(row, "point", how), ratio=value(row, "point", "ratio"))


def verdict(row: Row) -> str:
    """What an interval says about no change: a fall, a rise, or undecided; 'no_interval' where there is none."""
    if not (row.has("lower") and row.has("upper")):
        return "no_interval_fall" if row.number("point") <= 1 else "no_interval_rise"
    if row.number("upper") < 1:
        return "fall"
    if row.number("lower") > 1:
        return "rise"
    return "undecided_fall" if row.number("point") <= 1 else "undecided_rise"


def pair_of(story: Story, row: Row) -> Row | None:
    """The row of pairs.csv that holds the headline without and with the trend."""
    for pair in story.saved.table("pairs.csv") or ():
        same = pair["onset"] == row["onset"] and pair["inference"] == row["inference"]
        if same and pair["outcome"] == row["outcome"] and pair["specification"] == row["specification"]:
            return pair
    return None


def interval_line(story: Story) -> Line | None:
    """From how large a fall to how large a rise the interval reaches."""
    row = story.headline
    if not (row.has("lower") and row.has("upper")):
        return None
    sides = [("fall" if row.number(name) <= 1 else "rise") for name in ("lower", "upper")]
    over = "interval_range" if row["inference"] == RANGE else "interval"
    return story.say(
        f"summary.{over}_{'_'.join(sides)}",
        level=value(row, "level", "share"),
        kind=story.words.term("kinds", row["kind"]),
        lower=value(row, "lower", sides[0]),
        upper=value(row, "upper", sides[1]),
        ratio=story.ratio(row),
    )


def prevented(story: Story) -> Line | None:
    """Events prevented, with the interval; a negative number is a surplus."""
    for row in story.effects:
        same = row.is_true("headline") and row["inference"] == story.headline["inference"]
        if same and row["contrast"] == "prevented" and row.has("point"):
            limits = story.interval(row, how="count")
            return story.say("summary.prevented", number=value(row, "point", "count"), interval=limits)
    return None


def power(story: Story) -> Line | None:
    """What the design could have told, under moderate noise."""
    for row in story.saved.table("power.csv") or ():
        if row["noise"] == MODERATE and row.has("detectable"):
            told = "told" if row.number("detectable") >= row.number("benchmark") else "not_told"
            return story.say(
                f"summary.power_{told}",
                detectable=value(row, "detectable", "ratio"),
                benchmark=value(row, "benchmark", "plain"),
                chance=value(row, "power_at_benchmark", "share"),
            )
    row = story.headline
    if row.has("detectable"):
        return story.say("summary.detectable", detectable=value(row, "detectable", "ratio"))
    return None


def other_places(story: Story) -> list[Line]:
    """The other treated places, each with its first declared analysis: its ratio, or that none is admitted."""
    lines = []
    for unit in story.study.treated_units:
        own = [row for row in story.declared if row["unit"] == unit.name and row["part"] == "declared"]
        if len(story.study.treated_units) < 2 or unit.name == story.headline["unit"] or not own:
            continue
        alike = [row for row in own if row["estimator"] == story.headline["estimator"]]
        row = (alike or own)[0]
        if row.has("point"):
            lines.append(
                story.say("summary.other_place", place=unit.name, ratio=story.ratio(row), name=quoted(row, "specification"))
            )
        else:
            reason = quoted(row, "refusal")
            lines.append(story.say("summary.other_refused", place=unit.name, name=quoted(row, "specification"), reason=reason))
    return lines


def others(story: Story) -> Line:
    """How many analyses were declared, and how many of them were refused."""
    every = story.count(EFFECTS, "?", "count(specification)")
    refused = story.count(EFFECTS, f"?estimand={story.study.estimands[0].name}&point=", "count(specification)")
    return story.say("summary.others", every=every, refused=refused)


def threats(story: Story) -> Line:
    """The three states, counted apart; never 'passed'."""
    rows = story.saved.table("threats.csv")
    if not rows:
        return story.say("summary.no_threats")
    line = story.say("summary.threats", **threat_counts(story))
    named = dict.fromkeys(row["id"] for row in rows if row["state"] == FLAGGED and of_the_headline(story, row))
    if not named:
        return line
    words = ", ".join(f"{story.words.term('threat', name)} ({name})" for name in named)
    return (*line, " ", *story.say("summary.flagged", names=words))


def threat_counts(story: Story) -> dict[str, Value]:
    """How many threats of the headline are in each state; one that differs between starts counts in each of its states."""
    rows = story.saved.table("threats.csv")
    own = f"&specification={story.headline['specification']}" if "specification" in rows[0] else ""
    states = {"flagged": FLAGGED, "not_flagged": NOT_FLAGGED, "could_not": COULD_NOT}
    return {name: story.count("threats.csv", f"?state={state}{own}", "count(id)") for name, state in states.items()}


def of_the_headline(story: Story, row: Row) -> bool:
    return row.get("specification", story.headline["specification"]) == story.headline["specification"]


def curve(story: Story) -> Line | None:
    """The specification curve in a sentence: never an average over it."""
    rows = story.saved.table("curve_test.csv")
    if not rows:
        return None
    row = rows[0]
    return story.say(
        "summary.curve",
        every=story.count("curve.csv"),
        same=value(row, "same_sign", "share"),
        excluding=value(row, "excluding", "share"),
        rank=value(row, "rank", "count"),
        p=value(row, "p", "p"),
        floor=value(row, "floor", "p"),
    )


def settle(story: Story) -> Line:
    """What would settle it: the release that decides most often under moderate noise, how often, and whom to ask for it."""
    rows = [row for row in story.saved.table("settle.csv") or () if row.has("request") and row.has("decisive")]
    if nearest := max((row for row in rows if row["noise"] == MODERATE), key=lambda row: row.number("decisive"), default=None):
        return story.say(
            "summary.settle" if nearest.number("decisive") >= ENOUGH else "summary.settle_nearest",
            request=quoted(nearest, "request"),
            release=quoted(nearest, "release"),
            chance=value(nearest, "decisive", "share"),
        )
    return story.say("summary.no_settle")


def missing(story: Story) -> list[Line]:
    """The series that the question is about and that nobody has published: a proxy in its place settles another question."""
    return [
        story.say("summary.missing", series=story.declared_words("missing_series", series.name or number, "series"))
        for number, series in enumerate(story.study.missing_series)
    ]


def planned(story: Story) -> Line:
    """Whether the plan was there before the figures."""
    sentence = Quote(story.saved.manifest["planned"], MANIFEST, pointer("planned"), "")
    known = "known" if sentence.text == NOT_LOCKED else "locked"
    return story.say(f"summary.planned_{known}", planned=sentence)
