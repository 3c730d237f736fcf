"""When a published figure happened: the first and last day of '2022K4', '2022M03', 'mars 2022', '2022', ..."""

import calendar
import re
from datetime import date

from gvi_eval.errors import DataError

MONTHS = {  # the first letters are enough, in Danish, Swedish and English
    "jan": 1, "feb": 2, "mar": 3, "maj": 5, "may": 5, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "okt": 10, "oct": 10,
    "nov": 11, "dec": 12,
}  # fmt: skip
MONTH_NAME = re.compile(
    r"(jan(uari?|uary)?|feb(ruari?|ruary)?|mar(s|ts|ch)?|apr(il)?|ma[jy]|jun[ie]?|jul[iy]?|aug(usti?)?|sept?(ember)?"
    r"|o[kc]t(ober)?|nov(ember)?|dec(ember)?)\.?",
    re.IGNORECASE,
)
YEAR = re.compile(r"([12][0-9]{3})(-A1)?")
PART = re.compile(r"([12][0-9]{3})[ -]?([KQMHS])([0-9]{1,2})", re.IGNORECASE)
ISO_MONTH = re.compile(r"([12][0-9]{3})-([0-9]{2})")
ISO_DAY = re.compile(r"([12][0-9]{3})-([0-9]{2})-([0-9]{2})")
NAMED = re.compile(r"([^\W\d_]+\.?)[ -]+([12][0-9]{3})|([12][0-9]{3})[ -]+([^\W\d_]+\.?)")
LENGTHS = {"K": 3, "Q": 3, "M": 1, "H": 6, "S": 6}  # months in a quarter (K in Danish), month, half-year


def days_of(text: str) -> tuple[date, date]:
    """The first and the last day of a period as agencies write it. Raises `DataError` for any other text."""
    text = text.strip()
    if found := YEAR.fullmatch(text):
        return _span(int(found[1]), 1, 12, text)
    if found := PART.fullmatch(text):
        length = LENGTHS[found[2].upper()]
        return _span(int(found[1]), (int(found[3]) - 1) * length + 1, length, text)
    if found := ISO_MONTH.fullmatch(text):
        return _span(int(found[1]), int(found[2]), 1, text)
    if found := ISO_DAY.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise _unread(text) from None
        return day, day
    if found := NAMED.fullmatch(text):
        month = month_number(found[1] or found[4])
        if month:
            return _span(int(found[2] or found[3]), month, 1, text)
    raise _unread(text)


def month_number(text: str) -> int | None:
    """1 to 12 for the name of a month in Danish, Swedish or English, whole or shortened; None for any other text."""
    text = text.strip()
    return MONTHS[text[:3].casefold()] if MONTH_NAME.fullmatch(text) else None


def _span(year: int, first: int, months: int, text: str) -> tuple[date, date]:
    last = first + months - 1
    if not 1 <= first <= last <= 12:
        raise _unread(text)
    return date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1])


def _unread(text: str) -> DataError:
    return DataError(
        f"'{text[:40]}' is no period that is known here; write 2022, 2022K4, 2022M03, 2022-03, 'mars 2022' or a day"
    )
