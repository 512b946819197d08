"""Digits: images as sequences of pixels, scikit-learn's or in MNIST's files, in order or in one random order."""

from __future__ import annotations

import gzip
import itertools
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_tasks.digits import NAMES, TASK, Digits, _images

SIDE = 5


def idx(array: Tensor) -> bytes:
    """The file format of MNIST."""
    return (
        bytes([0, 0, 8, array.dim()])
        + struct.pack(f">{array.dim()}I", *array.shape)
        + bytes(array.flatten().long().tolist())
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images of one pixel whose place is the digit, 24 to train and 12 to test, the test files packed."""
    for split, count in (("train", 24), ("test", 12)):
        digits = torch.arange(count) % 10
        images = 255 * F.one_hot(digits, SIDE * SIDE).view(count, SIDE, SIDE)
        for name, array in zip(NAMES[split], (images, digits), strict=True):
            if split == "train":
                (tmp_path / name).write_bytes(idx(array))
            else:
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    return tmp_path


class Brightest(nn.Module):
    """Answers the place of the brightest pixel, in whatever order they are read."""

    def __init__(self, order: Tensor) -> None:
        super().__init__()
        self.order = order
        self.sure = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.sure * F.one_hot(self.order[x[..., 0].argmax(0)], SIDE * SIDE)[:, :10]


@pytest.mark.parametrize("permuted", ["0", "1"])
def test_it_is_a_task(permuted: str) -> None:
    check_task("digits", {"permuted": permuted, "batch": "8"})


def test_the_splits_put_together_are_the_bundled_images() -> None:
    bundle = load_digits()
    splits = _images("", 0)
    assert {split: len(digits) for split, (_, digits) in splits.items()} == {
        "train": 1198,
        "validation": 299,
        "test": 300,
    }
    pixels = torch.cat([x.squeeze(-1).t() for x, _ in splits.values()])
    digits = torch.cat([digits for _, digits in splits.values()])
    found = sorted((*row, digit) for row, digit in zip((16 * pixels).tolist(), digits.tolist(), strict=True))
    assert found == sorted(
        (*row, digit) for row, digit in zip(bundle.data.tolist(), bundle.target.tolist(), strict=True)
    )


def test_permuted_images_have_the_same_pixels_in_one_other_order() -> None:
    plain, permuted = (_images("", each)["test"][0].squeeze(-1) for each in (0, 1))
    assert not torch.equal(plain, permuted)
    assert torch.equal(plain.sort(0).values, permuted.sort(0).values)
    rows = {tuple(row) for row in plain.tolist()}
    assert all(tuple(row) in rows for row in permuted.tolist())


def test_a_pass_reads_no_image_twice() -> None:
    batches = list(itertools.islice(TASK.batches(0), 1198 // 50))
    assert all(x.shape == (64, 50, 1) and digits.shape == (50,) for x, digits in batches)
    images = _images("", 0)["train"][0]
    copies = {tuple(row) for row in images.squeeze(-1).t().tolist()}
    read = [tuple(row) for x, _ in batches for row in x.squeeze(-1).t().tolist()]
    assert len(set(read)) >= len(read) - (images.shape[1] - len(copies))


def test_a_batch_of_more_than_all_images_is_all_images(folder: Path) -> None:
    x, _ = next(Digits(str(folder), batch=1000).batches(0))
    assert x.shape == (SIDE * SIDE, 22, 1)


def test_files_of_mnist_s_form_are_read_packed_or_not(folder: Path) -> None:
    splits = _images(str(folder), 0)
    assert [len(digits) for _, digits in splits.values()] == [22, 2, 12]
    assert float(splits["train"][0].max()) == 1
    for split in ("validation", "test"):
        assert Digits(str(folder)).score(Brightest(torch.arange(SIDE * SIDE)), split) == 1
    check_task("digits", {"data": str(folder), "batch": "4", "permuted": "1"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "train-images-idx3-ubyte",
            None,
            "has no train-images-idx3-ubyte or train-images-idx3-ubyte.gz; name a folder",
        ),
        ("train-images-idx3-ubyte", b"", "is no idx file of unsigned bytes in 3 dimensions"),
        ("train-images-idx3-ubyte", idx(torch.zeros(24, 25)), "is no idx file of unsigned bytes in 3 dimensions"),
        ("train-images-idx3-ubyte", idx(torch.zeros(24, 5, 5).long())[:-1], "599 bytes of data, expected 600 for"),
        (
            "train-images-idx3-ubyte",
            idx(torch.zeros(23, 5, 5).long()),
            "23 images in train-images-idx3-ubyte, 24 digits",
        ),
        (
            "train-images-idx3-ubyte",
            idx(torch.zeros(24, 5, 6).long()),
            "images of 30 pixels to train, 12 of 25 to test",
        ),
        ("train-labels-idx1-ubyte", idx(torch.full((24,), 10)), "has digit 10; digits are 0 to 9"),
        ("t10k-labels-idx1-ubyte", idx(torch.zeros(0).long()), "12 images in t10k-images-idx3-ubyte, 0 digits"),
        ("t10k-images-idx3-ubyte.gz", b"no gzip", "cannot be read: Not a gzipped file"),
    ],
)
def test_what_are_no_images_is_refused_in_one_line(
    name: str, content: bytes | None, message: str, folder: Path
) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        Digits(str(folder)).prepare()
    assert str(folder) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_truncated_packed_file_is_refused_in_one_line(share: float, folder: Path) -> None:
    path = folder / "t10k-images-idx3-ubyte.gz"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz cannot be read") as raised:
        Digits(str(folder)).prepare()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("options", [{"batch": 0}, {"permuted": 2}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="digits needs batch at least 1 and permuted 0 or 1"):
        Digits(**options).prepare()
