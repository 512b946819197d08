"""The steps of a training: the optimizers' own equations, what is clipped and decays, and how tokens are counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from cellsearch.errors import TaskError
from cellsearch.training import Budget, Hyperparameters
from cellsearch.training.nested import moved
from cellsearch.training.optimization import Optimization, Pace, inference_seconds, tokens

RATE = 0.01
CONSTANT = Hyperparameters(RATE, schedule="constant", clip=1e9)


class Line(nn.Module):
    """A weight matrix and a bias, all ones."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 2))
        self.bias = nn.Parameter(torch.ones(1))


@dataclass(frozen=True)
class Pull:
    """A task whose gradient is `slope` in every parameter, of batches with 3 steps of 4 sequences."""

    slope: float = 1.0
    lower_is_better = True

    def batches(self, seed: int) -> Iterator[Tensor]:
        while True:
            yield torch.ones(3, 4)

    def loss(self, model: Any, batch: Tensor, carried: int | None) -> tuple[Tensor, int]:
        model.carried = carried
        return self.slope * (model.weight.sum() + model.bias.sum()), (carried or 0) + 1


def trained(hyperparameters: Hyperparameters, slope: float = 1.0, steps: int = 10) -> tuple[Line, list[Pace]]:
    model = Line()
    task: Any = Pull(slope)
    return model, list(Optimization(model, task, Budget(steps=steps, reports=1), hyperparameters, seed=0).run())


def test_sgd_walks_against_the_gradient() -> None:
    model, _ = trained(replace(CONSTANT, optimizer="sgd"), slope=2.0)
    assert torch.allclose(model.weight, torch.full((1, 2), 1 - 10 * RATE * 2.0))


def test_adamw_walks_by_its_rate_whatever_the_slope() -> None:
    for slope in (1e-3, 1.0, 1e3):
        model, _ = trained(CONSTANT, slope)
        assert torch.allclose(model.weight, torch.full((1, 2), 1 - 10 * RATE), atol=1e-4)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_matrices_decay_and_biases_do_not(optimizer: str) -> None:
    model, _ = trained(replace(CONSTANT, optimizer=optimizer, weight_decay=0.5), slope=0.0)
    assert torch.allclose(model.weight, torch.full((1, 2), (1 - RATE * 0.5) ** 10))
    assert torch.equal(model.bias, torch.ones(1))


def test_a_gradient_is_cut_to_the_norm_of_clip() -> None:
    model, _ = trained(replace(CONSTANT, optimizer="sgd", clip=0.3), slope=100.0)
    step = torch.cat([model.weight.flatten(), model.bias]) - 1
    assert float(step.detach().norm()) == pytest.approx(10 * RATE * 0.3, rel=1e-4)


def test_the_cosine_ends_at_a_twentieth_of_the_rate_and_begins_slowly() -> None:
    places = []
    for steps in (1, 100):
        model, _ = trained(replace(CONSTANT, optimizer="sgd", schedule="cosine"), steps=steps)
        places.append(float(1 - model.bias.detach()))
    assert places[0] == pytest.approx(RATE)
    assert places[1] == pytest.approx(RATE * (3 + 95 * (1 + 0.05) / 2 + 2), rel=0.03)


def test_what_a_batch_carries_goes_into_the_next() -> None:
    assert trained(CONSTANT)[0].carried == 9


def test_tokens_are_time_steps_times_sequences_of_the_first_tensor() -> None:
    assert tokens(torch.zeros(5, 3)) == tokens(torch.zeros(5, 3, 7)) == 15
    assert tokens((torch.zeros(5, 3, 2), torch.zeros(3), True)) == 15
    assert tokens(((torch.zeros(4, 2), torch.zeros(9, 9)), torch.zeros(1))) == 8
    packed = pack_padded_sequence(torch.zeros(5, 3, 2), torch.tensor([5, 2, 1]))
    assert tokens((packed, torch.zeros(3))) == 8
    assert tokens(True) == 0


def test_throughput_counts_every_token_once() -> None:
    _, (pace,) = trained(CONSTANT)
    assert pace.step == 10
    assert pace.tokens_per_second * pace.step_seconds == pytest.approx(12, rel=3)
    assert pace.step_seconds > 0


def test_inference_is_timed_without_training() -> None:
    model, task = Line(), Pull()
    with torch.no_grad():
        assert inference_seconds(model, task, 0) > 0  # type: ignore[arg-type]
    assert torch.equal(model.weight, torch.ones(1, 2)) and not model.training


def test_a_clip_of_0_is_none_at_all() -> None:
    model, _ = trained(replace(CONSTANT, optimizer="sgd", clip=0.0), slope=2.0)
    assert torch.allclose(model.weight, torch.full((1, 2), 1 - 10 * RATE * 2.0))


def test_batches_that_end_are_told_with_the_remedy() -> None:
    class Ending(Pull):
        name = "ending"

        def batches(self, seed: int) -> Any:
            return [torch.ones(3, 4)] * 2

    task: Any = Ending()
    with pytest.raises(
        TaskError, match=r"^task 'ending': its batches end after 2; let batches\(\) yield them without end$"
    ):
        list(Optimization(Line(), task, Budget(steps=3), CONSTANT, seed=0).run())


class Pair(NamedTuple):
    x: Tensor
    y: Tensor


class Movable:
    """A batch of another library, that moves itself."""

    def to(self, device: torch.device) -> Movable:
        self.device = device
        return self


def test_all_of_a_batch_is_moved_whatever_it_is_made_of() -> None:
    """To the device of no memory, in the place of a GPU."""
    x, there = torch.ones(3, 4), torch.device("meta")
    found = moved({"ids": [x, (x, 7)], "pair": Pair(x, x), "own": Movable(), "name": "a"}, there)
    assert found["ids"][0].device == found["ids"][1][0].device == found["pair"].y.device == found["own"].device == there
    assert (found["ids"][1][1], found["name"], type(found["pair"])) == (7, "a", Pair)
    assert tokens({"name": "a", "ids": [x]}) == 12
