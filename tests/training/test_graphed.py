"""Steps as CUDA graphs give what steps one by one give; needs a card."""

from __future__ import annotations

import math

import pytest
import torch

from cellsearch.errors import DivergenceError
from cellsearch.training import Budget, Hyperparameters
from cellsearch.training.graphed import GraphedSteps
from cellsearch.training.optimization import ImmediateSteps, Optimization
from cellsearch_search_spaces import gated
from cellsearch_tasks.chars import Chars

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA card")

TASK = Chars()


def test_graphs_take_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {}
    for kind in (GraphedSteps, ImmediateSteps):
        monkeypatch.setattr("cellsearch.training.optimization.GraphedSteps", kind)
        model, training = _training()
        for _ in training.run():
            pass
        weights[kind] = torch.cat([array.detach().flatten() for array in model.parameters()])
    torch.testing.assert_close(weights[GraphedSteps], weights[ImmediateSteps], rtol=1e-3, atol=1e-4)


def test_steps_are_captured() -> None:
    _, training = _training()
    next(training.run())
    assert len(training._taking._graphs) == 1  # type: ignore[attr-defined]


def test_the_step_at_which_the_loss_left_the_numbers_is_told() -> None:
    model, training = _training()
    steps = training.run()
    next(steps)
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(DivergenceError, match="the loss is nan at step 21"):
        next(steps)


def _training() -> tuple[torch.nn.Module, Optimization]:
    TASK.prepare()
    torch.manual_seed(0)
    model = TASK.model(gated.LSTM, 32).to("cuda")
    return model, Optimization(model, TASK, Budget(steps=60, reports=3), Hyperparameters(1e-3), seed=0)
