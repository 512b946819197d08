"""The small space is counted, closed under its edits and all in one piece."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from random import Random

import pytest
import torch

from cellsearch import recurrence
from cellsearch.cell import Cell, from_equations, identity
from cellsearch.errors import CellError
from cellsearch.space.mutation import mutate
from cellsearch_search_spaces.gated import GRU, LSTM, RNN
from cellsearch_search_spaces.small import GENES, KNOWN, SPACE, Genotype, cell_of, cells, genotype
from cellsearch_search_spaces.zoo_gru import CELLS as GRUS
from cellsearch_search_spaces.zoo_gru import MINIMAL_GATED_UNIT
from cellsearch_search_spaces.zoo_lstm import CELLS as LSTMS


@pytest.fixture(scope="module")
def all_cells() -> list[Cell]:
    return list(cells())


def genotypes() -> dict[Genotype, Cell]:
    found = {}
    for genes in product(*GENES.values()):
        try:
            found[genes] = cell_of("cell", genes)
        except CellError:
            continue
    return found


def test_it_has_as_many_cells_as_its_page_says_and_none_twice(all_cells: list[Cell]) -> None:
    assert len(all_cells) == 2_330 == len({identity(cell) for cell in all_cells}) == len({c.name for c in all_cells})
    assert all(SPACE.contains(cell) for cell in all_cells)
    assert max(len(cell.nodes) for cell in all_cells) == SPACE.most_nodes


def test_a_genotype_is_read_back_from_its_cell() -> None:
    for genes, cell in genotypes().items():
        read = genotype(cell)
        assert read is not None and identity(cell_of("again", read)) == identity(cell)
        assert read == genes or "c" not in cell.states, "where no state of its own is kept, the memory is the output"


def test_known_cells_are_there_but_for_the_biases_that_gates_start_with(all_cells: list[Cell]) -> None:
    def shape(cell: Cell) -> str:
        nodes = {name: replace(node, initial_bias=0.0) for name, node in cell.nodes.items()}
        return identity(Cell(cell.name, nodes, cell.states, cell.output))

    published = {"plain": RNN} | {cell.name: cell for cell in (LSTM, GRU, *GRUS, *LSTMS)}
    known = {name: cell_of(name, genes) for name, genes in KNOWN.items() if name != "minimal_gated_unit"}
    assert {name: shape(cell) for name, cell in known.items()} == {name: shape(published[name]) for name in known}


def test_the_minimal_gated_unit_is_there_with_its_gate_the_other_way_around() -> None:
    """1 - sigmoid(a) = sigmoid(-a): what keeps here is what writes there, with all weights of the other sign."""
    mine = recurrence.RNN(cell_of("mine", KNOWN["minimal_gated_unit"]), 3, 4)
    published = recurrence.RNN(MINIMAL_GATED_UNIT, 3, 4)
    for ours, theirs in zip(mine.parameters(), published.parameters(), strict=True):
        ours.data = theirs.data.clone()
    for name, learned in mine.named_parameters():
        learned.data *= -1 if "keep" in name else 1
    inputs = torch.randn(5, 2, 3)
    assert torch.allclose(mine(inputs)[0], published(inputs)[0], atol=1e-6)


def test_edits_lead_from_the_plain_cell_to_every_other(all_cells: list[Cell]) -> None:
    neighbours: dict[str, set[str]] = {}
    made = {genes: identity(cell) for genes, cell in genotypes().items()}
    for genes, here in made.items():
        near = [(*genes[:i], other, *genes[i + 1 :]) for i, each in enumerate(GENES.values()) for other in each]
        neighbours.setdefault(here, set()).update(made[each] for each in near if each in made)
    reached, waiting = set[str](), [identity(SPACE.seeds["plain"])]
    while waiting:
        here = waiting.pop()
        if here not in reached:
            reached.add(here)
            waiting += neighbours[here]
    assert len(reached) == len(all_cells)


def test_an_edit_changes_one_gene_and_says_which() -> None:
    random, cell = Random(0), SPACE.seeds["plain"]
    for _ in range(300):
        before, (cell, words) = genotype(cell), mutate(cell, SPACE, random)
        after = genotype(cell)
        assert before and after
        changed = [(gene, old, new) for gene, old, new in zip(GENES, before, after, strict=True) if old != new]
        assert any(words == f"change {gene} from {old} to {new}" for gene, old, new in changed)


def test_a_choice_that_a_gene_does_not_have_is_outside_of_the_space() -> None:
    """As crossover could make one: the candidate reset by the output gate."""
    genes = ("h", "input gate", "input gate", "output", "identity", "gate", "identity")
    with pytest.raises(CellError, match="gene reset is 'output'; use all, nothing, before, after, keep, write"):
        cell_of("crossed", genes)
    cell = from_equations(
        "crossed",
        """
        keep = sigmoid(linear(x))
        write = sigmoid(linear(x))
        output = sigmoid(linear(x, h))
        reset_state = output * h
        mixed = linear(x, reset_state)
        memory_next = keep * h + write * mixed
        h_next = output * memory_next
        """,
        ["h"],
        "h_next",
    )
    assert genotype(cell) is None
    assert not SPACE.contains(cell)


def test_a_cell_is_known_under_other_names() -> None:
    assert genotype(RNN) == KNOWN["plain"] and SPACE.contains(RNN)


@pytest.mark.parametrize("cell", [GRU, MINIMAL_GATED_UNIT], ids=lambda cell: cell.name)
def test_cells_of_other_spaces_have_no_genotype(cell: Cell) -> None:
    assert genotype(cell) is None and not SPACE.contains(cell)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keep": "nothing", "write": "rest"}, "gene keep is 'nothing', which is no gate to write or reset by"),
        ({"keep": "all", "reset": "keep"}, "gene keep is 'all', which is no gate to write or reset by"),
        ({"write": "all", "reset": "write"}, "gene write is 'all', which is no gate to reset by"),
    ],
)
def test_a_gene_that_needs_a_gate_is_refused_without_it(changes: dict[str, str], message: str) -> None:
    genes = dict(zip(GENES, KNOWN["lstm"], strict=True)) | changes
    with pytest.raises(CellError, match=message):
        cell_of("none", tuple(genes.values()))
