"""Every kernel compiles for the card by NVRTC, without a card: registers, spills and shared memory within bounds."""

from __future__ import annotations

import re
from typing import Final

import pytest

from cellsearch.cell import Cell
from cellsearch.errors import BackendError
from cellsearch.recurrence.gpu import build
from cellsearch.recurrence.gpu.source import Kernel, Precision, kernel
from cellsearch.recurrence.gpu.tiles import Card, Sizes, choose_tiles
from cellsearch.recurrence.program.program import program
from cellsearch.recurrence.structured import plain
from cellsearch_search_spaces import gated, zoo
from tests.helpers.recurrence.examples import KNOWN

nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="kernels are compiled by cuda.bindings")

PRECISIONS: Final[tuple[Precision, ...]] = ("float32", "tf32", "bfloat16", "float16")
SEEDS: Final = {name: cell for name, cell in zoo.SPACE.seeds.items() if name not in KNOWN}
MOST_REGISTERS: Final = 255
MOST_SPILLED: Final = 512
"""Bytes of a thread, of any cell: the reverse of the layer-normed GRU spills most, 396."""


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("hidden_size", [128, 512])
def test_lstm_spills_nothing(hidden_size: int, precision: Precision) -> None:
    for made in kernels(gated.LSTM, 64, hidden_size, precision):
        registers, spilled = resources(made)
        assert (registers <= 168, spilled) == (True, 0), made.name


@pytest.mark.slow
@pytest.mark.parametrize("name", [*KNOWN, *SEEDS])
def test_any_cell_compiles_within_bounds(name: str) -> None:
    for made in kernels((KNOWN | SEEDS)[name], 32, 128, "tf32"):
        registers, spilled = resources(made)
        assert registers <= MOST_REGISTERS, made.name
        assert spilled <= MOST_SPILLED, made.name


def test_a_text_that_is_no_cuda_is_refused_with_the_compilers_words() -> None:
    with pytest.raises(BackendError, match=r"NVRTC cannot compile the recurrence: cell.cu\(1\): error"):
        build.compiled("this is no program", "sm_90")


def test_no_name_of_a_cell_is_in_its_kernel() -> None:
    """So that cells of one structure share a kernel, and no name can be code."""
    assert not any("forget" in made.text for made in kernels(gated.LSTM, 32, 128, "tf32"))


@pytest.mark.parametrize("batch", [1, 20, 32, 64, 128])
@pytest.mark.parametrize("hidden_size", [1, 64, 200, 650, 1024])
def test_tiles_fit_the_card(batch: int, hidden_size: int) -> None:
    card = Card()
    made = program(gated.LSTM.resolved(hidden_size, hidden_size))
    for groups in (made.forward, made.reverse):
        for size in (2, 4):
            tiles = choose_tiles(groups, Sizes(batch, hidden_size, size), card)
            assert tiles is not None
            assert tiles.shared <= card.shared
            assert tiles.team * -(-batch // tiles.rows) <= card.blocks
            assert tiles.team * tiles.units >= hidden_size


def test_weights_that_no_card_can_hold_have_no_tiles() -> None:
    groups = program(gated.LSTM.resolved(4096, 4096)).forward
    assert choose_tiles(groups, Sizes(32, 4096, 4)) is None


def kernels(cell: Cell, batch: int, hidden_size: int, precision: Precision) -> list[Kernel]:
    """Both passes' kernels."""
    made = program(plain(cell.resolved(hidden_size, hidden_size)))
    sizes, found = Sizes(batch, hidden_size, 4 if "32" in precision else 2), []
    for name, groups in (("forward", made.forward), ("reverse", made.reverse)):
        tiles = choose_tiles(groups, sizes)
        assert tiles is not None
        found.append(kernel(made, name, sizes, tiles, precision))  # type: ignore[arg-type]
    return found


def resources(made: Kernel) -> tuple[int, int]:
    """Registers of a thread, and bytes that it spills."""
    log = build.compiler_log(made.text, "sm_90")
    (registers,) = re.findall(r"Used (\d+) registers", log)
    return int(registers), sum(map(int, re.findall(r"(\d+) bytes spill stores", log)))
