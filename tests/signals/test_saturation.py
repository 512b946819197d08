from __future__ import annotations

import pytest
import torch

from cellsearch import plugins
from cellsearch.cell import Cell, from_equations
from cellsearch.signals import Saturation, gate_saturation
from cellsearch.training import load_task

TASK = load_task("adding", {"length": "8", "batch": "8"})


def _gated(bias: int) -> Cell:
    return from_equations(
        "gated",
        f"""
        gate = sigmoid(linear(x, h, bias={bias}))
        h_next = gate * h + tanh(linear(x))
        """,
        states=["h"],
        output="h_next",
    )


@pytest.mark.parametrize(("bias", "expected"), [(20, Saturation(0, 1)), (-20, Saturation(1, 0)), (0, Saturation(0, 0))])
def test_a_gate_is_shut_open_or_between_as_its_bias_says(bias: int, expected: Saturation) -> None:
    torch.manual_seed(0)
    assert gate_saturation(TASK.model(_gated(bias), 8), TASK) == {"gate": expected}


def test_an_output_gate_that_no_state_reads_is_seen_too() -> None:
    cell = from_equations(
        "leaving",
        """
        h_next = tanh(linear(x, h))
        leaving = sigmoid(linear(x, bias=20))
        y = leaving * h_next
        """,
        states=["h"],
        output="y",
    )
    torch.manual_seed(0)
    assert gate_saturation(TASK.model(cell, 8), TASK) == {"leaving": Saturation(0, 1)}


def test_the_gates_of_an_lstm_are_named_and_a_cell_without_gates_has_none() -> None:
    lstm = gate_saturation(TASK.model(plugins.seed("lstm"), 4), TASK)
    assert set(lstm) == {"input_gate", "forget_gate", "output_gate"}
    assert gate_saturation(TASK.model(plugins.seed("rnn"), 4), TASK) == {}
