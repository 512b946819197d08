"""The word task: published formats, one vocabulary, perplexity, and unusable folders refused in one line."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch.training import hidden_size_for
from cellsearch_search_spaces.gated import LSTM
from cellsearch_tasks.words import TASK, WIKITEXT2, Words, _corpus
from tests.helpers.memory import measured
from tests.helpers.tasks.real_data import shared

SENTENCE = "the cat sat on the <unk> mat\n"

OPTIONS = {"batch": "4", "length": "5", "embedding": "8"}


def write(folder: Path, form: str = "{}.txt", **texts: str) -> str:
    for split in ("train", "valid", "test"):
        path = folder / form.format(split)
        path.parent.mkdir(exist_ok=True)
        path.write_text(texts.get(split, SENTENCE * 20), encoding="utf-8")
    return str(folder)


class Uniform(nn.Module):
    """Gives every word the same probability."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(words), requires_grad=False)

    def forward(self, ids: Tensor, states: object = None) -> tuple[Tensor, None]:
        return self.logits.expand(*ids.shape, -1), None


def test_it_is_a_task() -> None:
    check_task("words", {"batch": "8", "length": "8"})


def test_dropout_is_an_option_of_a_task(tmp_path: Path) -> None:
    data = write(tmp_path, test=SENTENCE * 10 + "on the mat the cat sat\n" * 10)
    check_task("words", {"data": data, "dropout": "0.5", **OPTIONS})


@pytest.mark.parametrize("form", ["{}.txt", "ptb.{}.txt", "wiki.{}.tokens", "wikitext-2/wiki.{}.tokens"])
def test_the_published_names_of_files_are_known(form: str, tmp_path: Path) -> None:
    corpus = _corpus(write(tmp_path, form))
    assert corpus.tokens == len({*SENTENCE.split(), "<eos>"}) == 7
    assert corpus.size == 3 * 20 * 8


def test_the_official_archive_is_unpacked_as_it_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(write(tmp_path, "wikitext-2/wiki.{}.tokens"))
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted(folder.rglob("*.tokens")):
            archive.write(file, file.relative_to(folder))
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert _corpus(str(tmp_path / "unpacked")).tokens == 7
    assert [remote.name for remote in WIKITEXT2.files] == ["wikitext-2-v1.zip"]


def test_a_large_text_needs_hardly_more_memory_than_its_numbers(tmp_path: Path) -> None:
    data = write(tmp_path, train=SENTENCE * 100_000)
    with measured() as peak:
        assert len(_corpus(data).train) == 800_000
    assert peak() < 20_000_000, peak()


def test_the_language_reference_has_one_vocabulary() -> None:
    corpus = _corpus("")
    assert corpus.size > 60_000
    assert 2_000 < corpus.tokens < 4_000
    for split in (corpus.train, corpus.validation, corpus.test):
        assert 0 <= int(split.min()) <= int(split.max()) < corpus.tokens
    assert 0.005 < float((corpus.validation == 0).float().mean()) < 0.2


def test_no_long_passage_of_the_language_reference_is_in_two_splits() -> None:
    corpus = _corpus("")
    trained = {tuple(window) for window in corpus.train.unfold(0, 10, 1).tolist()}
    for split in (corpus.validation, corpus.test):
        known = [tuple(window) in trained for window in split.unfold(0, 10, 1).tolist()]
        assert sum(known) < 0.02 * len(known)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_uniform_guess_has_the_perplexity_of_the_vocabulary(split: str) -> None:
    words = _corpus("").tokens
    assert TASK.score(Uniform(words), split) == pytest.approx(words, rel=1e-4)


def test_the_embedding_is_the_output_layer_too() -> None:
    model = TASK.model(LSTM, 16)
    sizes = {name: tuple(array.shape) for name, array in model.named_parameters()}
    words = _corpus("").tokens
    assert [name for name, size in sizes.items() if words in size] == ["bias", "embedding.weight"]
    assert hidden_size_for(TASK, LSTM, TASK.parameters) > 16


def test_counting_parameters_first_leaves_the_corpus_usable() -> None:
    _corpus.cache_clear()
    with torch.device("meta"):
        TASK.model(LSTM, 4)
    assert _corpus("").train.device.type == "cpu"


@pytest.mark.slow
def test_wikitext2_has_the_published_counts() -> None:
    corpus = _corpus(shared("wikitext2"))
    assert corpus.tokens == 33_278
    assert [len(split) for split in (corpus.train, corpus.validation, corpus.test)] == [2_088_628, 217_646, 245_569]


def test_a_named_data_set_that_cannot_be_reached_tells_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CELLSEARCH_DATA", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"https://wikitext.* cannot be downloaded .*; get wikitext-2-v1\.zip"):
        Words("wikitext2").prepare()
    assert list((tmp_path / "wikitext2").iterdir()) == []


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"valid": "the cat sat\n" * 20 + "the dog\n"}, "line 21: 'dog' is not in the training file; write <unk>"),
        ({"test": " \n"}, "is empty"),
        ({"test": "the cat\n" * 3}, "9 words to test, too few for 20 streams: use at least 41, or a smaller batch"),
        ({"train": "the cat sat on <unk> mat\n"}, "7 words to train, too few for 20 streams"),
    ],
)
def test_unusable_text_is_refused_in_one_line(texts: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as raised:
        Words(write(tmp_path, **texts)).prepare()
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_without_a_split_is_refused(tmp_path: Path) -> None:
    (Path(write(tmp_path)) / "valid.txt").unlink()
    with pytest.raises(DataError, match=r"has no valid file; name one with valid\.txt, ptb\.valid\.txt"):
        Words(str(tmp_path)).prepare()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    with pytest.raises(DataError, match="is a file; name an unpacked folder"):
        Words(str(tmp_path / "text")).prepare()


@pytest.mark.parametrize("options", [{"batch": 0}, {"length": 0}, {"embedding": 0}, {"dropout": 1.0}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(DataError, match="words needs batch, length and embedding of at least 1 and dropout"):
        Words(**options).prepare()  # type: ignore[arg-type]
