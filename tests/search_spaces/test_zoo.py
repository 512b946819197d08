"""Every seed is its publication: the same values and gradients as the equations transcribed in plain torch."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cellsearch import plugins
from cellsearch.cell import INPUT, LINEAR, Cell, identity
from cellsearch.cell.complexity import complexity
from cellsearch.cell.readers.darts import from_darts, from_enas
from cellsearch.recurrence import RNN
from cellsearch.recurrence.rnn import Layer
from cellsearch.space import SearchSpace
from cellsearch.testing.space import check_space
from cellsearch_search_spaces import zoo
from tests.helpers.exported import twin
from tests.helpers.published import gru, lstm, modern, others
from tests.helpers.published.transcription import PUBLISHED, Weights, transcribed
from tests.helpers.recurrence.examples import ON_CPU

assert gru and lstm and modern and others, "importing them fills PUBLISHED"

SPACES: dict[str, SearchSpace] = {name: plugins.load(plugins.SPACES, name) for name in plugins.names(plugins.SPACES)}

SEEDS: dict[str, Cell] = plugins.seeds()

every_seed = pytest.mark.parametrize("name", SEEDS)

T, B, H = 4, 2, 4


@every_seed
@pytest.mark.parametrize("backend", ON_CPU)
def test_each_seed_computes_its_published_equations(name: str, backend: str) -> None:
    for input_size in (3, H) if _takes_raw_input(SEEDS[name]) else (3,):
        layer, given = _drawn(SEEDS[name], input_size)
        x, *states = given
        outputs, last = layer(x, tuple(states), backend)
        ours = (outputs, *last)
        theirs = transcribed(PUBLISHED[name], Weights(layer.learned()), x, tuple(states))
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
        sources = [*given, *layer.parameters()]
        torch.testing.assert_close(_slopes(ours, sources), _slopes(theirs, sources), rtol=1e-11, atol=1e-11)


@every_seed
def test_each_seed_trains_a_step_and_its_export_agrees(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    rnn = RNN(SEEDS[name], 3, H, dtype=torch.float64)
    x, target = torch.randn(6, B, 3, dtype=torch.float64), torch.randn(6, B, H, dtype=torch.float64)
    optimizer = torch.optim.SGD(rnn.parameters(), lr=1e-6)

    def loss() -> Tensor:
        return torch.nn.functional.mse_loss(rnn(x)[0], target)

    before = loss()
    before.backward()
    assert all(array.grad is not None and array.grad.isfinite().all() for array in rnn.parameters())
    optimizer.step()
    assert loss() < before
    torch.testing.assert_close(twin(rnn, tmp_path)(x), rnn(x), rtol=1e-12, atol=1e-12)


def test_every_seed_of_every_space_has_a_transcription_and_a_source() -> None:
    assert {"gated", "zoo"} <= SPACES.keys()
    for space in SPACES.values():
        assert space.seeds.keys() <= PUBLISHED.keys()
        assert space.sources.keys() == space.seeds.keys(), f"{space.name}: a source for each seed"
    assert PUBLISHED.keys() == SEEDS.keys()


def test_a_name_means_one_cell_in_all_spaces() -> None:
    for space in SPACES.values():
        for name, cell in space.seeds.items():
            assert identity(cell) == identity(SEEDS[name]), f"{name} of {space.name}"


def test_a_seed_of_several_spaces_has_one_source() -> None:
    for name in SEEDS:
        assert len({space.sources[name] for space in SPACES.values() if name in space.seeds}) == 1, name


def test_the_note_below_each_seed_names_its_source() -> None:
    notes = {}
    for path in Path(zoo.__file__).parent.glob("zoo_*.py"):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for statement, following in pairwise(body):
            match statement, following:
                case (
                    ast.Assign(value=ast.Call(ast.Name("from_equations"), [ast.Constant(str() as name), *_])),
                    ast.Expr(ast.Constant(str() as note)),
                ):
                    notes[name] = note
                case ast.FunctionDef(name="recurrent_highway"), _:
                    notes |= dict.fromkeys(("rhn_2", "rhn_3", "rhn_5", "rhn_10"), ast.get_docstring(statement) or "")
    assert notes.keys() == zoo.SPACE.seeds.keys()
    for name, source in zoo.SPACE.sources.items():
        *authors, year = source.replace(" et al.", "").split()
        assert " ".join(authors).split(" & ")[0] in notes[name], f"{name}: {source}"
        assert f"({year})" in notes[name], f"{name}: {source}"


def test_the_authors_genotypes_import_as_the_seeds() -> None:
    """ENAS from its own notation and as DARTS's repository writes it, in another order."""
    of_darts = "tanh 0, tanh 1, relu 1, tanh 3, tanh 3, relu 3, relu 4, relu 7, relu 8, relu 8, relu 8"
    imported = {
        "darts_v1": [from_darts(_genotype(others.DARTS_V1, range(1, 9)))],
        "darts_v2": [from_darts(_genotype(others.DARTS_V2, range(1, 9)))],
        "enas_cell": [from_enas(others.ENAS), from_darts(_genotype(of_darts, (2, 5, 6, 9, 10, 11)))],
    }
    for name, cells in imported.items():
        assert {identity(cell) for cell in cells} == {identity(SEEDS[name])}


def test_no_two_seeds_of_the_zoo_are_the_same_graph() -> None:
    assert len({identity(cell) for cell in zoo.SPACE.seeds.values()}) == len(zoo.SPACE.seeds)


@pytest.mark.slow
def test_the_zoo_is_a_search_space() -> None:
    check_space("zoo")


def test_published_initial_biases() -> None:
    biases = {
        "lstm": {"forget_gate_linear": 1.0},
        "peephole_lstm": {"forget_gate_linear": 1.0},
        "gru": {},
        "gru_reset_before": {"reset_gate_linear": 1.0, "update_gate_linear": 1.0},
        "ugrnn": {"gate_linear": 1.0},
        "intersection_rnn": {"depth_gate_linear": 1.0, "gate_linear": 1.0},
        "cfn": {"forget_gate_linear": 1.0, "input_gate_linear": -1.0},
        "rhn_3": {"t1_linear": -2.0, "t2_linear": -2.0, "t3_linear": -2.0},
        "greff_vanilla": {},
        "slstm_stabilised": {},
        "rg_lru": {"decay_bias": -5.0},
        "hgrn": {"angle": 0.015625},
        "ltc": {"leak_bias": 0.5},
    }
    for name, expected in biases.items():
        nodes = SEEDS[name].nodes.items()
        assert {each: node.initial_bias for each, node in nodes if node.initial_bias} == expected, name


def test_peepholes_start_closed() -> None:
    learned = RNN(SEEDS["peephole_lstm"], 3, H).layers[0].learned()  # type: ignore[operator]
    assert all(not learned[f"{gate}_gate_peephole"]["weight"].any() for gate in ("input", "forget", "output"))


@pytest.mark.parametrize(
    ("name", "matrices", "vectors"),
    [
        ("rnn", 2, 1),
        ("lstm", 8, 4),
        ("lstm_1997", 6, 3),
        ("peephole_lstm", 8, 7),
        ("coupled_lstm", 6, 3),
        ("greff_fgr", 17, 7),
        ("gru", 6, 4),
        ("gru_reset_before", 6, 3),
        ("mgu", 4, 2),
        ("ugrnn", 4, 2),
        ("intersection_rnn", 8, 4),
        ("mut1", 4, 3),
        ("mut2", 5, 3),
        ("mut3", 6, 3),
        ("nas_cell", 16, 9),
        ("enas_cell", 4 + 22, 24),
        ("darts_v1", 4 + 16, 18),
        ("rhn_5", 2 + 10, 10),
        ("bc3", 7, 5),
        ("sru", 3, 5),
        ("qrnn", 3, 3),
        ("min_gru", 2, 2),
        ("min_lstm", 3, 3),
        ("indrnn", 1, 2),
        ("cfn", 5, 3),
        ("atr", 2, 2),
        ("layer_norm_lstm", 8, 8 + 2 * 9),
        ("mogrifier_lstm", 13, 9),
        ("slstm_stabilised", 8, 4),
        ("rg_lru", 2, 3),
        ("hgrn", 7, 12),
        ("cfc", 5, 4),
        ("ltc", 2, 3),
        ("min_gru_log_space", 2, 2),
        ("min_lstm_log_space", 3, 3),
    ],
)
def test_parameters_at_hidden_size_128(name: str, matrices: int, vectors: int) -> None:
    """Matrices of 128 x 128 and vectors of 128, counted in the papers' equations, with one bias a linear."""
    assert complexity(SEEDS[name], 128, 128).parameters == matrices * 128**2 + vectors * 128


def _takes_raw_input(cell: Cell) -> bool:
    return any(INPUT in node.operands and node.op != LINEAR for node in cell.nodes.values())


def _genotype(pairs: str, ends: Iterable[int]) -> dict[str, object]:
    steps = [pair.split() for pair in pairs.split(", ")]
    return {"recurrent": [(activation, int(read)) for activation, read in steps], "concat": list(ends)}


def _drawn(cell: Cell, input_size: int) -> tuple[Layer, list[Tensor]]:
    """A layer with random weights, and a random input [T, B, I] and states [B, H]."""
    torch.manual_seed(0)
    layer = Layer(cell, input_size, H).double()
    with torch.no_grad():
        for array in layer.parameters():
            array.normal_(std=0.7)
    shapes = [(T, B, input_size), *((B, H) for _ in cell.states)]
    return layer, [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def _slopes(results: tuple[Tensor, ...], sources: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(sum((result.sin().sum() for result in results), torch.zeros(())), sources)
