"""Music: pieces of different lengths, read from .mat files, scored a frame."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torch import Tensor, nn

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_search_spaces.gated import LSTM
from cellsearch_tasks.music import FILES, JSB, KEYS, Jsb, Nottingham, _pieces
from tests.helpers.tasks.real_data import shared

LENGTHS = {"traindata": [5, 9, 3, 2, 12, 7, 4], "validdata": [6, 2], "testdata": [4, 8, 3]}


def pieces(lengths: dict[str, list[int]] = LENGTHS) -> dict[str, Any]:
    """Random pieces in the layout of the published files."""
    generator = np.random.default_rng(0)
    return {
        key: cells([generator.integers(0, 2, (length, KEYS), dtype=np.uint8) for length in each])
        for key, each in lengths.items()
    }


def cells(arrays: list[Any]) -> Any:
    """MATLAB's cell array [1, N]."""
    row = np.empty((1, len(arrays)), dtype=object)
    row[0, :] = arrays
    return row


def write(path: Path, content: dict[str, Any]) -> str:
    savemat(path, content)
    return str(path)


@pytest.fixture
def mat(tmp_path: Path) -> str:
    return write(tmp_path / "pieces.mat", pieces())


class Even(nn.Module):
    """Gives every key the same chance."""

    def __init__(self) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.logit.expand(x.shape)


@pytest.mark.parametrize("name", ["jsb", "nottingham"])
def test_it_is_a_task(name: str, mat: str) -> None:
    check_task(name, {"data": mat, "batch": "3"})


def test_a_pass_reads_every_piece_once_and_no_frame_of_padding_counts(mat: str) -> None:
    batches = list(itertools.islice(Jsb(mat, batch=2).batches(0), 4))
    lengths = [int(mask[:, i].sum()) + 1 for _, mask in batches for i in range(mask.shape[1])]
    assert sorted(lengths) == sorted(LENGTHS["traindata"])
    for frames, mask in batches:
        assert frames.shape == (len(mask) + 1, mask.shape[1], KEYS)
        assert (mask == (torch.arange(len(mask))[:, None] < mask.sum(0))).all()
        assert not frames[1:][~mask].any()


def test_passes_have_different_orders(mat: str) -> None:
    passes = [[frames.sum() for frames, _ in itertools.islice(Jsb(mat, 2).batches(seed), 4)] for seed in range(4)]
    assert len({tuple(map(float, one)) for one in passes}) > 1


@pytest.mark.parametrize("split", ["validation", "test"])
def test_an_even_guess_costs_88_ln_2_nats_a_frame(split: str, mat: str) -> None:
    assert Jsb(mat).score(Even(), split) == pytest.approx(88 * math.log(2), rel=1e-5)


def test_the_score_is_the_mean_over_frames_of_pieces_read_alone(mat: str) -> None:
    task = Jsb(mat)
    model = task.model(LSTM, 6).eval()
    total, frames = 0.0, 0
    with torch.no_grad():
        for piece in _pieces("jsb", mat)["test"]:
            chances = model(piece[:-1, None].float()).sigmoid().squeeze(1)
            following = piece[1:].float()
            total -= float((following * chances.log() + (1 - following) * (1 - chances).log()).sum())
            frames += len(following)
        assert task.score(model, "test") == pytest.approx(total / frames, rel=1e-5)


def test_the_loss_is_the_score_of_its_batch(mat: str) -> None:
    task = Jsb(mat, dropout=0)
    frames, mask = next(task.batches(0))
    loss, _ = task.loss(Even(), (frames, mask), None)
    assert float(loss) == pytest.approx(88 * math.log(2), rel=1e-5)


def test_dropout_is_an_option_of_the_model(mat: str) -> None:
    model = Jsb(mat, dropout=0.5).model(LSTM, 6)
    x = torch.ones(4, 2, KEYS)
    assert not torch.equal(model(x), model(x))
    assert torch.equal(model.eval()(x), model(x))


@pytest.mark.parametrize(
    ("task", "sizes", "frames"), [(Jsb, (229, 76, 77), 13_807), (Nottingham, (694, 173, 170), 176_561)]
)
def test_the_published_files_have_the_published_sizes(task: type[Jsb], sizes: tuple[int, ...], frames: int) -> None:
    splits = _pieces(task.name, shared(FILES[task.name][0]))
    assert tuple(len(split) for split in splits.values()) == sizes
    assert sum(len(piece) for piece in splits["train"]) == frames


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in pieces().items() if name != key}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {"songs": cells([np.zeros((3, KEYS))])},
            "has no traindata, validdata, testdata; it must have traindata, vali",
        ),
        (without("testdata"), "has no testdata; it must have traindata, validdata, testdata"),
        ({**pieces(), "validdata": np.empty((0, 0), dtype=object)}, "validdata is empty; it needs one piece at least"),
        (pieces({**LENGTHS, "testdata": [4, 0]}), "piece 1 of testdata needs 2 frames at least, got 0"),
        (pieces({**LENGTHS, "traindata": [1, 4]}), "piece 0 of traindata needs 2 frames at least, got 1"),
        (
            {**pieces(), "testdata": cells([np.zeros((9, 87))])},
            r"piece 0 of testdata must be \[frames, 88\], got \[9, 87",
        ),
        ({**pieces(), "testdata": np.zeros((9, 88))}, r"piece 0 of testdata must be \[frames, 88\], got \[\]"),
        ({**pieces(), "testdata": cells(["a song"])}, r"piece 0 of testdata must be \[frames, 88\]"),
        ({**pieces(), "testdata": cells([np.full((9, KEYS), 2)])}, "piece 0 of testdata must hold 0 and 1 only"),
        ({**pieces(), "testdata": cells([np.full((9, KEYS), np.nan)])}, "piece 0 of testdata must hold 0 and 1 only"),
    ],
)
def test_what_are_no_pieces_is_refused_in_one_line(content: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.mat", content)
    with pytest.raises(DataError, match=message) as raised:
        Jsb(path).prepare()
    assert path in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused_in_one_line(share: float, mat: str, tmp_path: Path) -> None:
    content = Path(mat).read_bytes()
    path = tmp_path / "short.mat"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"short\.mat") as raised:
        Jsb(str(path)).prepare()
    assert "\n" not in str(raised.value)


def test_what_is_no_mat_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "song.mat"
    path.write_text("la la la " * 100)
    with pytest.raises(DataError, match=r"song\.mat is no \.mat file that can be read: ."):
        Jsb(str(path)).prepare()


@pytest.mark.parametrize("options", [{"batch": 0}, {"dropout": 1.0}, {"dropout": -0.1}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="jsb needs batch at least 1 and dropout 0 to 1"):
        Jsb(**options).prepare()


def test_the_official_file_is_the_default() -> None:
    assert JSB.data == ""
