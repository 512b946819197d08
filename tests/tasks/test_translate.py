"""The translation task: whole targets count, SCAN's splits are the published ones, bad files are refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_search_spaces.gated import GRU
from cellsearch_tasks.parts.encoder_decoder import EncoderDecoder
from cellsearch_tasks.parts.ragged import PADDING
from cellsearch_tasks.translate import END, START, TASK, TOKENS, Pairs, Translate, _corpus
from tests.helpers.tasks.real_data import shared

LINES = "".join(f"IN: {'walk ' * n}twice OUT: {'I_WALK ' * (2 * n)}I_STOP\n" for n in range(1, 21))


def write(folder: Path, train: str = LINES, test: str = LINES, split: str = "simple") -> str:
    (folder / f"tasks_train_{split}.txt").write_text(train, encoding="utf-8")
    (folder / f"tasks_test_{split}.txt").write_text(test, encoding="utf-8")
    return str(folder)


class Oracle(EncoderDecoder):
    """Knows every target by its source, but errs in the last token of one."""

    def __init__(self, pairs: Pairs, wrong: int) -> None:
        super().__init__(GRU, 1, 99, 99, attention=False, dropout=0.0)
        self.known = {}
        for i in range(len(pairs.targets)):
            chosen = torch.tensor([i])
            target = pairs.targets.padded(chosen)[1:, 0].tolist()
            if i == wrong:
                target[-1] = START
            self.known[tuple(pairs.sources.padded(chosen)[:, 0].tolist())] = target

    def write(self, source: PackedSequence, start: int, steps: int) -> Tensor:
        assert start == START
        ids, lengths = pad_packed_sequence(source)
        written = torch.full((steps, len(lengths)), TOKENS)
        for i, length in enumerate(lengths.tolist()):
            target = self.known[tuple(ids[:length, i].tolist())]
            written[: len(target), i] = torch.tensor(target)
        return written


@pytest.mark.parametrize("attention", ["0", "1"])
def test_it_is_a_task(attention: str) -> None:
    check_task("translate", {"batch": "8", "attention": attention, "dropout": "0.1"})


@pytest.mark.parametrize("split", ["simple", "length"])
def test_a_folder_of_commands_is_a_task(split: str, tmp_path: Path) -> None:
    check_task("translate", {"data": write(tmp_path, split=split), "split": split, "batch": "8"})


@pytest.mark.parametrize("split", ["simple", "length"])
def test_scan_is_a_task(split: str) -> None:
    check_task("translate", {"data": shared("scan"), "split": split, "batch": "8"})


@pytest.mark.parametrize(
    ("split", "sizes", "longest"),
    [("simple", (15_056, 1_672, 4_182), (48, 48)), ("length", (15_291, 1_699, 3_920), (22, 48))],
)
def test_scan_has_the_published_counts(split: str, sizes: tuple[int, ...], longest: tuple[int, int]) -> None:
    corpus = _corpus(shared("scan"), split)
    assert (corpus.source_tokens, corpus.target_tokens) == (TOKENS + 13, TOKENS + 6)
    assert tuple(len(each.targets) for each in (corpus.train, corpus.validation, corpus.test)) == sizes
    lengths = tuple(int(each.targets.lengths.max()) - 2 for each in (corpus.train, corpus.test))
    assert lengths == longest


def test_dates_are_of_different_days_in_every_split() -> None:
    corpus = _corpus("", "simple")
    splits = (corpus.train, corpus.validation, corpus.test)
    assert [len(each.targets) for each in splits] == [10_000, 1_000, 1_000]
    days = {tuple(day) for each in splits for day in each.targets.padded(torch.arange(len(each.targets))).t().tolist()}
    assert len(days) == 12_000


def test_a_target_runs_from_start_to_end() -> None:
    for source, target in itertools.islice(TASK.batches(0), 5):
        assert target.shape == (12, int(source.batch_sizes[0]))
        assert (target[0] == START).all()
        assert (target[-1] == END).all()
        assert (target[1:-1] >= TOKENS).all()


def test_padding_costs_nothing(tmp_path: Path) -> None:
    task = Translate(write(tmp_path))
    model = task.model(GRU, 4)
    source, target = next(task.batches(0))
    longer = torch.cat([target, torch.full_like(target[:2], PADDING)])
    torch.testing.assert_close(task.loss(model, (source, target), None)[0], task.loss(model, (source, longer), None)[0])


@pytest.mark.parametrize("data", ["dates", "commands"])
def test_one_wrong_token_makes_one_target_wrong(data: str, tmp_path: Path) -> None:
    task = TASK if data == "dates" else Translate(write(tmp_path))
    test = _corpus(task.data, "simple").test
    assert task.score(Oracle(test, wrong=-1), "test") == 1.0
    assert task.score(Oracle(test, wrong=3), "test") == pytest.approx(1 - 1 / len(test.targets))


def test_targets_longer_than_in_training_are_reported_by_length(tmp_path: Path) -> None:
    longer = "".join(f"IN: {'walk ' * n}OUT:{' I_WALK' * n}\n" for n in (3, 50, 50, 60))
    task = Translate(write(tmp_path, test=longer))
    test = _corpus(task.data, "simple").test
    assert task.details(Oracle(test, wrong=3)) == {"accuracy at length 50": 1.0, "accuracy at length 60": 0.0}
    assert TASK.details(TASK.model(GRU, 2)) == {}


def test_counting_parameters_first_leaves_the_corpus_usable() -> None:
    _corpus.cache_clear()
    with torch.device("meta"):
        TASK.model(GRU, 4)
    assert _corpus("", "simple").train.sources.flat.device.type == "cpu"


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (
            LINES,
            "IN: walk OUT: \n",
            r"tasks_test_simple\.txt, line 1: 'IN: walk OUT: ' is no pair; write IN: jump OUT:",
        ),
        (LINES, LINES + "\n", r"tasks_test_simple\.txt, line 21: '' is no pair"),
        (LINES, "IN: fly twice OUT: I_WALK\n", "source token 'fly' is not in the training pairs"),
        (LINES, "IN: walk OUT: I_FLY\n", "target token 'I_FLY' is not in the training pairs"),
        ("IN: walk OUT: I_WALK\n", LINES, "has 1 pairs, too few to hold some out; use 10 or more"),
        ("", LINES, r"tasks_train_simple\.txt is empty"),
    ],
)
def test_unusable_files_are_refused_in_one_line(train: str, test: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as raised:
        Translate(write(tmp_path, train, test)).prepare()
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no tasks_train_length\.txt, tasks_test_length\.txt; name a folder"):
        Translate(str(tmp_path), split="length").prepare()


@pytest.mark.parametrize("options", [{"batch": 0}, {"attention": 2}, {"dropout": 1.0}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(DataError, match="translate needs batch of at least 1, attention 0 or 1 and dropout"):
        Translate(**options).prepare()  # type: ignore[arg-type]


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match="translate has no split 'jump'; use simple or length"):
        Translate(split="jump").prepare()
