"""What the sections of a study's report share: the saved results, the study, the words, and the headline among the rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gvi_eval.errors import DataError
from gvi_eval.report.document import Inline, Line, Paragraph, Picture, Quote, Table, Value, found, quoted, value
from gvi_eval.report.saved import EFFECTS, STUDY, Row, Saved, pointer
from gvi_eval.report.words import Words
from gvi_eval.study import Outcome, Study, load_study
from gvi_eval.writing import slug

RANGE = "range over starts"  # the inference of a row that stands for several starts
MAIN_PARTS = ("declared", "twin", "prior")


@dataclass(frozen=True, eq=False)
class Story:
    """A study whose results are saved, about to be told in one language."""

    saved: Saved
    words: Words

    @cached_property
    def study(self) -> Study:
        if self.saved.study_changed:
            raise DataError(
                f"{self.saved.study_file} is not the file that was run (its sha256 differs from that in manifest.json); "
                f"run 'gvi-eval run {self.saved.manifest['study']}' again, then the report"
            )
        return load_study(self.saved.study_file)

    @property
    def language(self) -> str:
        return self.words.language

    @cached_property
    def effects(self) -> tuple[Row, ...]:
        rows = self.saved.table(EFFECTS)
        if not rows:
            raise DataError(f"the folder '{self.saved.folder}' has no {EFFECTS}: run the study first")
        return rows

    @cached_property
    def headlines(self) -> tuple[Row, ...]:
        """The rows of the headline over the first estimand: each start, and the range over them last."""
        first = self.study.estimands[0].name
        return tuple(row for row in self.effects if row.is_true("headline") and row["estimand"] == first)

    @cached_property
    def headline(self) -> Row:
        ranges = [row for row in self.headlines if row["inference"] == RANGE]
        return (ranges or self.headlines)[0]

    @cached_property
    def declared(self) -> tuple[Row, ...]:
        """One ratio per declared analysis, twins and priors beside it; over an interval of starts, the range."""
        first = self.study.estimands[0].name
        rows = [row for row in self.effects if row["estimand"] == first and row["part"] in MAIN_PARTS]
        several = {row["specification"] for row in rows if row["inference"] == RANGE}
        return tuple(row for row in rows if row["inference"] == RANGE or row["specification"] not in several)

    def outcome(self, title: str) -> str:
        """An outcome in the language of the report."""
        return self.outcome_words(next(each for each in self.study.outcomes if each.title == title))

    def outcome_words(self, outcome: Outcome) -> str:
        """Its label, with the word proxy where it is one."""
        label = outcome.label_in.get(self.language, outcome.label)
        if not outcome.proxy_for:
            return label
        proxy = outcome.proxy_for_in.get(self.language, outcome.proxy_for)
        return self.words.text("terms.proxy", label=label, proxy=proxy)

    def say(self, template: str, /, **parts: Inline | Line) -> Line:
        return self.words.say(template, **parts)

    def text(self, template: str, /, **parts: str) -> str:
        return self.words.text(template, **parts)

    def paragraph(self, template: str, /, role: str = "plain", **parts: Inline | Line) -> Paragraph:
        return Paragraph(self.say(template, **parts), role)

    def not_run(self, what: str) -> Paragraph:
        """A part that was not run is said, never left out."""
        return Paragraph(self.say("absent.not_run", what=self.text(f"absent.{what}")), "absent")

    def declared_value(self, *place: object, how: str = "text") -> Value:
        """What the study file says at a place."""
        return found(self.saved, STUDY, pointer(*place), how=how)

    def declared_words(self, *place: object) -> Quote:
        where = pointer(*place)
        return Quote(self.saved.lookup(STUDY, where, ""), STUDY, where, "")

    def is_table(self, *place: object) -> bool:
        """Whether the study file says several things at a place, such as the two ends of an interval."""
        return isinstance(self.saved.at(STUDY, pointer(*place)), dict)

    def count(self, file: str, of: str = "?", column: str = "count()") -> Value:
        return found(self.saved, file, of, column, "count")

    def interval(self, row: Row, low: str = "lower", high: str = "upper", how: str = "ratio") -> Line:
        """0.377–2.171, and −74 to 190 for what may be negative; 'no interval' where there is none."""
        if not (row.has(low) and row.has(high)):
            return (self.text("terms.no_interval"),)
        return (value(row, low, how), self.text("terms.to" if how == "ratio" else "terms.until"), value(row, high, how))

    def ratio(self, row: Row) -> Line:
        """0.894 (0.377–2.171)."""
        if not row.has("point"):
            return (self.text("terms.refused"),)
        limits = ("",) if not row.has("lower") else (" (", *self.interval(row), ")")
        return (value(row, "point", "ratio"), *limits)

    def level(self, row: Row) -> Line:
        """95 % posterior."""
        if not row.has("kind"):
            return ("",)
        return (value(row, "level", "share"), " ", self.words.term("kinds", row["kind"]))

    def table(
        self,
        name: str,
        rows: Iterable[Row],
        columns: Sequence[tuple[str, Callable[[Row], Line]]],
        source: str,
        marked: Callable[[Row], bool] = lambda row: False,
        widths: Sequence[float] = (),
    ) -> Table:
        """A table of rows; each column has the name of its heading and what stands in its cells."""
        rows = tuple(rows)
        return Table(
            slug(name),
            self.text(f"captions.{name}"),
            tuple(self.text(f"heads.{heading}") for heading, _ in columns),
            tuple(tuple(cell(row) for _, cell in columns) for row in rows),
            source,
            frozenset(number for number, row in enumerate(rows) if marked(row)),
            tuple(widths),
        )

    @cached_property
    def figures(self) -> tuple[str, ...]:
        folder = self.saved.folder / "figures"
        return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ()

    def pictures(self, *kinds: str) -> list[Picture]:
        """The saved figures whose names begin so; those of a kind in the order of the study's outcomes, the primary first."""
        outcomes = () if self.saved.study_file is None else self.study.outcomes
        names = [slug(each.name) for each in sorted(outcomes, key=lambda each: each.role != "primary")]

        def order(name: str, kind: str) -> tuple[int, str]:
            about = name.removeprefix(kind).strip("-")
            fits = [place for place, outcome in enumerate(names) if about == outcome or about.startswith(f"{outcome}-")]
            return max(fits, key=lambda place: len(names[place])) if fits else len(names), name

        found = []
        for kind in kinds:
            own = [name for name in self.figures if name == kind or name.startswith(f"{kind}-")]
            found += [self.picture(name, kind) for name in sorted(own, key=lambda name, kind=kind: order(name, kind))]
        return found

    def picture(self, name: str, kind: str) -> Picture:
        where = f"figures/{name}/about.json"
        about = self.saved.document(where)
        rows = self.saved.table(f"figures/{name}/data.csv") or ()
        known = "heat_map" if kind.startswith("heat-map") else kind.replace("-", "_")
        title = self.say(f"figures.{known}", title=Quote(about["title"], where, "/title", ""))
        caption = (Quote(about["caption"], where, "/caption", ""),)
        svg = (self.saved.folder / "figures" / name / "figure.svg").read_bytes()
        return Picture(name, title, caption, about["alt"][self.language], svg, tuple(rows[0]) if rows else (), rows)


def cell(column: str, how: str) -> Callable[[Row], Line]:
    return lambda row: (value(row, column, how),) if row.has(column) else ("",)


def quote(column: str) -> Callable[[Row], Line]:
    return lambda row: (quoted(row, column),) if row.has(column) else ("",)
