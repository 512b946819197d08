"""Tasks as they are named in a list: references with options of their own, and options for all that have them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from cellsearch import plugins
from cellsearch.errors import UnknownNameError
from cellsearch.training import named_task, named_tasks, split_task
from cellsearch_tasks.adding import Adding
from cellsearch_tasks.parity import Parity


def test_a_text_is_a_reference_and_options_of_its_own() -> None:
    assert split_task("adding") == ("adding", {})
    assert split_task("adding@length=7,batch=3") == ("adding", {"length": "7", "batch": "3"})
    assert split_task("/home/me@here/my.py:TASK") == ("/home/me@here/my.py:TASK", {})
    assert split_task("/home/me@here/my.py:TASK@length=7") == ("/home/me@here/my.py:TASK", {"length": "7"})
    assert named_task("adding@length=7,batch=3", {}).task == Adding(7, 3)


def test_a_task_itself_goes_by_the_name_that_its_module_has_for_it(tmp_path: Path) -> None:
    assert named_task(Adding(length=7), {}).text == "adding@length=7"
    assert named_task(plugins.load(plugins.TASKS, "parity"), {}).text == "parity"
    assert [each.text for each in named_tasks(Parity(), {})] == ["parity"]
    file = tmp_path / "mine.py"
    file.write_text("from cellsearch_tasks.parity import Parity\nclass Mine(Parity): ...\nTASK = Mine()\n")
    mine = plugins.load(plugins.TASKS, f"{file}:TASK")
    assert named_task(mine, {}).text == f"{file}:TASK"
    assert [each.task for each in named_tasks([mine, "adding"], {})] == [mine, Adding()]


@pytest.mark.parametrize("given", [Parity, 3, None, nn.Linear(1, 1)])
def test_what_no_other_process_finds_is_refused_in_one_line(given: Any) -> None:
    with pytest.raises(UnknownNameError, match=r"a task's name is expected, got .* or my_file.py:TASK") as raised:
        named_task(given, {})
    assert "\n" not in str(raised.value)


def test_a_tasks_own_option_counts_more_than_one_beside_it() -> None:
    found = named_task("adding@length=7", {"length": "9", "batch": "3"})
    assert found.task == Adding(7, 3) and found.text == "adding@batch=3,length=7"


def test_data_that_is_a_path_is_found_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "JSB.mat").touch()
    monkeypatch.chdir(tmp_path)
    absolute = {"data": str(tmp_path / "JSB.mat")}
    assert (
        named_task("jsb@data=JSB.mat", {}).options == named_task("jsb", {"data": Path("JSB.mat")}).options == absolute
    )
    assert named_task("jsb@data=default", {}).options == {"data": "default"}
    assert named_task("jsb@data=", {}).options == {"data": ""}


@pytest.mark.parametrize("length", [10, "10", "010", np.int64(10)])
def test_an_option_is_the_same_however_it_was_written(length: object) -> None:
    found = named_task("adding", {"length": length})
    assert (found.options, found.text, found.task) == ({"length": "10"}, "adding@length=10", Adding(10))
    assert named_task(f"adding@length={length}", {}) == found


def test_an_option_beside_goes_to_each_task_that_has_it() -> None:
    found = named_tasks(["adding", "parity", "dyck@length=8"], {"length": "6", "batch": "3"})
    assert [each.text for each in found] == [
        "adding@batch=3,length=6",
        "parity@batch=3,length=6",
        "dyck@batch=3,length=8",
    ]
    some = named_tasks(["cellsearch.testing.troubled_task:TASK", "parity"], {"length": "6"})
    assert some[0].options == {} and some[1].task == Parity(length=6)


def test_every_task_has_a_folder_of_its_own_that_any_file_system_takes() -> None:
    texts = ["adding", "adding@length=7,batch=3", "a/b.py:TASK", "a-b.py:TASK", f"adding@batch={'7' * 300}"]
    (plain, own), odd = [named_task(text, {}).folder for text in texts[:2]], texts[2:]
    assert (plain, own) == ("adding", "adding@batch=3,length=7")
    folders = [type(named_task("adding", {}))(*split_task(text), Adding()).folder for text in odd]
    assert len(set(folders)) == 3 and all(len(each) < 100 and not set(each) & set("/:\\") for each in folders)


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        ([], {}, "no task is named; name one or more, as chars or digits@permuted=1"),
        (["adding", "nothing"], {}, "unknown task 'nothing'; use adding, "),
        (["adding@length"], {}, "task 'adding@length': option 'length' has no value; write length=VALUE"),
        (["parity", "adding@depth=1"], {}, "task 'adding' has no option 'depth'; its options: length, batch"),
        (["parity", "adding@length=long"], {}, "task 'adding': length must be int, got 'long'"),
        (
            ["adding", "parity"],
            {"colour": "red"},
            "none of the tasks adding, parity has an option 'colour'; their options: batch, length",
        ),
        (["adding", "parity", "adding"], {}, "task 'adding' is named twice; name each task once"),
        (["adding", "adding@length=30"], {}, "task 'adding@length=30' is named twice; name each task once"),
    ],
)
def test_a_list_that_cannot_be_is_refused_in_one_line(texts: list[str], options: dict[str, str], message: str) -> None:
    with pytest.raises(UnknownNameError) as refused:
        named_tasks(texts, options)
    assert message in str(refused.value) and "\n" not in str(refused.value)
