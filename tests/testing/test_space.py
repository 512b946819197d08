"""The conformance suite of spaces passes every registered space and names the rule that a wrong one breaks."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellsearch.cell import Cell
from cellsearch.plugins import SPACES, load, names
from cellsearch.testing.cells import cells
from cellsearch.testing.scramble import renamed
from cellsearch.testing.space import check_space

HEAD = """
import dataclasses
from cellsearch_search_spaces.gated import LSTM, SPACE as GATED
from random import Random
from cellsearch.space import edits
from cellsearch.space.mutation import mutate
"""

GOOD = "sample=lambda random: mutate(LSTM, GATED, random)[0]"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name == "zoo" else []) for name in names(SPACES)]
)
def test_every_registered_space_passes(name: str) -> None:
    check_space(name)


def test_every_space_but_the_two_open_ones_draws_random_cells() -> None:
    assert {name for name in names(SPACES) if load(SPACES, name).sample is None} <= {"gated", "zoo"}


@given(cells(), st.integers(0, 2**32))
def test_every_space_judges_any_cell_the_same_under_other_names(cell: Cell, seed: int) -> None:
    for space in (load(SPACES, name) for name in names(SPACES)):
        assert space.admits(renamed(cell, Random(seed))) == space.admits(cell)


@pytest.mark.parametrize("name", names(SPACES))
def test_a_space_judges_its_seeds_the_same_under_other_names(name: str) -> None:
    space = load(SPACES, name)
    for number, seed in enumerate(space.seeds.values()):
        assert space.admits(renamed(seed, Random(number))) == space.admits(seed)


def test_a_good_space_passes(tmp_path: Path) -> None:
    check_space(_file(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        ("name=''", "a space has a name"),
        ("operations=(*GATED.operations, 'tanh')", "an operation is named once"),
        ("seeds={}", "at least one seed"),
        ("seeds={'lstm': LSTM, 'other': LSTM.renamed('other')}", "no two seeds are the same graph"),
        ("seeds={'other': LSTM}, sources={}", "is called by its own name"),
        ("seeds={'lstm': LSTM}, sources={'gru': 'somebody'}", "a source is that of a seed, got one of gru"),
        ("sample=lambda random: LSTM", "of 50 samples most differ, got 1 graphs"),
        ("sample=lambda random: mutate(LSTM, GATED, __import__('random'))[0]", "is the same for the same draws"),
        (f"{GOOD}, most_nodes=13", "lies in the space"),
        (
            "edits={'mute': lambda draft, ops, random: edits.EDITS['insert node'](draft, ops, random)[:0]}",
            "an edit of 'rnn' is told in a line, got ''",
        ),
        (
            "edits={'forgetful': lambda draft, ops, random: edits.EDITS['insert node'](draft, ops, Random())}",
            "are the same for the same draws",
        ),
    ],
)  # fmt: skip
def test_the_suite_names_the_rule_that_is_broken(broken: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=rule):
        check_space(_file(tmp_path, broken))


def _file(folder: Path, changes: str) -> str:
    path = folder / "mine.py"
    path.write_text(f"{HEAD}\nSPACE = dataclasses.replace(GATED, {changes})\n")
    return f"{path}:SPACE"
