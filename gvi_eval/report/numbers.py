"""How a saved number is written in English, Danish and Swedish: decimals, digit groups, percentages, days and periods."""

import math
import re
from collections.abc import Callable
from datetime import date

from gvi_eval.errors import DataError

LANGUAGES = ("en", "da", "sv")
THIN, NO_BREAK, MINUS = "\u202f", "\u00a0", "\u2212"
MONTHS = {
    "en": "January February March April May June July August September October November December".split(),
    "da": "januar februar marts april maj juni juli august september oktober november december".split(),
    "sv": "januari februari mars april maj juni juli augusti september oktober november december".split(),
}
INFINITY = {"en": "infinity", "da": "uendelig", "sv": "oändligheten"}
NONE = "–"  # an absent cell
INTERVAL = re.compile(r"\d{4}-\d{2}-\d{2}")


def shown(raw: str, how: str, language: str) -> str:
    """A cell as saved, written for readers of a language.

    how   ratio     0.3773628992 -> 0.377 (from 100 on in whole numbers)
          plain     four significant digits, whole numbers in full; words as they are
          count     17 230 in whole numbers
          p         three decimals; below 0.0005 as <0.001
          share     0.95 -> 95 %
          fall      100 (1 - ratio) in whole per cent; rise the same upwards; change signed
          day       2018-10-01 -> 1 October 2018
          period    2018-10, 2022Q1, 1996 and ranges of them
          text      as it stands

    Danish and Swedish have a decimal comma and a space between groups of digits, which does not break.
    """
    if raw == "":
        return NONE
    if how not in FORMATS:
        raise DataError(f"'{how}' is not a way to write a number; choose one of {', '.join(FORMATS)}")
    return FORMATS[how](raw, language)


def decimal(text: str, language: str) -> str:
    """English digits, such as -1234.5, with the signs of a language."""
    sign = MINUS if text.startswith("-") and text.strip("-0.") else ""
    whole, point, rest = text.lstrip("-").partition(".")
    if len(whole) > 4 or (language == "en" and len(whole) > 3):
        groups = [whole[max(end - 3, 0) : end] for end in range(len(whole), 0, -3)][::-1]
        whole = ("," if language == "en" else NO_BREAK).join(groups)
    return sign + whole + (("." if language == "en" else ",") + rest if point else "")


def _number(write: Callable[[float], str]) -> Callable[[str, str], str]:
    def written(raw: str, language: str) -> str:
        value = float(raw)
        if math.isinf(value):
            return (MINUS if value < 0 else "") + INFINITY[language]
        return decimal(write(value), language)

    return written


def _significant(value: float, digits: int) -> str:
    if value == round(value) or abs(value) >= 10**digits:
        return f"{value:.0f}"
    places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    if places > 10:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{places}f}".rstrip("0").rstrip(".")


def _plain(raw: str, language: str) -> str:
    try:
        float(raw)
    except ValueError:
        return raw
    return _number(lambda value: _significant(value, 4))(raw, language)


def _ratio(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"


def _p(raw: str, language: str) -> str:
    if float(raw) == 0:  # the floor of a p that has none
        return "0"
    return "<" + decimal("0.001", language) if float(raw) < 0.0005 else decimal(f"{float(raw):.3f}", language)


def _per_cent(of: Callable[[float], float], sign: bool = False) -> Callable[[str, str], str]:
    def written(raw: str, language: str) -> str:
        value = of(float(raw))
        if math.isinf(value):
            return INFINITY[language]
        text = decimal(f"{value:.0f}", language)
        text = f"+{text}" if sign and value >= 0.5 else text
        return text + ("%" if language == "en" else f"{NO_BREAK}%")

    return written


def _day(raw: str, language: str) -> str:
    if not INTERVAL.fullmatch(raw):
        return raw
    day = date.fromisoformat(raw)
    dot = "." if language == "da" else ""
    return f"{day.day}{dot}{NO_BREAK}{MONTHS[language][day.month - 1]} {day.year}"


def _period(raw: str, language: str) -> str:
    parts = raw.split(" to ")
    if len(parts) == 2:
        return f"{_period(parts[0], language)}–{_period(parts[1], language)}"
    if month := re.fullmatch(r"(\d{4})-(\d{2})", raw):
        return f"{MONTHS[language][int(month[2]) - 1]}{NO_BREAK}{month[1]}"
    if quarter := re.fullmatch(r"(\d{4})Q(\d)", raw):
        words = {"en": "Q{q} {y}", "da": "{q}. kvartal {y}", "sv": "kvartal {q} {y}"}[language]
        return words.format(q=quarter[2], y=quarter[1]).replace(" ", NO_BREAK)
    return _day(raw, language)


FORMATS: dict[str, Callable[[str, str], str]] = {
    "ratio": _number(_ratio),
    "plain": _plain,
    "count": _number(lambda value: f"{value:.0f}"),
    "p": _p,
    "share": _per_cent(lambda value: 100 * value),
    "fall": _per_cent(lambda value: 100 * (1 - value)),
    "rise": _per_cent(lambda value: 100 * (value - 1)),
    "change": _per_cent(lambda value: 100 * (value - 1), sign=True),
    "day": _day,
    "period": _period,
    "text": lambda raw, language: raw,
}
