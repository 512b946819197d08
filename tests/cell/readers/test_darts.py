"""DARTS and ENAS: genotypes and arcs import as the cells that their papers print, and what is none is refused."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor

from cellsearch.cell import Cell, identity
from cellsearch.cell.readers.darts import MOST_STEPS, from_darts, from_enas
from cellsearch.cell.readers.genotypes import genotypes
from cellsearch.errors import CellError
from cellsearch.recurrence import RNN
from cellsearch_search_spaces.zoo_searched import DARTS_V1, DARTS_V2, ENAS_CELL

Genotype = namedtuple("Genotype", "recurrent concat")

V1 = Genotype(
    [
        ("relu", 0),
        ("relu", 1),
        ("tanh", 2),
        ("relu", 3),
        ("relu", 4),
        ("identity", 1),
        ("relu", 5),
        ("relu", 1),
    ],
    range(1, 9),
)

V2 = Genotype(
    [
        ("sigmoid", 0),
        ("relu", 1),
        ("relu", 1),
        ("identity", 1),
        ("tanh", 2),
        ("sigmoid", 5),
        ("tanh", 3),
        ("relu", 5),
    ],
    range(1, 9),
)

ENAS = "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1"

UNUSUAL = Genotype([("tanh", 0), ("sigmoid", 0), ("relu", 2), ("identity", 1)], [0, 3, 3])


def test_the_published_genotypes_are_the_cells_of_the_zoo() -> None:
    assert identity(from_darts(V1)) == identity(DARTS_V1)
    assert identity(from_darts(V2)) == identity(DARTS_V2)


def test_the_published_arc_is_the_cell_of_the_zoo() -> None:
    numbers = [int(word) for word in ENAS.split()]
    assert identity(from_enas(ENAS)) == identity(ENAS_CELL)
    assert from_enas(numbers) == from_enas(ENAS) == from_enas(str(numbers)) == from_enas(ENAS.replace(" ", ",\n"))


@pytest.mark.parametrize("genotype", [V1, V2, UNUSUAL, Genotype([("relu", 0)], [1]), Genotype([("relu", 0)], [0])])
def test_a_genotype_computes_what_its_authors_code_does(genotype: Any) -> None:
    """Their step in torch, with a bias: s = s_prev + c * (activation(h) - s_prev), the mean of concat."""
    activations = ["tanh", *(activation for activation, _ in genotype.recurrent)]
    before = [0, *(before for _, before in genotype.recurrent)]
    _assert_computes(from_darts(genotype), activations, before, list(genotype.concat))


@pytest.mark.parametrize(
    ("arc", "ends"), [(ENAS, [3, 4, 7, 9, 10, 11]), ("3", [0]), ("1 0 2", [1]), ("2 0 3 0 1 1 0", [2, 3])]
)
def test_an_arc_computes_what_its_authors_code_does(arc: str, ends: list[int]) -> None:
    """As theirs, with the activation of the first step its own and the mean of the steps that no other reads."""
    numbers = [int(word) for word in arc.split()]
    activations = [("tanh", "relu", "identity", "sigmoid")[number] for number in numbers[::2]]
    _assert_computes(from_enas(arc), activations, [0, *numbers[1::2]], ends)


def test_steps_that_the_output_never_depends_on_are_dropped() -> None:
    cell = from_darts(UNUSUAL)
    assert "step_1" not in cell.nodes and "step_4" not in cell.nodes
    assert {"step_0", "step_2", "step_3"} <= cell.nodes.keys()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (str(V1), [""]),
        (f"from collections import namedtuple\nSTEPS = 8\nA = {V1}\nB = genotypes.{V2}", ["A", "B"]),
        ("{'recurrent': [('tanh', 0)], 'concat': [1]}", [""]),
        ("Genotype([('tanh', 0)], range(2))", [""]),
        ("STEPS = 8", []),
    ],
)
def test_genotypes_are_read_from_text(text: str, names: list[str]) -> None:
    found = genotypes(text, "my file")
    assert [name for name, _ in found] == names
    assert all(isinstance(from_darts(genotype), Cell) for _, genotype in found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recurrent": 3}, "'recurrent' must be a list of length 1 to 64, got 3"),
        ({"recurrent": []}, "'recurrent' must be a list of length 1 to 64, got []"),
        ({"recurrent": [("tanh", 0)] * (MOST_STEPS + 1)}, "'recurrent' must be a list of length 1 to 64"),
        ({"recurrent": ["tanh"]}, "step 1 of 'recurrent' must be (activation, predecessor), got 'tanh'"),
        ({"recurrent": [("tanh", 0), ("none", 0)]}, "the activation of step 2 must be one of tanh, relu, "),
        ({"recurrent": [(["tanh"], 0)]}, "the activation of step 1 must be one of tanh, relu, "),
        ({"recurrent": [("tanh", 1)]}, "the predecessor of step 1 must be step 0, got 1"),
        ({"recurrent": [("tanh", 0), ("tanh", -1)]}, "the predecessor of step 2 must be a step from 0 to 1, got -1"),
        ({"recurrent": [("tanh", False)]}, "the predecessor of step 1 must be step 0, got False"),
        ({"concat": []}, "'concat' must be a list of length 1 to 65, got []"),
        ({"concat": range(10**30)}, "'concat' must be a list of length 1 to 65, got range(0, 1000"),
        ({"concat": [9]}, "each of 'concat' must be a step from 0 to 8, got 9"),
        ({"concat": ["1"]}, "each of 'concat' must be a step from 0 to 8, got '1'"),
        ({"normal": []}, "it has unknown 'normal'; remove it"),
    ],
)
def test_what_is_no_genotype_is_refused_by_its_step(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CellError) as raised:
        from_darts(V1._asdict() | change, "mine")
    assert str(raised.value).startswith(f"genotype 'mine': {message}")


def test_a_genotype_without_a_field_or_of_another_kind_is_refused() -> None:
    with pytest.raises(CellError, match="genotype 'darts': it has no 'concat'; add it"):
        from_darts({"recurrent": []})
    with pytest.raises(CellError, match="genotype 'darts': it must be a namedtuple or object"):
        from_darts("tanh")


@pytest.mark.parametrize(
    ("arc", "message"),
    [
        ("", "each number must be a whole number, got ''"),
        ("0 a 1", "each number must be a whole number, got 'a'"),
        ("0 1.5 1", "each number must be a whole number, got '1.5'"),
        ("9" * 5000, "each number must be a whole number, got '9999"),
        ("0 0", "it has 2 numbers; write the activation of step 0, then predecessor and activation"),
        ("4", "the activation of step 0 must be a number from 0 to 3, got 4"),
        ("0 0 9", "the activation of step 1 must be a number from 0 to 3, got 9"),
        ("0 1 1", "the predecessor of step 1 must be step 0, got 1"),
        ("0 0 1 -1 1", "the predecessor of step 2 must be a step from 0 to 1, got -1"),
        ([0, 0.0, 1], "the predecessor of step 1 must be step 0, got 0.0"),
        ([0] * 131, "it must be a list of length 1 to 129"),
        (7, "it must be a list of length 1 to 129, got 7"),
    ],
)
def test_what_is_no_arc_is_refused_by_its_step(arc: Any, message: str) -> None:
    with pytest.raises(CellError) as raised:
        from_enas(arc, "mine")
    assert str(raised.value).startswith(f"arc 'mine': {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A = Genotype(", "line 1 is no Python: '(' was never closed"),
        ("Genotype(recurrent=[], concat=CONCAT)", "line 1: a genotype is written out in names, numbers and lists"),
        ("\nGenotype(recurrent=open('x'), concat=[1])", "line 2: a genotype is written out"),
        ("Genotype(1, 2, 3)", "line 1: a genotype is written out"),
        ("Genotype(range(3, 'a'), 2)", "line 1: a genotype is written out"),
        ("{'recurrent': 1.5}", "line 1: a genotype is written out"),
        ("{'recurrent': " + "1+" * 90_000 + "1}", ""),
        ("{'recurrent': " + "-" * 90_000 + "1}", ""),
        ("{'recurrent': " + "[" * 90_000 + "]" * 90_000 + "}", ""),
        ("{'recurrent': " + "not " * 40_000 + "1}", ""),
        ("{'recurrent': a" + ".a" * 90_000 + "}", ""),
        ("#" * 300_000, "larger than 200000 characters, too large for genotypes"),
        ("\x00", ""),
    ],
)
def test_text_that_is_no_literal_is_refused_and_never_run(text: str, message: str) -> None:
    with pytest.raises(CellError) as raised:
        genotypes(text, "my file")
    assert str(raised.value).startswith(f"my file: {message}")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300


def _assert_computes(cell: Cell, activations: list[str], before: list[int], ends: list[int]) -> None:
    torch.manual_seed(0)
    rnn = RNN(cell, 3, 4, dtype=torch.float64)
    learned = rnn.layers[0].learned()
    x, h = torch.randn(5, 2, 3, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    ours, _ = rnn(x, h[None])
    outputs = []
    for x_t in x:
        states: list[Tensor] = []
        for number, (activation, predecessor) in enumerate(zip(activations, before, strict=True)):
            previous = states[predecessor] if number else h
            operands = [previous] if number else [x_t, h]
            if f"linear_{number}" not in learned:  # Dropped, since nothing depends on it.
                states.append(torch.full_like(h, float("nan")))
                continue
            c = torch.sigmoid(_linear(learned[f"gate_linear_{number}"], operands))
            value = _linear(learned[f"linear_{number}"], operands)
            value = value if activation == "identity" else getattr(torch, activation)(value)
            states.append(previous + c * (value - previous))
        h = torch.stack([states[end] for end in ends]).mean(0)
        outputs.append(h)
    torch.testing.assert_close(ours, torch.stack(outputs), rtol=1e-12, atol=1e-12)


def _linear(learned: dict[str, Tensor], operands: list[Tensor]) -> Tensor:
    total = learned["bias"]
    for place, operand in enumerate(operands):
        total = total + operand @ learned[f"weight_{place}"].T
    return total
