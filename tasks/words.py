"""Word-level language modelling, the benchmark of Penn Treebank and WikiText-2; metric: perplexity, lower is better.

Data in the format of both: a folder with a train, a valid and a test file of words between blanks, rare words as
`<unk>`, and the end of a line as a word of its own, `<eos>`. `wikitext2` (Merity et al. 2016; 2,088,628 training words,
33,278 distinct) is downloaded; Penn Treebank (Mikolov et al. 2010; 929,589 words, 10,000 distinct) has a licence, so
name its folder. By default the words and signs of the language reference that every CPython carries, each paragraph
once: about 71,000 words, 2,900 distinct, 90, 5 and 5 percent in order, words seen once in training as `<unk>`.

Published test perplexities: Penn Treebank, two layers of 650: LSTM 82.7 (Zaremba et al. 2014), three layers: LSTM 57.3
(Merity et al. 2017); WikiText-2, one layer of 1,024: LSTM 99.3 (Grave et al. 2016), three layers: LSTM 91.5, GRU 103.5,
RNN 170.3 (Klyuchnikov et al. 2020, NAS-Bench-NLP).

The model's embedding is its output layer too (see `token_model`), and training carries its states from one step to the
next (see `streams`).

ids: [T, B] time, batch; logits: [T, B, words]
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cellsearch.errors import DataError
from cellsearch.training.dataset import Dataset, Remote, locate, read_text, text_pieces
from cellsearch.training.shared import shared

from .parts.streams import SHORTEST, Corpus, numbers, words
from .parts.token_model import TokenTask

WIKITEXT2 = Dataset(
    "wikitext2",
    (
        Remote(
            "wikitext-2-v1.zip",
            "https://wikitext.smerity.com/wikitext-2-v1.zip",
            "92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",
        ),
    ),
)

NAMES = ("{}.txt", "ptb.{}.txt", "wiki.{}.tokens", "wikitext-2/wiki.{}.tokens")
"""How published folders name the file of a split."""

UNKNOWN, END = "<unk>", "<eos>"


@dataclass(frozen=True)
class Words(TokenTask):
    """The task; `data` is a folder or `wikitext2`, empty for the language reference; `embedding` is a word's size."""

    data: str = ""
    batch: int = 20
    length: int = 35
    embedding: int = 64
    dropout: float = 0.0

    name: ClassVar[str] = "words"

    def prepare(self) -> None:
        """Read the corpus. Raises DataError if a split is missing, empty, too short or has words that train lacks."""
        self.check_options()
        for split in ("train", "validation", "test"):
            count = len(getattr(self.corpus, split))
            if count <= SHORTEST * self.batch:
                raise DataError(
                    f"data {self.data!r} has {count} words to {split}, too few for {self.batch} streams: "
                    f"use at least {SHORTEST * self.batch + 1}, or a smaller batch"
                )

    @property
    def corpus(self) -> Corpus:
        """The tokens that train, validate and test, read once."""
        return _corpus(self.data)


TASK = Words()


@shared
def _corpus(data: str) -> Corpus:
    return _folder(locate(WIKITEXT2, data)) if data else _language_reference()


def _folder(folder: Path) -> Corpus:
    train, validation, test = (_file(folder, split) for split in ("train", "valid", "test"))
    vocabulary: defaultdict[str, int] = defaultdict()
    vocabulary.default_factory = vocabulary.__len__  # a new word has the next number
    ids = _ids(train, vocabulary)
    vocabulary.default_factory = None
    held_out = [_known(file, vocabulary) for file in (validation, test)]
    return Corpus(len(vocabulary), *(numbers(each, len(vocabulary)) for each in (ids, *held_out)))


def _file(folder: Path, split: str) -> Path:
    names = [name.format(split) for name in NAMES]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"data folder {folder} has no {split} file; name one with {', '.join(names[:-1])} or the like")


def _ids(file: Path, vocabulary: Mapping[str, int]) -> array[int]:
    ids = array("i")
    for some in words(text_pieces(file), END):
        ids.extend(map(vocabulary.__getitem__, some))
    return ids


def _known(file: Path, vocabulary: Mapping[str, int]) -> array[int]:
    """The same of a file whose words are all known. Raises DataError, which names the line of one that is not."""
    try:
        return _ids(file, vocabulary)
    except KeyError as error:
        word = error.args[0]
    line = next(i for i, text in enumerate(read_text(file).split("\n"), 1) if word in text.split())
    raise DataError(
        f"data file {file}, line {line}: {word!r} is not in the training file; write {UNKNOWN} for unknown words"
    )


def _language_reference() -> Corpus:
    from pydoc_data.topics import topics

    # Sections repeat parts of each other: each paragraph counts once, so that none to test is one of training.
    parts = (part for name in sorted(topics) for part in topics[name].split("\n\n"))
    paragraphs = dict.fromkeys(tuple(re.findall(r"\w+|[^\w\s]+", part)) for part in parts)
    text = [word for paragraph in paragraphs for word in paragraph]
    train, validation = 18 * len(text) // 20, 19 * len(text) // 20
    counts = Counter(text[:train])
    vocabulary = {word: i for i, word in enumerate([UNKNOWN, *sorted(w for w, count in counts.items() if count > 1)])}
    ids = numbers(array("i", [vocabulary.get(word, 0) for word in text]), len(vocabulary))
    return Corpus(len(vocabulary), ids[:train], ids[train:validation], ids[validation:])
