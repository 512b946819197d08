"""The classification task: documents of every length, classes that training knows, words that it has seen twice."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from cellsearch.cell import to_json
from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch.training import Budget, Evaluation, Hyperparameters, evaluate
from cellsearch_search_spaces.gated import GRU, LSTM
from cellsearch_tasks.classify import PASSAGE, SECTIONS, TASK, UNKNOWN, WORDS, Classify, Documents, _corpus, _passages
from cellsearch_tasks.parts.ragged import ragged
from tests.helpers.tasks.real_data import shared

TRAIN = "".join(f"{i % 3} what is number {i} ?\n" for i in range(60))
TEST = "0 what is number 3 ?\n1 what is number 4 ?\n2 what ?\n"


def write(folder: Path, train: str = TRAIN, test: str = TEST) -> str:
    (folder / "TREC.train.all").write_bytes(train.encode("latin-1"))
    (folder / "TREC.test.all").write_bytes(test.encode("latin-1"))
    return str(folder)


class Always(nn.Module):
    """Answers one class."""

    def __init__(self, classes: int, answer: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.eye(classes)[answer], requires_grad=False)

    def forward(self, words: PackedSequence) -> Tensor:
        return self.logits.expand(int(words.batch_sizes[0]), -1)


def test_it_is_a_task() -> None:
    check_task("classify", {"batch": "8", "dropout": "0.2"})


def test_a_folder_of_questions_is_a_task(tmp_path: Path) -> None:
    check_task("classify", {"data": write(tmp_path), "batch": "8"})


def test_trec_is_a_task() -> None:
    check_task("classify", {"data": shared("trec"), "batch": "8"})


def test_trec_has_the_published_counts() -> None:
    corpus = _corpus(shared("trec"))
    assert corpus.classes == 6
    assert [len(split.labels) for split in (corpus.train, corpus.validation, corpus.test)] == [4_907, 545, 500]


def test_passages_have_a_section_and_a_length_each() -> None:
    splits = _passages()
    counts = [Counter(label for label, _ in split) for split in splits]
    assert all(len(count) == SECTIONS for count in counts)
    assert [sum(count.values()) > least for count, least in zip(counts, (2_000, 200, 200), strict=True)] == [True] * 3
    for _, words in itertools.chain(*splits):
        assert 1 <= len(words) <= PASSAGE[1]
    lengths = {len(words) for _, words in splits[0]}
    assert len(lengths) > PASSAGE[1] - PASSAGE[0]


def test_a_pass_shows_every_document_with_its_class() -> None:
    train = _corpus("").train
    one_pass = list(itertools.islice(TASK.batches(0), -(-len(train.labels) // TASK.batch)))
    assert all(len(labels) == int(words.batch_sizes[0]) <= TASK.batch for words, labels in one_pass)
    assert torch.equal(torch.cat([labels for _, labels in one_pass]).bincount(), train.labels.bincount())
    read = torch.cat([words.data for words, _ in one_pass])
    assert torch.equal(read.bincount(), train.words.flat[: int(train.words.lengths.sum())].bincount())


def test_words_seen_once_are_unknown(tmp_path: Path) -> None:
    corpus = _corpus(write(tmp_path))
    assert corpus.vocabulary == WORDS + len(["what", "is", "number", "?"])
    assert set(corpus.train.words.flat.tolist()) == {UNKNOWN, *range(WORDS, corpus.vocabulary)}


@pytest.mark.parametrize("split", ["validation", "test"])
def test_always_the_same_answer_is_right_as_often_as_its_class(split: str) -> None:
    documents: Documents = getattr(_corpus(""), split)
    share = float((documents.labels == 3).float().mean())
    assert TASK.score(Always(SECTIONS, 3), split) == pytest.approx(share)


def test_a_document_is_read_the_same_in_any_company() -> None:
    model = TASK.model(GRU, 5)
    documents = [[2, 3, 4], [5], [6, 7, 8, 9, 10, 11]]
    together = model(ragged(documents).packed(torch.arange(3)))
    alone = torch.cat([model(ragged([each]).packed(torch.tensor([0]))) for each in documents])
    torch.testing.assert_close(together, alone)


def test_counting_parameters_first_leaves_the_corpus_usable() -> None:
    _corpus.cache_clear()
    with torch.device("meta"):
        TASK.model(GRU, 4)
    corpus = _corpus("")
    assert {corpus.train.words.flat.device.type, corpus.train.labels.device.type} == {"cpu"}


@pytest.mark.slow
def test_an_lstm_learns_the_sections() -> None:
    *_, last = evaluate(Evaluation("classify", to_json(LSTM), Budget(150_000, 150), Hyperparameters(1e-2), seed=0))
    assert last.score > 0.4


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (TRAIN, "x what ?\n", r"TREC\.test\.all, line 1: 'x what \?' is not a class digit and words; write both"),
        (TRAIN + "\n1 what\n", TEST, r"TREC\.train\.all, line 61: '' is not a class digit and words"),
        (TRAIN, "1\n", r"TREC\.test\.all, line 1: '1' is not a class digit and words"),
        (TRAIN, "7 what ?\n", r"class 7 is not in TREC\.train\.all; use the same classes"),
        ("0 what ?\n", TEST.replace("1", "0").replace("2", "0"), "has 1 documents, too few to hold some out"),
        ("", TEST, r"TREC\.train\.all is empty"),
        (TRAIN, " \n", r"TREC\.test\.all is empty"),
    ],
)
def test_unusable_files_are_refused_in_one_line(train: str, test: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as raised:
        Classify(write(tmp_path, train, test)).prepare()
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no TREC\.train\.all, TREC\.test\.all; name a folder with"):
        Classify(str(tmp_path)).prepare()


@pytest.mark.parametrize("options", [{"batch": 0}, {"embedding": 0}, {"dropout": -0.1}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(DataError, match="classify needs batch and embedding of at least 1 and dropout"):
        Classify(**options).prepare()  # type: ignore[arg-type]
