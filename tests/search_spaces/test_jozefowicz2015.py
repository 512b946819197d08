"""Each published mutation is reached and keeps a graph valid; a sample mutates a seed as the paper's search does."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
import torch

from cellsearch.cell import Cell, from_equations, identity
from cellsearch.recurrence import RNN
from cellsearch.space.mutation import mutate
from cellsearch_search_spaces.jozefowicz2015 import ACTIVATIONS, ELEMENTWISE, GRU, LSTM, MUTATIONS, SAMPLE, SPACE

DRAWS = 60

ONE = from_equations("one", "h_next = tanh(x + h)", ["h"], "h_next")


def mutants(kind: str, cell: Cell) -> dict[str, Cell]:
    """Mutants of a cell by the words that tell their mutation."""
    return {words: mutant for n in range(DRAWS) for mutant, words in (mutate(cell, SPACE, Random(n), (kind,)),)}


def equal(one: Cell, text: str) -> bool:
    """Whether the cell is the one that the equation describes."""
    return identity(one) == identity(from_equations("expected", text, ["h"], "h_next"))


@pytest.mark.parametrize("kind", MUTATIONS)
@pytest.mark.parametrize("seed", [LSTM, GRU], ids=lambda cell: cell.name)
def test_every_mutation_is_reached_and_valid(kind: str, seed: Cell) -> None:
    found = mutants(kind, seed)
    assert len({identity(mutant) for mutant in found.values()}) > 3
    assert all(SPACE.contains(mutant) for mutant in found.values())
    assert {words.split()[0] for words in found} == {kind.split()[0]}


def test_a_swapped_activation_is_any_other_of_the_pool() -> None:
    expected = {
        "sigmoid": "sigmoid(s)",
        "relu": "relu(s)",
        "linear(0)": "linear(s)",
        "linear(0.9)": "linear(s) + 0.9 * s",
        "linear(1)": "linear(s) + s",
        "linear(1.1)": "linear(s) + 1.1 * s",
    }
    found = {words.split()[-1]: cell for words, cell in mutants("swap activation", ONE).items()}
    assert set(found) == set(ACTIVATIONS) - {"tanh"} == set(expected)
    for activation, text in expected.items():
        assert equal(found[activation], f"s = x + h\nh_next = {text}")


def test_a_swapped_operation_is_either_other_one() -> None:
    found = mutants("swap operation", ONE)
    assert {words.split()[-1] for words in found} == set(ELEMENTWISE) - {"sum"}
    assert all(equal(c, f"h_next = tanh(x {'-' if 'difference' in words else '*'} h)") for words, c in found.items())


def test_an_activation_is_inserted_at_any_operand() -> None:
    found = mutants("insert activation", ONE)
    assert {words.split("between ")[1] for words in found} == {"x and h_sum", "h and h_sum", "h_sum and h_next"}
    assert equal(found["insert relu between x and h_sum"], "h_next = tanh(relu(x) + h)")
    assert {words.split()[1] for words in found} == set(ACTIVATIONS)


def test_only_a_node_with_one_operand_and_one_user_is_deleted() -> None:
    assert set(mutants("delete node", ONE)) == {"delete h_next (tanh), h_sum in its place"}
    names = {words.split()[1] for words in mutants("delete node", GRU)}
    assert names and all(len(GRU.nodes[name].operands) == 1 for name in names)
    assert "candidate" not in names  # it has two users


def test_a_node_is_replaced_by_what_it_is_computed_from() -> None:
    assert set(mutants("replace by ancestor", ONE)) == {"replace h_next by its ancestor h_sum"}
    for words, mutant in mutants("replace by ancestor", LSTM).items():
        assert len(mutant.nodes) < len(LSTM.nodes), words


def test_a_node_is_replaced_by_an_operation_of_two_ancestors() -> None:
    found = mutants("replace by two", ONE)
    assert all(words.split(" by the ")[1].split()[0] in ELEMENTWISE for words in found)
    assert any(equal(cell, "h_next = x * h") for cell in found.values())


def test_linear_a_multiplies_by_a_on_the_diagonal() -> None:
    cell = next(c for words, c in mutants("swap activation", ONE).items() if words.endswith("linear(0.9)"))
    rnn = RNN(cell, 3, 3)
    with torch.no_grad():
        for array in rnn.parameters():
            array.zero_()
    x, h = torch.randn(1, 1, 3), torch.randn(1, 1, 3)
    torch.testing.assert_close(rnn(x, h)[0], 0.9 * (x + h))


def test_as_many_drafts_are_rejected_as_the_docstring_says() -> None:
    assert SAMPLE.rejected(Random(0), 300) == pytest.approx(0.17, abs=0.07)


def test_samples_are_small_and_large_mutants_of_both_seeds() -> None:
    random = Random(0)
    cells = [SAMPLE(random) for _ in range(200)]
    states, sizes = Counter(len(cell.states) for cell in cells), {len(cell.nodes) for cell in cells}
    assert min(states.values()) > 40 and len(sizes) > 15
    assert not {identity(cell) for cell in cells} & {identity(LSTM), identity(GRU)}
