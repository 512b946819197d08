"""A cell of DARTS' recurrent space is its genotype and the genotype is the cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from cellsearch.cell import Cell, identity
from cellsearch.cell.readers.darts import ACTIVATIONS
from cellsearch.space.mutation import mutate
from cellsearch_search_spaces.darts_rnn import SPACE, STEPS, Genotype, cell_of, genotype
from cellsearch_search_spaces.gated import LSTM
from cellsearch_search_spaces.zoo_searched import DARTS_V1, DARTS_V2, ENAS_CELL

V1 = (
    ("relu", 0), ("relu", 1), ("tanh", 2), ("relu", 3), ("relu", 4), ("identity", 1), ("relu", 5), ("relu", 1),
)  # fmt: skip
V2 = (
    ("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1), ("tanh", 2), ("sigmoid", 5), ("tanh", 3), ("relu", 5),
)  # fmt: skip

CHAIN: Genotype = tuple(("tanh", number) for number in range(STEPS))


@pytest.mark.parametrize(("genes", "cell"), [(V1, DARTS_V1), (V2, DARTS_V2)], ids=["v1", "v2"])
def test_the_published_genotypes_are_the_published_cells(genes: Genotype, cell: Cell) -> None:
    assert identity(cell_of("published", genes)) == identity(cell)
    assert genotype(cell) == genes


def test_a_genotype_is_read_back_from_its_cell() -> None:
    random = Random(0)
    for _ in range(100):
        genes = tuple((random.choice(ACTIVATIONS), random.randrange(step)) for step in range(1, STEPS + 1))
        cell = cell_of("random", genes)
        assert genotype(cell) == genes
        assert len(cell.nodes) <= SPACE.most_nodes


def test_a_genotype_is_read_whatever_the_nodes_are_called() -> None:
    names = {name: f"n{number}" for number, name in enumerate((*DARTS_V2.nodes, "h"))}
    nodes = {
        names[name]: replace(node, operands=tuple(names.get(operand, operand) for operand in node.operands))
        for name, node in DARTS_V2.nodes.items()
    }
    renamed = Cell("renamed", nodes, {names["h"]: names["h_next"]}, names["h_next"])
    assert genotype(renamed) == V2


@pytest.mark.parametrize(
    ("what", "node", "changes"),
    [
        ("another mean", "h_next", {"constant": 0.5}),
        ("a gate that is no sigmoid", "gate_3", {"op": "tanh"}),
        ("a gate from another step", "gate_linear_3", {"operands": ("step_1",)}),
        ("a value from another step", "linear_3", {"operands": ("step_1",)}),
        ("a bypass of another step", "step_3", {"operands": ("gate_3", "value_3", "step_1")}),
        ("a shared linear", "gate_3", {"operands": ("linear_3",)}),
        ("a first step with another activation", "value_0", {"op": "relu"}),
        ("a first step past the input", "step_0", {"operands": ("gate_0", "value_0", "x")}),
        ("a first step without the input", "linear_0", {"operands": ("h", "h")}),
        ("a step that counts twice", "sum_4", {"operands": ("sum_3", "step_3")}),
    ],
)
def test_what_breaks_the_form_has_no_genotype(what: str, node: str, changes: dict[str, object]) -> None:
    whole = cell_of("whole", CHAIN)
    nodes = whole.nodes | {node: replace(whole.nodes[node], **changes)}  # type: ignore[arg-type]
    used = {operand for each in nodes.values() for operand in each.operands} | {whole.output}
    broken = Cell(what, {name: each for name, each in nodes.items() if name in used}, whole.states, whole.output)
    assert genotype(broken) is None and not SPACE.contains(broken)


@pytest.mark.parametrize("cell", [LSTM, ENAS_CELL], ids=lambda cell: cell.name)
def test_cells_of_other_spaces_have_no_genotype(cell: Cell) -> None:
    assert genotype(cell) is None


def test_samples_are_uniform_over_genotypes() -> None:
    random = Random(0)
    drawn = [genotype(SPACE.sample(random)) or () for _ in range(400)]  # type: ignore[misc]
    for step in range(STEPS):
        activations = Counter(genes[step][0] for genes in drawn)
        before = Counter(genes[step][1] for genes in drawn)
        assert set(activations) == set(ACTIVATIONS) and set(before) == set(range(step + 1))
        assert all(count == pytest.approx(400 / 4, abs=40) for count in activations.values())
        assert all(count == pytest.approx(400 / (step + 1), abs=45) for count in before.values())


@pytest.mark.parametrize(("kind", "part"), [("change activation", 0), ("change predecessor", 1)])
def test_an_edit_changes_one_gene(kind: str, part: int) -> None:
    for number in range(20):
        edited, words = mutate(DARTS_V1, SPACE, Random(number), (kind,))
        genes = genotype(edited)
        assert genes is not None
        (step,) = (i for i in range(STEPS) if genes[i] != V1[i])
        assert genes[step][1 - part] == V1[step][1 - part]
        assert words.startswith(f"change step {step + 1} from {V1[step][0]} after step {V1[step][1]} to ")
