"""The character task: real text, split in order, read as streams that go on from batch to batch."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from pydoc_data.topics import topics

import pytest
import torch
from torch import nn

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_search_spaces.gated import LSTM
from cellsearch_tasks.chars import SPLITS, TASK, WINDOW, Chars, _corpus
from tests.helpers.memory import measured
from tests.helpers.tasks.carried import check_states_are_carried

TEXT = "".join(f"{i} is a number, and {i * i} is its square. " for i in range(400))


@pytest.fixture
def text_file(tmp_path: Path) -> str:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return str(path)


class Uniform(nn.Module):
    """Gives every character the same probability."""

    def __init__(self, characters: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(characters), requires_grad=False)

    def forward(self, ids: torch.Tensor, states: object = None) -> tuple[torch.Tensor, None]:
        return self.logits.expand(*ids.shape, -1), None


def test_it_is_a_task() -> None:
    check_task("chars", {"batch": "8", "length": "16"})


def test_a_text_file_makes_a_task(text_file: str) -> None:
    check_task("chars", {"data": text_file, "batch": "4", "length": "10"})


def test_the_corpus_is_the_language_reference_split_in_order() -> None:
    corpus = _corpus("")
    size = corpus.size
    assert size > 400_000
    assert size == len("\n".join(topics.values()))
    assert len(corpus.train) == pytest.approx(0.9 * size, abs=1)
    assert len(corpus.validation) == pytest.approx(0.05 * size, abs=1)
    assert len(corpus.test) == pytest.approx(0.05 * size, abs=1)


def test_the_splits_of_a_file_put_together_are_the_file(text_file: str) -> None:
    corpus = _corpus(text_file)
    alphabet = sorted(set(TEXT))
    assert corpus.tokens == len(alphabet)
    assert "".join(alphabet[i] for i in torch.cat([corpus.train, corpus.validation, corpus.test])) == TEXT


def test_a_batch_asks_for_the_next_character(text_file: str) -> None:
    task = Chars(text_file, batch=3, length=7)
    for ids, following, _ in itertools.islice(task.batches(0), 100):
        assert ids.shape == following.shape == (7, 3)
        assert torch.equal(ids[1:], following[:-1])


def test_streams_go_on_from_batch_to_batch_within_a_pass(text_file: str) -> None:
    last = None
    passes = 0
    for ids, following, goes_on in itertools.islice(Chars(text_file, batch=5, length=16).batches(3), 400):
        if goes_on:
            assert last is not None
            assert torch.equal(ids[0], last[-1])
        else:
            passes += 1
        last = following
    assert passes > 1


def test_a_pass_reads_nearly_all_of_the_training_text(text_file: str) -> None:
    task = Chars(text_file, batch=4, length=10)
    batches = iter(task.batches(0))
    read = next(batches)[0].numel() + sum(
        ids.numel() for ids, _, _ in itertools.takewhile(lambda batch: batch[2], batches)
    )
    size = len(_corpus(text_file).train)
    assert size - task.batch * (task.length + 1) <= read <= size


def test_states_are_carried_within_a_pass_only(text_file: str) -> None:
    check_states_are_carried(Chars(text_file, batch=4, length=10))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_uniform_guess_costs_the_logarithm_of_the_alphabet(split: str) -> None:
    characters = _corpus("").tokens
    assert TASK.score(Uniform(characters), split) == pytest.approx(math.log2(characters), abs=1e-4)


def test_a_score_in_windows_is_that_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text(TEXT * 4, encoding="utf-8")
    task = Chars(str(path), batch=2)
    model = task.model(LSTM, 6)
    text = _corpus(str(path)).test.long()
    stream = (len(text) - 1) // 2
    assert stream > WINDOW
    with torch.no_grad():
        logits, _ = model(text[: 2 * stream].view(2, stream).t())
        following = text[1 : 2 * stream + 1].view(2, stream).t()
        whole = nn.functional.cross_entropy(logits.flatten(0, 1), following.flatten()) / math.log(2)
        assert task.score(model, "test") == pytest.approx(float(whole), rel=1e-5)


def test_counting_parameters_first_leaves_the_corpus_usable(text_file: str) -> None:
    _corpus.cache_clear()
    with torch.device("meta"):
        Chars(text_file).model(LSTM, 4)
    assert _corpus(text_file).train.device.type == "cpu"


def test_a_large_text_needs_hardly_more_memory_than_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_text(TEXT * 500, encoding="utf-8")
    with measured() as peak:
        corpus = _corpus(str(path))
    assert corpus.size > 7_000_000
    assert corpus.train.dtype == torch.uint8
    assert peak() < 10_000_000, peak()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist; name a file such as input.txt, or 'tinyshakespeare' for the official download"),
        (b"", "is empty; name a file with text"),
        (b" \n\t ", "is empty; name a file with text"),
        (b"caf\xe9 au lait", r"not UTF-8 text \(byte 3\); convert it"),
        (b"short", "has 5 characters, too few for 32 streams: use a text of 1300, or a smaller batch"),
    ],
)
def test_unusable_data_is_refused_in_one_line(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        Chars(str(path)).prepare()
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no input\.txt"):
        Chars(str(tmp_path)).prepare()


@pytest.mark.parametrize("options", [{"batch": 0}, {"length": 0}, {"batch": -1}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(DataError, match="chars needs batch and length of at least 1"):
        Chars(**options).prepare()


@pytest.mark.parametrize("batch", [1, 2, 7, 32])
def test_the_shortest_text_that_is_accepted_trains_and_scores(batch: int, tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    shortest = SPLITS * (2 * batch + 1)
    path.write_text(TEXT[:shortest], encoding="utf-8")
    check_task("chars", {"data": str(path), "batch": str(batch)})
    path = tmp_path / "shorter.txt"
    path.write_text(TEXT[: shortest - SPLITS], encoding="utf-8")
    with pytest.raises(DataError, match="too few"):
        Chars(str(path), batch).prepare()
