"""Written dates: each says which day it is, and no day comes twice."""

from __future__ import annotations

from datetime import date

from cellsearch_tasks.parts.dates import DAYS, FIRST, FORMS, pairs


def test_every_form_tells_the_day() -> None:
    days = [date.fromordinal(FIRST.toordinal() + i) for i in range(DAYS)]
    for number, form in enumerate(FORMS):
        assert len({form(day) for day in days}) == DAYS, number


def test_the_forms_read_as_people_write_them() -> None:
    assert [form(date(1998, 3, 4)) for form in FORMS] == [
        "4 March 1998",
        "March 4, 1998",
        "4. Mar 1998",
        "Wednesday, 4 March 1998",
        "Wed Mar 4 1998",
        "the 4th of March 1998",
        "March the 4th, 1998",
        "1998, March 4",
        "04/03/1998",
        "4.3.98",
        "4. III. 1998",
        "04-MAR-98",
        "Mar '98, the 4th",
        "day 4 of month 3 of 1998",
    ]


def test_ordinals_end_as_they_should() -> None:
    form = FORMS[5]
    endings = {day: form(date(2001, 1, day)).split()[1] for day in range(1, 32)}
    assert [endings[day] for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st"]
    )


def test_pairs_are_of_different_days_and_the_same_every_time() -> None:
    made = pairs(500, seed=3)
    assert made == pairs(500, seed=3)
    assert len({iso for _, iso in made}) == 500
    assert all(date.fromisoformat(iso).isoformat() == iso for _, iso in made)
