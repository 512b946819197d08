"""Goes on training an exported cell where its search has left it: first a new head, then all of it, slower.

    python search_series.py sensors.csv temperature
    python fine_tune.py sensors.csv temperature

torch and the exported file are all that trains; the task tells what is read at each row of the table.
"""

import sys
from itertools import islice

import torch
from sensor_cell import load
from torch import Tensor, nn

from cellsearch_tasks.series.series import Series


class Forecaster(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = load()  # with the weights that it was exported with
        self.head = nn.Linear(self.rnn.hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:  # [T, B, I] -> [T, B]
        return self.head(self.rnn(x)[0]).squeeze(-1)


def train(model: Forecaster, task: Series, parameters: list[nn.Parameter], rate: float, steps: int) -> None:
    optimizer = torch.optim.AdamW(parameters, rate)
    for batch in islice(task.batches(seed=steps), steps):
        optimizer.zero_grad()
        task.loss(model, batch, None)[0].backward()
        optimizer.step()


if __name__ == "__main__":
    file, column = sys.argv[1:]
    torch.manual_seed(0)
    task, model = Series(file, column, length=24), Forecaster()
    errors = []
    for parameters, rate, steps in ((model.head, 3e-2, 30), (model, 1e-2, 100)):
        train(model, task, list(parameters.parameters()), rate, steps)
        with torch.no_grad():
            errors.append(task.score(model, "validation"))
    print(f"error over naive: {errors[0]:.3f} with a new head, {errors[1]:.3f} fine-tuned")
    assert errors[1] < errors[0]
    torch.save(model.state_dict(), "forecaster.pt")
