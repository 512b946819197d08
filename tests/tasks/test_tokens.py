"""Tokens of the user's: what a file may hold, and what is refused in one line and never unpickled."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor, nn

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_tasks.tokens import Tokens, _corpus
from tests.helpers.tasks.carried import check_states_are_carried

IDS = random.Random(0).choices([7, 50_000, 3, 9], k=840)
OPTIONS = {"batch": "4", "length": "10", "embedding": "8"}


def write(tmp_path: Path, ids: Any, dtype: str = "int64") -> str:
    path = tmp_path / "ids.npy"
    numpy.save(path, numpy.array(ids, dtype=dtype))
    return str(path)


class Uniform(nn.Module):
    """Gives every token the same probability."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(tokens), requires_grad=False)

    def forward(self, ids: Tensor, states: object = None) -> tuple[Tensor, None]:
        return self.logits.expand(*ids.shape, -1), None


class Pickled:
    """Tells when it is unpickled."""

    unpickled = False

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return _unpickled, ()


def _unpickled() -> None:
    Pickled.unpickled = True


@pytest.mark.parametrize("dtype", ["int64", "uint16", "int32"])
def test_it_is_a_task(dtype: str, tmp_path: Path) -> None:
    check_task("tokens", {"data": write(tmp_path, IDS, dtype), **OPTIONS})


def test_the_tokens_that_occur_are_counted_and_split_in_order(tmp_path: Path) -> None:
    corpus = _corpus(write(tmp_path, IDS))
    assert corpus.tokens == 4
    assert [len(part) for part in (corpus.train, corpus.validation, corpus.test)] == [756, 42, 42]
    names = torch.tensor([3, 7, 9, 50_000])
    assert names[torch.cat([corpus.train, corpus.validation, corpus.test]).long()].tolist() == IDS


def test_states_are_carried_within_a_pass_only(tmp_path: Path) -> None:
    check_states_are_carried(Tokens(write(tmp_path, IDS), batch=4, length=10))


def test_a_uniform_guess_costs_as_many_tokens_as_there_are(tmp_path: Path) -> None:
    task = Tokens(write(tmp_path, IDS), batch=4)
    assert task.score(Uniform(4), "validation") == pytest.approx(4)
    assert task.details(Uniform(4)) == {"bits per token": pytest.approx(2)}


@pytest.mark.parametrize(
    ("ids", "dtype", "message"),
    [
        (
            [0.5, 1.0],
            "float32",
            " is an array of 2 float32; write it with numpy.save(FILE, ids), whole numbers in one dim",
        ),
        (
            [[1, 2], [3, 4]],
            "int64",
            " is an array of 2 x 2 int64; write it with numpy.save(FILE, ids), whole numbers in",
        ),
        (
            3,
            "int64",
            " is an array of one single int64; write it with numpy.save(FILE, ids), whole numbers in",
        ),
        (
            [True, False],
            "bool",
            " is an array of 2 bool; write it with numpy.save(FILE, ids), whole numbers in one dimension",
        ),
        ([], "int64", " is empty; write it with numpy.save(FILE, ids), whole numbers in one dimension"),
        ([5] * 900, "int64", " has the token 5 alone; name a file with different tokens"),
        ([1, 2] * 20, "int64", " has 40 tokens, too few for 20 streams: use 820 or more, or a smaller batch"),
    ],
)
def test_an_array_of_no_use_is_refused(ids: Any, dtype: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, ids, dtype)
    with pytest.raises(DataError) as raised:
        Tokens(path).prepare()
    assert str(raised.value).startswith(f"data file {path}{message}")
    assert "\n" not in str(raised.value)


def test_objects_are_refused_and_not_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "objects.npy"
    numpy.save(path, numpy.array([Pickled()], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"objects\.npy: it holds pickled objects; write it with numpy\.save"):
        Tokens(str(path)).prepare()
    assert not Pickled.unpickled
    numpy.load(path, allow_pickle=True)
    assert Pickled.unpickled


@pytest.mark.parametrize("content", [b"", b"1,2,3\n", b"\x93NUMPY\x01\x00", b"\x80\x04N."])
def test_what_is_no_array_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ids.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"ids\.npy: it is no whole \.npy file; write it with numpy\.save"):
        Tokens(str(path)).prepare()


def test_an_array_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = Path(write(tmp_path, IDS))
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"it is no whole \.npy file"):
        Tokens(str(path)).prepare()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.npy: No such file or directory; name a \.npy file$"):
        Tokens(str(tmp_path / "nothing.npy")).prepare()


@pytest.mark.parametrize("options", [{"batch": 0}, {"length": 0}, {"embedding": 0}, {"dropout": 1.0}])
def test_impossible_options_are_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="tokens needs batch, length and embedding of at least 1"):
        Tokens(**{"data": write(tmp_path, IDS), **options}).prepare()
    with pytest.raises(DataError, match=r"tokens needs a file: name --data FILE\.npy, whole numbers in one dimension$"):
        Tokens().prepare()


def test_a_perplexity_is_of_the_split(tmp_path: Path) -> None:
    ids = [*[0] * 756, *[1, 1, 1, 1, 1, 1] * 7, *[0] * 42]
    task = Tokens(write(tmp_path, ids), batch=4)
    biased = Uniform(2)
    biased.logits.data[1] = 2.0
    assert task.score(biased, "validation") == pytest.approx(1 + math.exp(-2))
    assert task.score(biased, "test") == pytest.approx(1 + math.exp(2))
