"""Arithmetic: without its letters the question is Python, and the answer is Python's."""

from __future__ import annotations

import re

import pytest

from cellsearch.errors import DataError
from cellsearch.testing.task import check_task
from cellsearch_tasks.arithmetic import CHARACTERS, TASK, Arithmetic
from cellsearch_tasks.parts.sequences import IGNORED
from tests.helpers.tasks.oracle import Oracle


def texts(task: Arithmetic) -> list[str]:
    """Question and answer of each sequence of a batch, the answer as the targets ask for it."""
    ids, targets = next(task.batches(0))
    found = []
    for read, asked in zip(ids.t().tolist(), targets.t().tolist(), strict=True):
        text = "".join(CHARACTERS[i] for i in read)
        answer = "".join(CHARACTERS[i] for i in asked if i != IGNORED)
        question = text[: text.index("=") + 1]
        assert (question + answer).startswith(text.rstrip(".")), "the model reads what it should have written"
        assert asked.index(CHARACTERS.index(answer[0])) == len(question) - 1, "the answer begins at the ="
        found.append(question + answer)
    return found


def value(question: str) -> int:
    first, operator, second = re.fullmatch(r"(-?\d+)([+-])(\d+)=", re.sub("[a-z]", "", question)).groups()  # type: ignore[union-attr]
    return int(first) + int(second) if operator == "+" else int(first) - int(second)


def calculator(ids: list[int]) -> list[int]:
    """Foretells the next character of the answer."""
    text = "".join(CHARACTERS[i] for i in ids)
    question = text[: text.index("=") + 1]
    answer = f"{value(question)}."
    following = text[1 : len(question)] + answer
    return [CHARACTERS.index(character) for character in following[: len(ids)].ljust(len(ids), ".")]


@pytest.mark.parametrize("options", [{}, {"length": "1", "distractors": "0"}, {"length": "8"}])
def test_it_is_a_task(options: dict[str, str]) -> None:
    check_task("arithmetic", {"batch": "8", **options})


@pytest.mark.parametrize("length", [1, 3, 8, 15])
@pytest.mark.parametrize("distractors", [0, 2, 5])
def test_the_answer_is_what_python_says(length: int, distractors: int) -> None:
    for text in texts(Arithmetic(length, 200, distractors)):
        question, _, answer = text.partition("=")
        assert answer == f"{value(question + '=')}."


def test_the_published_example_could_be_one() -> None:
    assert value("3e36d9-h1h39f94eeh43keg3c=") == -13991064
    assert len(CHARACTERS) == 40


def test_numbers_have_one_to_the_most_digits_and_both_signs() -> None:
    questions = [re.sub("[a-z]", "", text).partition("=")[0] for text in texts(Arithmetic(4, 2000))]
    numbers = [re.fullmatch(r"(-?)(\d+)([+-])(\d+)", question).groups() for question in questions]  # type: ignore[union-attr]
    for place in (1, 3):
        digits = [len(number[place]) for number in numbers]
        assert all(digits.count(n) == pytest.approx(500, abs=120) for n in (1, 2, 3, 4))
        assert all(number[place] == str(int(number[place])) for number in numbers), "no leading zeros"
        assert {number[place] for number in numbers if len(number[place]) == 1} == set("0123456789")
    assert {number[0] for number in numbers} == {"", "-"}
    assert {number[2] for number in numbers} == {"+", "-"}


def test_letters_come_after_any_character_but_the_last() -> None:
    runs = [len(run) for text in texts(Arithmetic(3, 500, distractors=3)) for run in re.findall("[a-z]+", text)]
    assert set(runs) == {1, 2, 3}
    assert not any(re.match("[a-z]", text) for text in texts(Arithmetic(3, 500)))
    assert not any(re.search("[a-z]", text) for text in texts(Arithmetic(3, 500, distractors=0)))


def test_a_calculator_is_always_right() -> None:
    assert TASK.score(Oracle(40, calculator), "validation") == 1
    assert TASK.details(Oracle(40, calculator)) == {"accuracy at length 6": 1.0, "accuracy at length 12": 1.0}


def test_impossible_options_are_refused() -> None:
    with pytest.raises(DataError, match="arithmetic needs distractors of at least 0, got -1"):
        Arithmetic(distractors=-1).prepare()
