"""Columns: names as they are written, and the best test score first whichever way is better."""

from __future__ import annotations

import pytest

from cellsearch.inspect.columns import ranked, right_aligned
from tests.helpers.comparisons import FIRST, SECOND, THIRD, comparison
from tests.helpers.printed import printed


def test_headings_are_printed_as_they_are_and_numbers_end_below_each_other() -> None:
    table = right_aligned("cell", "[bold]")
    table.add_row("lstm", "1")
    assert [line.rstrip() for line in printed(table).splitlines()] == ["cell  [bold]", "lstm       1"]


@pytest.mark.parametrize(("lower_is_better", "order"), [(True, ["gru", "lstm"]), (False, ["lstm", "gru"])])
def test_the_best_is_first_and_who_has_no_result_is_last(lower_is_better: bool, order: list[str]) -> None:
    entrants = comparison(FIRST, SECOND, [None] * len(THIRD)).entrants
    assert [each.cell.name for each in ranked(entrants, lower_is_better)] == [*order, "rnn"]
