"""Handwritten digits read pixel by pixel: which digit was it; metric: share of right answers, higher is better.

Le, Jaitly & Hinton (2015), A simple way to initialize recurrent networks of rectified linear units: an image is a
sequence of pixels, row after row, or in one fixed random order (`permuted`), in which neighbours lie far apart.
The default are the 1,797 images of 8 x 8 pixels that scikit-learn carries (Alpaydin & Kaynak 1998): 1,198 to train, 299
to validate, 300 to test, 64 steps. `data=mnist` is MNIST (LeCun et al. 1998), 28 x 28, 784 steps: 55,000, 5,000 and the
official test of 10,000; or `data` is a folder with its four idx files, packed (.gz) or not.

Published on MNIST: Bai et al. (2018), 70 K parameters, in order: LSTM 0.872, GRU 0.962, RNN 0.215; permuted: LSTM
0.857, GRU 0.873, RNN 0.253. Guessing is right once in ten. On the small images nothing is published in this form.

x: [T, B, 1] brightness 0 to 1; digits: [B]
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.cell import Cell
from cellsearch.errors import DataError
from cellsearch.recurrence import RNN
from cellsearch.training.dataset import Dataset, Remote, locate
from cellsearch.training.shared import shared

DIGITS: Final = 10
ORDER_SEED: Final = 92916
"""Of the order in which permuted images are read, and of the shuffle of scikit-learn's images."""

TOGETHER: Final = 500
"""Images that a score reads at once."""

ADDRESS: Final = "https://storage.googleapis.com/cvdf-datasets/mnist/"
"""The mirror that TensorFlow and torchvision use; yann.lecun.com serves the files no more."""
NAMES: Final = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
SHA256: Final = {
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
MNIST: Final = Dataset("mnist", tuple(Remote(f"{name}.gz", f"{ADDRESS}{name}.gz", SHA256[name]) for name in SHA256))

Images = tuple[Tensor, Tensor]
"""x [T, N, 1] and digits [N]."""


class DigitModel(nn.Module):
    """One recurrent layer and a linear layer on its last output."""

    def __init__(self, cell: Cell, hidden_size: int) -> None:
        super().__init__()
        self.rnn = RNN(cell, 1, hidden_size)
        self.head = nn.Linear(hidden_size, DIGITS)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.rnn(x)
        logits: Tensor = self.head(outputs[-1])
        return logits


@dataclass(frozen=True)
class Digits:
    """The task; `permuted` is 1 for pixels in random order, `data` empty, `mnist` or a folder."""

    data: str = ""
    permuted: int = 0
    batch: int = 50

    name: ClassVar[str] = "digits"
    metric: ClassVar[str] = "accuracy"
    lower_is_better: ClassVar[bool] = False
    parameters: ClassVar[int] = 10_000
    steps: ClassVar[int] = 800
    learning_rate: ClassVar[float] = 1e-2

    def prepare(self) -> None:
        """Read the images. Raises DataError if they are missing or no images."""
        if self.batch < 1 or self.permuted not in (0, 1):
            raise DataError(f"digits needs batch at least 1 and permuted 0 or 1, got {self.batch}, {self.permuted}")
        _images(self.data, self.permuted)

    def model(self, cell: Cell, hidden_size: int) -> nn.Module:
        """A model that reads the last output."""
        return DigitModel(cell, hidden_size)

    def batches(self, seed: int) -> Iterator[Images]:
        """Passes over all images, in a random order each; the rest of a pass that fills no batch is left out."""
        x, digits = _images(self.data, self.permuted)["train"]
        generator = torch.Generator().manual_seed(seed)
        batch = min(self.batch, len(digits))
        while True:
            order = torch.randperm(len(digits), generator=generator)
            for chosen in torch.split(order[: len(order) // batch * batch], batch):
                yield x[:, chosen], digits[chosen]

    def loss(self, model: nn.Module, batch: Images, carried: Any) -> tuple[Tensor, None]:
        """Mean cross-entropy, nats."""
        x, digits = batch
        return F.cross_entropy(model(x), digits), None

    def score(self, model: nn.Module, split: str) -> float:
        """Share of right answers, 0 to 1."""
        x, digits = _images(self.data, self.permuted)[split]
        device = next(model.parameters()).device
        answers = [model(part.to(device)).argmax(-1).cpu() for part in torch.split(x, TOGETHER, 1)]
        return float((torch.cat(answers) == digits).float().mean())


TASK = Digits()


@shared
def _images(data: str, permuted: int) -> dict[str, Images]:
    splits = _mnist(data) if data else _bundled()
    generator = torch.Generator().manual_seed(ORDER_SEED)
    size = splits["train"][0].shape[1]
    order = torch.randperm(size, generator=generator) if permuted else torch.arange(size)
    return {split: (pixels[:, order].t().unsqueeze(-1), digits) for split, (pixels, digits) in splits.items()}


def _bundled() -> dict[str, Images]:
    """scikit-learn's images, pixels [N, 64], in one fixed random order: a sixth each to validate and to test."""
    from sklearn.datasets import load_digits

    bundle = load_digits()
    pixels, digits = torch.tensor(bundle.data / 16, dtype=torch.float32), torch.tensor(bundle.target).long()
    order = torch.randperm(len(digits), generator=torch.Generator().manual_seed(ORDER_SEED))
    train, validation = 4 * len(order) // 6, 5 * len(order) // 6
    parts = {"train": order[:train], "validation": order[train:validation], "test": order[validation:]}
    return {split: (pixels[part], digits[part]) for split, part in parts.items()}


def _mnist(data: str) -> dict[str, Images]:
    """MNIST, or files of its form; the last twelfth of the training images validates."""
    folder = locate(MNIST) if data == MNIST.name else Path(data).expanduser()
    pixels, digits = _idx_images(folder, *NAMES["train"])
    train = len(digits) - max(1, len(digits) // 12)
    test = _idx_images(folder, *NAMES["test"])
    if train < 1 or test[0].shape[1] != pixels.shape[1]:
        raise DataError(
            f"data folder {folder}: {len(pixels)} images of {pixels.shape[1]} pixels to train, "
            f"{len(test[0])} of {test[0].shape[1]} to test; it needs 2 or more to train, and images of one size"
        )
    return {
        "train": (pixels[:train], digits[:train]),
        "validation": (pixels[train:], digits[train:]),
        "test": test,
    }


def _idx_images(folder: Path, images: str, labels: str) -> Images:
    """Pixels [N, T] and digits [N] of a pair of idx files."""
    pixels, digits = _idx(folder, images, 3).flatten(1).float() / 255, _idx(folder, labels, 1).long()
    if len(pixels) != len(digits) or not len(digits):
        raise DataError(f"data folder {folder}: {len(pixels)} images in {images}, {len(digits)} digits in {labels}")
    if int(digits.max()) >= DIGITS:
        raise DataError(f"data folder {folder}: {labels} has digit {int(digits.max())}; digits are 0 to {DIGITS - 1}")
    return pixels, digits


def _idx(folder: Path, name: str, dimensions: int) -> Tensor:
    """The array of an idx file of unsigned bytes: two zeros, type 8, the number of dimensions, each size, the bytes."""
    content, path = _bytes(folder, name)
    header = 4 * (dimensions + 1)
    if len(content) < header or content[:4] != bytes([0, 0, 8, dimensions]):
        raise DataError(f"data file {path} is no idx file of unsigned bytes in {dimensions} dimensions")
    sizes = struct.unpack(f">{dimensions}I", content[4:header])
    expected = torch.Size(sizes).numel()
    if len(content) - header != expected:
        raise DataError(f"data file {path}: {len(content) - header} bytes of data, expected {expected} for {sizes}")
    return torch.frombuffer(bytearray(content[header:] or b"\0"), dtype=torch.uint8)[:expected].view(sizes)


def _bytes(folder: Path, name: str) -> tuple[bytes, Path]:
    for path in (folder / name, folder / f"{name}.gz"):
        try:
            content = path.read_bytes()
            return gzip.decompress(content) if path.suffix == ".gz" else content, path
        except FileNotFoundError:
            continue
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"data file {path} cannot be read: {error}") from None
    raise DataError(
        f"data folder {folder} has no {name} or {name}.gz; name a folder with {', '.join(SHA256)}, or mnist"
    )
