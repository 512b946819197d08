"""Block-diagonal and low-rank linears multiply by the matrices that their names promise."""

from __future__ import annotations

import pytest
import torch

from cellsearch.cell import Cell, Node, complexity
from cellsearch.cell.complexity import parameter_shapes, shares
from cellsearch.recurrence import RNN
from cellsearch.recurrence.eager.backend import EAGER
from cellsearch.recurrence.rnn import Layer
from cellsearch.recurrence.structured import dense, plain
from cellsearch.testing.backend import SHAPES, Shape, check_backend
from cellsearch_search_spaces.gated import LSTM


def _cell(op: str, constant: float) -> Cell:
    nodes = {
        "of_x": Node(op, ("x",), 0.5, constant),
        "of_h": Node(op, ("h",), constant=constant),
        "sum": Node("sum", ("of_x", "of_h")),
        "h_next": Node("tanh", ("sum",)),
    }
    return Cell(op, nodes, {"h": "h_next"}, "h_next")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("constant", [1, 2, 3, 100])
@pytest.mark.parametrize("op", ["block_linear", "low_rank_linear"])
def test_backends_agree_at_every_size(op: str, constant: int, shape: Shape) -> None:
    assert check_backend(EAGER, _cell(op, constant), shape)


def test_blocks_share_rows_and_columns_as_evenly_as_they_can() -> None:
    assert shares(10, 4) == [2, 3, 2, 3]
    assert shares(3, 3) == [1, 1, 1]
    shapes = {(n, p): shape for n, p, shape in parameter_shapes(_cell("block_linear", 4), 7, 10)}
    assert [shapes["of_x", f"block_{i}"] for i in range(4)] == [(2, 1), (3, 2), (2, 2), (3, 2)]
    assert [shapes["of_h", f"block_{i}"] for i in range(4)] == [(2, 2), (3, 3), (2, 2), (3, 3)]


def test_a_block_multiplies_its_own_part_alone() -> None:
    layer = Layer(_cell("block_linear", 2), 3, 5)
    arrays = dense(layer.cell, layer.learned())
    weight = arrays["of_h"]["weight_0"]
    assert (weight != 0).nonzero().tolist() == [[i, j] for i in range(5) for j in range(5) if (i < 2) == (j < 2)]


def test_a_low_rank_matrix_has_that_rank() -> None:
    layer = Layer(_cell("low_rank_linear", 2), 4, 6).double()
    arrays = dense(layer.cell, layer.learned())
    assert [int(torch.linalg.matrix_rank(arrays[n]["weight_0"])) for n in ("of_x", "of_h")] == [2, 2]


def test_one_block_and_full_rank_are_plain_linears() -> None:
    block, linear = RNN(_cell("block_linear", 1), 3, 4), RNN(_cell("linear", 1), 3, 4)
    linear.load_state_dict({k.replace("block_0", "weight_0"): v for k, v in block.state_dict().items()})
    x = torch.randn(5, 2, 3)
    torch.testing.assert_close(block(x), linear(x))


def test_counts_are_those_of_the_smaller_matrices() -> None:
    block = complexity(_cell("block_linear", 4), 8, 16)
    assert (block.multiply_adds, block.parameters) == (16 * 8 // 4 + 16 * 16 // 4, 96 + 32)
    low = complexity(_cell("low_rank_linear", 3), 8, 16)
    assert (low.multiply_adds, low.parameters) == (3 * (16 + 8) + 3 * (16 + 16), 168 + 32)


@pytest.mark.parametrize(
    ("op", "first", "shape"), [("block_linear", "block_0", (1, 1)), ("low_rank_linear", "left", (3, 2))]
)
def test_no_more_blocks_or_rank_than_a_side_has(op: str, first: str, shape: tuple[int, int]) -> None:
    shapes = {(n, p): shape for n, p, shape in parameter_shapes(_cell(op, 100), 2, 3)}
    assert shapes["of_x", first] == shape


def test_weights_begin_small_and_biases_where_the_cell_says() -> None:
    layer = Layer(_cell("low_rank_linear", 4), 100, 100)
    for name, array in layer.named_parameters():
        if name.startswith("bias"):
            assert torch.all(array == (0.5 if name == "bias_of_x" else 0))
        else:
            assert 0.9 < float(array.detach().abs().max()) * array.shape[1] ** 0.5 <= 1


def test_a_cell_of_plain_linears_stays_itself() -> None:
    assert plain(LSTM) is LSTM
