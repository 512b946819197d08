"""Trains a model around an exported cell: plain PyTorch, which knows nothing of cellsearch.

    cellsearch export gru my_gru.py
    python train.py

The model learns to tell which of two marked numbers of a sequence is larger.
"""

import torch
from my_gru import GRU
from torch import Tensor, nn


class Chooser(nn.Module):
    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.rnn = GRU(input_size=2, hidden_size=hidden_size)
        self.head = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:  # [T, B, 2] -> [B]
        outputs, _ = self.rnn(x)
        return self.head(outputs[-1]).squeeze(-1)


def batch(steps: int = 6, count: int = 64) -> tuple[Tensor, Tensor]:
    """Numbers and marks [T, B, 2], one mark in each half; whether the second marked number is the larger one."""
    numbers, marks = torch.randn(steps, count), torch.zeros(steps, count)
    first, second = torch.randint(0, steps // 2, (count,)), torch.randint(steps // 2, steps, (count,))
    each = torch.arange(count)
    marks[first, each] = marks[second, each] = 1
    return torch.stack([numbers, marks], -1), (numbers[second, each] > numbers[first, each]).float()


if __name__ == "__main__":
    torch.manual_seed(0)
    model = Chooser(hidden_size=16)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-2)
    for _ in range(150):
        x, answers = batch()
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(model(x), answers).backward()
        optimizer.step()
    with torch.no_grad():
        x, answers = batch(count=1000)
        right = ((model(x) > 0) == (answers > 0)).float().mean().item()
    print(f"right answers: {right:.1%}")
    assert right > 0.8
