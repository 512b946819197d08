"""Dates in the many forms that people write them in, each with its ISO form: pairs that `translate` learns from.

Years 1950 to 2049, so that two digits tell a year; a date in figures has its day first.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

FIRST: Final = date(1950, 1, 1)
DAYS: Final = (date(2050, 1, 1) - FIRST).days

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
ROMAN: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

FORMS: Final[tuple[Callable[[date], str], ...]] = (
    lambda d: f"{d.day} {_month(d)} {d.year}",
    lambda d: f"{_month(d)} {d.day}, {d.year}",
    lambda d: f"{d.day}. {_short(d)} {d.year}",
    lambda d: f"{WEEKDAYS[d.weekday()]}, {d.day} {_month(d)} {d.year}",
    lambda d: f"{WEEKDAYS[d.weekday()][:3]} {_short(d)} {d.day} {d.year}",
    lambda d: f"the {_ordinal(d)} of {_month(d)} {d.year}",
    lambda d: f"{_month(d)} the {_ordinal(d)}, {d.year}",
    lambda d: f"{d.year}, {_month(d)} {d.day}",
    lambda d: f"{d.day:02}/{d.month:02}/{d.year}",
    lambda d: f"{d.day}.{d.month}.{d.year % 100:02}",
    lambda d: f"{d.day}. {ROMAN[d.month - 1]}. {d.year}",
    lambda d: f"{d.day:02}-{_short(d).upper()}-{d.year % 100:02}",
    lambda d: f"{_short(d)} '{d.year % 100:02}, the {_ordinal(d)}",
    lambda d: f"day {d.day} of month {d.month} of {d.year}",
)


def pairs(count: int, seed: int) -> list[tuple[str, str]]:
    """(a written form, the ISO form) of as many different dates."""
    random_ = random.Random(seed)
    dates = [FIRST + timedelta(days) for days in random_.sample(range(DAYS), count)]
    return [(random_.choice(FORMS)(day), day.isoformat()) for day in dates]


def _month(day: date) -> str:
    return MONTHS[day.month - 1]


def _short(day: date) -> str:
    return _month(day)[:3]


def _ordinal(day: date) -> str:
    ending = "th" if day.day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return f"{day.day}{ending}"
