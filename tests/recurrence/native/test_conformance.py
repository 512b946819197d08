"""The native backend gives the reference's numbers: for known cells, awkward ones, and random ones of every space."""

from __future__ import annotations

import os
from random import Random
from typing import Final

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cellsearch.cell import Cell
from cellsearch.recurrence.native.backend import NATIVE
from cellsearch.space import SearchSpace
from cellsearch.space.mutation import mutate
from cellsearch.testing.backend import SHAPES, Shape, check_backend
from cellsearch.testing.cells import cells
from cellsearch_search_spaces import darts_rnn, gated, jozefowicz2015, linear_recurrent, nasbench_nlp, zoo
from tests.helpers.recurrence.examples import KNOWN, drawn, threads

PRECISIONS: Final = (torch.float64, torch.float32)

LONG: Final = tuple(Shape(T, 2, 3, 5) for T in (2, 15, 16, 17, 33))
"""The input is multiplied for up to 16 steps at once."""

WIDE: Final = (
    Shape(3, 7, 16, 16),
    Shape(2, 2, 8, 8, contiguous=False),
    Shape(2, 3, 5, 17),
    Shape(2, 1, 33, 32),
    Shape(2, 5, 31, 40, contiguous=False),
)
"""Whole vectors of hidden units, one more, and inputs of another size."""

EDGES: Final = (*SHAPES, *LONG, *WIDE)

SEEDS: Final = {name: cell for name, cell in zoo.SPACE.seeds.items() if name not in KNOWN}
SPACES: Final = {
    module.SPACE.name: module.SPACE
    for module in (nasbench_nlp, jozefowicz2015, darts_rnn, linear_recurrent, gated, zoo)
}

MANY: Final = int(os.environ.get("CELLSEARCH_RANDOM_CELLS", "20"))
"""Random cells of each space for the slow test; a release deserves 500."""

SIZES: Final = st.sampled_from((1, 3, 5, 8, 16, 17, 24))

shapes: Final = st.builds(
    Shape,
    T=st.sampled_from((1, 2, 3, 5, 15, 16, 17, 33)),
    B=st.sampled_from((1, 2, 3, 7)),
    I=SIZES,
    H=SIZES,
    contiguous=st.booleans(),
)


@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
@pytest.mark.parametrize("name", KNOWN)
def test_known_cells_agree_with_the_reference(name: str, dtype: torch.dtype) -> None:
    compared = [check_backend(NATIVE, KNOWN[name], shape, dtype) for shape in EDGES]
    assert sum(compared) > len(EDGES) / 2


@pytest.mark.parametrize("name", SEEDS)
def test_seeds_agree_with_the_reference(name: str) -> None:
    compared = [check_backend(NATIVE, SEEDS[name], shape) for shape in (Shape(3, 2, 5, 5), Shape(17, 3, 4, 9))]
    assert any(compared)


@pytest.mark.parametrize("name", ["lstm", "gru", "every_op", "raw", "bare", "learned vectors", "structured linears"])
@pytest.mark.parametrize("count", [2, 3])
def test_a_batch_split_among_threads_gives_the_same(name: str, count: int) -> None:
    shapes = [Shape(steps, batch, size, size) for steps in (1, 17) for batch in (1, 2, 3, 33) for size in (9, 33)]
    with threads(count):
        compared = [check_backend(NATIVE, KNOWN[name], shape) for shape in shapes]
    assert sum(compared) >= len(shapes) / 2


def test_big_products_agree_with_the_reference() -> None:
    for count in (1, 2):
        with threads(count):
            assert check_backend(NATIVE, gated.LSTM, Shape(20, 110, 65, 129))
            assert check_backend(NATIVE, gated.GRU, Shape(3, 230, 300, 70), torch.float32)


def test_threads_may_change_between_the_passes() -> None:
    for before, after in ((2, 1), (1, 3)):
        slopes = []
        for name in ("native", "reference"):
            layer, x, states = drawn(KNOWN["every_op"], Shape(18, 5, 4, 9))
            with threads(before):
                output, last = layer(x, states, name)
            with threads(after):
                slopes.append(torch.autograd.grad([output, *last], [x, *layer.parameters()], [output, *last]))
        torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["lstm", "every_op", "sums along the row that follow one another"])
def test_a_sequence_of_nans_and_infinities_spoils_no_other_of_its_batch(name: str) -> None:
    layer, x, states = drawn(KNOWN[name], Shape(4, 3, 4, 5))
    with torch.no_grad():
        clean, _ = layer(x, states, "native")
        x[:, 1], x[2, 2] = torch.nan, torch.inf
        output, _ = layer(x, states, "native")
        expected, _ = layer(x, states, "reference")
    assert torch.equal(output[:, 0], clean[:, 0])
    torch.testing.assert_close(output, expected, rtol=1e-10, atol=1e-10, equal_nan=True)


@given(cells(), shapes, st.sampled_from((1, 1, 2)))
@settings(max_examples=15)
def test_random_cells_agree_with_the_reference(cell: Cell, shape: Shape, count: int) -> None:
    with threads(count):
        compared = [check_backend(NATIVE, cell, each) for each in (shape, SHAPES[0], SHAPES[4])]
    assume(any(compared))


@pytest.mark.slow
@given(cells(), shapes, st.sampled_from(PRECISIONS), st.sampled_from((1, 1, 2)))
@settings(max_examples=MANY * 5)
def test_many_random_cells_agree_with_the_reference(cell: Cell, shape: Shape, dtype: torch.dtype, count: int) -> None:
    with threads(count):
        compared = [check_backend(NATIVE, cell, each, dtype) for each in (shape, *SHAPES)]
    assume(any(compared))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", PRECISIONS, ids=str)
@pytest.mark.parametrize("name", SPACES)
def test_random_cells_of_every_space_agree_with_the_reference(name: str, dtype: torch.dtype) -> None:
    """CELLSEARCH_RANDOM_CELLS=500 for as many of each space, in about half an hour and with as much of a cache."""
    compared = [check_cell(SPACES[name], number, dtype) for number in range(MANY)]
    assert sum(compared) > MANY / 2


def check_cell(space: SearchSpace, number: int, dtype: torch.dtype) -> bool:
    """Compare a random cell of the space by its number; whether there was something to compare."""
    random = Random(number)
    cell = _sampled(space, random)
    steps, batch = random.choice((1, 2, 5, 15, 16, 17, 33)), random.choice((1, 2, 3, 7))
    sizes = random.choice((3, 8, 17)), random.choice((3, 8, 16, 17))
    shape = Shape(steps, batch, *sizes, contiguous=random.random() < 0.5)
    with threads(random.choice((1, 2))):
        compared = [check_backend(NATIVE, cell, each, dtype) for each in (shape, Shape(3, 2, 5, 5), SHAPES[0])]
    return any(compared)


def _sampled(space: SearchSpace, random: Random) -> Cell:
    """A sample, or what some edits make of a seed where the space has no sampler."""
    if space.sample:
        return space.sample(random)
    cell = random.choice(list(space.seeds.values()))
    for _ in range(random.randint(1, 6)):
        cell, _ = mutate(cell, space, random)
    return cell
