"""XML modelling: documents that are well-formed, written by the published rule, and read as streams that go on."""

from __future__ import annotations

import itertools
import random
import xml.etree.ElementTree
from collections import Counter

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_tasks.xml import CHARACTERS, SIZES, TASK, Xml, _corpus, document
from tests.helpers.tasks.carried import check_states_are_carried


def documents(count: int) -> list[str]:
    generator = random.Random(0)
    return [document(generator)[0] for _ in range(count)]


class Reader(nn.Module):
    """Foretells what can be; it forgets the names that it read, or it does not."""

    def __init__(self, remembers: bool) -> None:
        super().__init__()
        self.remembers = remembers
        self.sure = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, ids: Tensor, states: object = None) -> tuple[Tensor, None]:
        columns = [self._column("".join(CHARACTERS[i] for i in column)) for column in ids.t().tolist()]
        return self.sure * F.one_hot(torch.tensor(columns).t(), len(CHARACTERS)), None

    def _column(self, text: str) -> list[int]:
        open_tags, read = list[str](), ""
        answers = []
        for character in text:
            read += character
            if character == ">":
                if read.startswith("</"):
                    assert read == f"</{open_tags.pop()}>"
                else:
                    open_tags.append(read[1:-1])
                read, answer = "", "<"
            elif read == "<":
                answer = "/" if open_tags else "a"
            elif read.startswith("</") and self.remembers:
                answer = f"{open_tags[-1]}>"[len(read) - 2]
            else:
                answer = ">" if len(read) >= 9 else "a"
            answers.append(CHARACTERS.index(answer))
        return answers


def test_it_is_a_task() -> None:
    check_task("xml", {"batch": "4", "length": "10"})


def test_every_document_is_well_formed() -> None:
    for text in documents(300):
        root = xml.etree.ElementTree.fromstring(f"<all>{text}</all>")
        assert len(root) >= 1
        assert all(2 <= len(element.tag) <= 10 and element.tag.islower() for element in root.iter())


def test_tags_are_opened_with_probability_one_half_and_at_most_fifty_turns() -> None:
    turns = Counter(text.count("</") for text in documents(4000))
    # A document of one tag is opened, closed and ended: a quarter. One of two has five turns, in two orders: an eighth
    # and a sixteenth, less the turn that the end of <a><b></b></a> and <a></a><b></b> takes.
    assert turns[1] / 4000 == pytest.approx(1 / 4, abs=0.03)
    assert turns[2] / 4000 == pytest.approx(2 / 16, abs=0.03)
    assert max(turns) <= 50


def test_depths_mark_the_names_of_closing_tags() -> None:
    text, depths = document(random.Random(5))
    assert len(text) == len(depths)
    marked = "".join(character if depth else " " for character, depth in zip(text, depths, strict=True)).split()
    closed = [part.partition(">")[0] + ">" for part in text.split("</")[1:]]
    assert marked == closed
    assert max(depths) == max(itertools.accumulate(1 - 2 * (part[0] == "/") for part in text.split("<")[1:]))


def test_the_corpora_have_their_sizes_and_differ() -> None:
    for split, size in SIZES.items():
        ids, depths = _corpus(split)
        assert ids.shape == depths.shape == size
    assert not torch.equal(_corpus("validation")[0], _corpus("test")[0])


def test_streams_go_on_from_batch_to_batch_within_a_pass() -> None:
    last, passes = None, 0
    for ids, following, goes_on in itertools.islice(Xml(length=50, batch=10_000).batches(3), 9):
        assert torch.equal(ids[1:], following[:-1])
        if goes_on:
            assert last is not None
            assert torch.equal(ids[0], last[-1])
        passes += not goes_on
        last = following
    assert passes == 3


def test_states_are_carried_within_a_pass_only() -> None:
    check_states_are_carried(Xml(length=10, batch=4))


def test_a_perfect_memory_foretells_what_the_docstring_says_and_none_much_less() -> None:
    assert TASK.score(Reader(remembers=True), "validation") == pytest.approx(0.61, abs=0.01)
    assert TASK.score(Reader(remembers=False), "validation") == pytest.approx(0.24, abs=0.02)


def test_details_tell_of_closing_tags_by_depth() -> None:
    details = TASK.details(Reader(remembers=True))
    assert list(details) == [f"closing tags at depth {depth}" for depth in ("1", "2 to 3", "4 to 7", "8 and deeper")]
    assert set(details.values()) == {1.0}
    assert all(share < 0.3 for share in TASK.details(Reader(remembers=False)).values())


@pytest.mark.parametrize("options", [{"batch": 0}, {"length": 0}, {"length": 10**6}])
def test_impossible_options_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(DataError, match="xml needs batch at least 1 and length 1 to"):
        Xml(**options).prepare()
