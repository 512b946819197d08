from __future__ import annotations

from math import inf, isfinite, log10

import pytest
import torch

from cellsearch import plugins
from cellsearch.signals import WEIGHT_SIGNALS, Start, first_losses, loss_fall, probe, start
from cellsearch.signals.weights import synflow
from cellsearch.training import load_task
from tests.helpers.known_signals import EXPLOSIVE, HALVING

TASK = load_task("adding", {"length": "8", "batch": "8"})


def test_sums_over_weights_are_what_their_definitions_say() -> None:
    weights, gradients = (torch.tensor([1.0, -2.0]),), torch.tensor([3.0, 4.0])
    begun = Start(weights, ((gradients,), (-gradients,), (gradients,), (gradients,)), (1.0, 2.0, 3.0, 2.0))
    assert WEIGHT_SIGNALS["gradient norm"](begun) == pytest.approx(log10(5))
    assert WEIGHT_SIGNALS["SNIP"](begun) == pytest.approx(log10(11))
    assert WEIGHT_SIGNALS["log gradients"](begun) == pytest.approx((log10(3) + log10(4)) / 2)
    assert WEIGHT_SIGNALS["initial loss"](begun) == 2
    assert WEIGHT_SIGNALS["gradient agreement"](begun) == pytest.approx(0)


def test_every_signal_is_a_number_for_an_lstm() -> None:
    begun = start(TASK, plugins.seed("lstm"), 8)
    assert all(isfinite(signal(begun)) for signal in WEIGHT_SIGNALS.values())
    assert isfinite(synflow(probe(plugins.seed("lstm"))))


def test_a_cell_without_weights_has_the_least_flow() -> None:
    assert synflow(probe(HALVING)) == pytest.approx(-30)


def test_the_loss_of_an_lstm_falls_and_that_of_an_explosive_cell_is_lost() -> None:
    assert loss_fall(first_losses(TASK, plugins.seed("lstm"), 8, 2e-2), 20) > 0
    lost = first_losses(load_task("adding", {"length": "60"}), EXPLOSIVE, 8, 2e-2)
    assert len(lost) < 20
    assert loss_fall(lost, 20) == -inf


def test_a_start_is_the_same_for_a_seed_and_leaves_the_generator_of_torch_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert start(TASK, plugins.seed("gru"), 4).losses == start(TASK, plugins.seed("gru"), 4).losses
    assert torch.equal(torch.rand(1), expected)
