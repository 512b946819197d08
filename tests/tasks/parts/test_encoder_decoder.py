"""Encoder and decoder: padding changes nothing, attention sees its own source only, writing agrees with reading."""

from __future__ import annotations

import pytest
import torch

from cellsearch.cell import Cell
from cellsearch_search_spaces.gated import GRU, LSTM
from cellsearch_search_spaces.nasbench_nlp import SPACE
from cellsearch_tasks.parts.encoder_decoder import AdditiveAttention, EncoderDecoder
from cellsearch_tasks.parts.ragged import ragged

SOURCES = ragged([[3, 4, 5, 6], [7], [3, 5]])
ALL = torch.arange(3)
PREVIOUS = torch.tensor([[1, 1, 1], [3, 4, 5], [5, 4, 3]])

CELLS = [GRU, LSTM, *SPACE.seeds.values()]


def model(cell: Cell, attention: bool) -> EncoderDecoder:
    torch.manual_seed(0)
    return EncoderDecoder(cell, 6, 8, 9, attention, dropout=0.0).eval()


@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_a_source_is_read_the_same_in_any_company(cell: Cell, attention: bool) -> None:
    both = model(cell, attention)
    together = both(SOURCES.packed(ALL), PREVIOUS)
    assert together.shape == (3, 3, 9)
    for i in range(3):
        alone = both(SOURCES.packed(ALL[i : i + 1]), PREVIOUS[:, i : i + 1])
        torch.testing.assert_close(together[:, i : i + 1], alone)


@pytest.mark.parametrize("attention", [False, True])
def test_what_is_written_is_the_likeliest_given_what_was_written(attention: bool) -> None:
    both = model(LSTM, attention)
    written = both.write(SOURCES.packed(ALL), start=1, steps=5)
    previous = torch.cat([torch.ones(1, 3, dtype=torch.long), written[:-1]])
    assert torch.equal(both(SOURCES.packed(ALL), previous).argmax(-1), written)


def test_attention_is_a_mean_of_the_memory_that_is_inside() -> None:
    attention = AdditiveAttention(4)
    memory, query = torch.randn(5, 2, 4), torch.randn(2, 4)
    outside = torch.arange(5).unsqueeze(1) >= torch.tensor([5, 1])
    found = attention.over(memory, outside)(query)
    torch.testing.assert_close(found[1], memory[0, 1])
    score = torch.tanh(attention.key(memory[:, 0]) + attention.query(query[0])) @ attention.score.weight[0]
    torch.testing.assert_close(found[0], score.softmax(0) @ memory[:, 0])
