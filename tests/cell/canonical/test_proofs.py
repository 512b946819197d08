"""Two proofs of identity by many random cells: rewriting keeps it, and numbers alone find the same cells as it does."""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import combinations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from cellsearch.cell import Cell, identity
from cellsearch.cell.canonical.form import canonical, canonical_form
from cellsearch.testing.cells import cells
from cellsearch.testing.scramble import scrambled
from tests.helpers.cell.carried import assert_same_values
from tests.helpers.cell.probe import Probe, alike, same
from tests.helpers.cell.spellings import DIFFERENT, SAME, cell_of
from tests.helpers.exhaustive import many

UNKNOWN: frozenset[frozenset[str]] = frozenset(
    map(
        frozenset,
        [
            ("8c42aa11ae2ef835", "420e78b1533da4a0"),  # maximum(h, minimum(h, x)) is h
            ("82f623a6b343d71b", "8630798752f377ab"),  # r r + (1 - r) a is a, with r = relu(a)
            ("eb87e258c4b5c2d2", "6aa828e88be08ce4"),  # r a + (1 - r) r is r, likewise
            ("d416227d110ca8a6", "de5670abbda30547"),  # normalized twice or three times: all but the same
            ("a63c044c037e77b7", "8499e1aeccbbfda5"),  # log(1 + s) is never above s
        ],
    )
)
"""Identities, among those of the ten thousand cells, of pairs that are equal for a reason that no rule knows."""


def test_scrambled_cells_have_the_same_identity_and_values() -> None:
    _check_scrambled(300, probed=10)


@pytest.mark.slow
def test_many_scrambled_cells_have_the_same_identity_and_values() -> None:
    _check_scrambled(many(1_500, 10_000), probed=3)


def test_no_two_of_many_cells_are_the_same_with_unequal_identities_or_otherwise() -> None:
    _check_identities(200)


@pytest.mark.slow
def test_no_two_of_thousands_of_cells_are_the_same_with_unequal_identities_or_otherwise() -> None:
    _check_identities(many(1_500, 10_000))


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_probe_knows_the_same_cell_by_its_numbers(one: str, other: str) -> None:
    assert same(Probe(cell_of(one)), Probe(cell_of(other)))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_the_probe_tells_different_cells_by_their_numbers(one: str, other: str) -> None:
    assert not same(Probe(cell_of(one)), Probe(cell_of(other)))


def test_the_probe_knows_a_scrambled_cell_and_groups_it_with_what_it_was() -> None:
    _check_probe(100)


@pytest.mark.slow
def test_the_probe_knows_each_of_many_scrambled_cells() -> None:
    _check_probe(1_000)


def _check_scrambled(count: int, probed: int) -> None:
    """Identities of so many cells, the values of one in `probed`."""
    different = []
    for seed, cell in enumerate(random_cells(count)):
        other = scrambled(cell, random.Random(seed), steps=10)
        form = canonical_form(cell)
        if identity(other.cell) != identity(cell) or identity(form.cell) != identity(cell):
            different.append(cell)
        assert canonical(form.cell) == form.cell
        if seed % probed == 0:
            assert_same_values(cell, other)
            assert_same_values(cell, form)
    assert different == []


def _check_identities(count: int) -> None:
    """Every cell beside the first of its identity; and all pairs of identities whose summaries are near."""
    found: dict[str, list[Cell]] = defaultdict(list)
    for cell in random_cells(count, most_nodes=5, most_states=2):
        found[identity(cell)].append(cell)
    firsts = []
    for alike_cells in found.values():
        first, *others = map(Probe, alike_cells)
        firsts.append(first)
        assert [other.cell for other in others if not same(first, other)] == []
    for group in alike(firsts):
        pairs = [
            pair for pair in combinations(group, 2) if frozenset(identity(each.cell) for each in pair) not in UNKNOWN
        ]
        assert [(one.cell.nodes, other.cell.nodes) for one, other in pairs if same_twice(one, other)] == []


def same_twice(one: Probe, other: Probe) -> bool:
    """Whether the numbers of two draws say so: rounding, where values explode, may once hide a difference."""
    return same(one, other) and same(Probe(one.cell, draw=1), Probe(other.cell, draw=1))


def _check_probe(count: int) -> None:
    """A probe that took nothing for the same would find no fault in any identity."""
    for seed, cell in enumerate(random_cells(count, most_nodes=5, most_states=2)):
        one, other = Probe(cell), Probe(scrambled(cell, random.Random(seed), steps=10).cell)
        assert same(one, other) and len(alike([one, other])) == 1


def random_cells(count: int, most_nodes: int = 12, most_states: int = 3) -> list[Cell]:
    """The same cells every time."""
    found: list[Cell] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cells(most_nodes, most_states))
    def collect(cell: Cell) -> None:
        # Of means more is the same than the rules know; test_rules.py has what they know.
        if not any(node.op in ("mean", "group_mean") for node in cell.nodes.values()):
            found.append(cell)

    collect()
    return found
