"""The lineage of a cell, from its seed on."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from cellsearch.errors import StudyError
from cellsearch.study.lineage import lineage
from cellsearch.study.study import Study


def test_a_lineage_leads_from_a_seed_to_the_cell_by_edits(small: Study) -> None:
    steps = lineage(small)
    assert steps[-1].record == small.best
    assert steps[0].record.role == "baseline" and not steps[0].record.parents
    for before, step in itertools.pairwise(steps):
        assert step.record.parents[0] == before.record.number
        assert step.record.edits


def test_a_gain_is_above_zero_where_the_score_is_better(small: Study) -> None:
    longest = max((lineage(small, record.number) for record in small.records), key=len)
    for before, step in itertools.pairwise(longest):
        if before.record.score is None or step.record.score is None:
            assert step.gain is None
        else:
            assert step.gain == pytest.approx(before.record.score - step.record.score)  # a loss: lower is better


def test_a_baseline_is_its_own_lineage(small: Study) -> None:
    (step,) = lineage(small, 0)
    assert step.gain is None and step.multiply_adds > 0


def test_a_parent_that_is_not_there_is_told(small: Study) -> None:
    records = [replace(record, parents=(99,)) if record == small.best else record for record in small.records]
    with pytest.raises(StudyError, match=r"names trial 99 as its parent, which it does not have; choose another"):
        lineage(replace(small, records=records), small.best.number)
