"""A file of any notation is recognised by what is in it; what is no cell gets one line that names file and place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cellsearch.cell import identity, load, save, to_json
from cellsearch.cell.readers.darts import from_darts, from_enas
from cellsearch.cell.readers.files import MOST_BYTES_OF_LINES, from_file
from cellsearch.cell.readers.nasbench_nlp import from_nasbench_nlp
from cellsearch.errors import CellError
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.cell.recipes import MISSING, SAMPLE, Recipe

FIRST: Recipe = {
    "f": {"op": "linear", "input": ["x", "h_prev_0"]},
    "h_new_0": {"op": "activation_tanh", "input": ["f"]},
}
SECOND: Recipe = FIRST | {"h_new_0": {"op": "activation_sigm", "input": ["f"]}}
LOG = [{"recipe_id": 7, "recipe": FIRST}, {"recipe_id": "b", "recipe": json.dumps(SECOND), "status": "OK"}]
GENOTYPE = {"recurrent": [["relu", 0], ["tanh", 1]], "concat": [1, 2]}


def test_a_cell_file_is_the_cell(tmp_path: Path) -> None:
    save(LSTM, tmp_path / "cell.json")
    assert from_file(tmp_path / "cell.json") == load(tmp_path / "cell.json")


@pytest.mark.parametrize("text", [json.dumps(FIRST), json.dumps(FIRST, indent=2), f"\n {json.dumps([FIRST])}"])
def test_a_recipe_alone_imports(text: str, tmp_path: Path) -> None:
    assert _imported(text, tmp_path) == from_nasbench_nlp(FIRST)


@pytest.mark.parametrize("text", ["\n".join(map(json.dumps, LOG)), json.dumps(LOG), json.dumps(LOG, indent=1)])
def test_a_recipe_of_several_is_found_by_id_or_number(text: str, tmp_path: Path) -> None:
    assert (
        _imported(text, tmp_path, "7") == _imported(text, tmp_path, "1") == from_nasbench_nlp(FIRST, "nasbench_nlp_7")
    )
    assert (
        _imported(text, tmp_path, "b") == _imported(text, tmp_path, "2") == from_nasbench_nlp(SECOND, "nasbench_nlp_b")
    )
    with pytest.raises(CellError, match=r"file .*: it holds several cells; name one: '7', 'b'$"):
        _imported(text, tmp_path)
    with pytest.raises(CellError, match=r"file .*: it holds no 'c'; name one: '7', 'b'$"):
        _imported(text, tmp_path, "c")


def test_the_lines_after_the_wanted_one_are_not_read(tmp_path: Path) -> None:
    assert _imported(f"{json.dumps(LOG[0])}\n\n{{", tmp_path, "7") == from_nasbench_nlp(FIRST, "nasbench_nlp_7")
    with pytest.raises(CellError, match=r"file .*: line 3: not JSON: "):
        _imported(f"{json.dumps(LOG[0])}\n\n{{", tmp_path, "b")


@pytest.mark.skipif(not SAMPLE.is_file(), reason=MISSING)
def test_a_recipe_of_the_published_sample_is_found_by_its_id() -> None:
    cell = from_file(SAMPLE, "1000001")
    assert cell.name == "nasbench_nlp_1000001"
    assert list(cell.states) == ["h0", "h1"]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(GENOTYPE),
        repr(GENOTYPE),
        "Genotype(recurrent=[('relu', 0), ('tanh', 1)], concat=range(1, 3))",
        "  Genotype(recurrent=[('relu', 0), ('tanh', 1)], concat=range(1, 3))\n".strip() + "\n",
    ],
)
def test_a_genotype_imports(text: str, tmp_path: Path) -> None:
    assert _imported(text, tmp_path) == from_darts(GENOTYPE)


def test_a_genotype_of_several_is_found_by_its_name(tmp_path: Path) -> None:
    text = "A = Genotype([('tanh', 0)], [1])\nB = Genotype([('relu', 0)], [1])"
    assert identity(_imported(text, tmp_path, "B")) == identity(from_darts({"recurrent": [("relu", 0)], "concat": [1]}))
    with pytest.raises(CellError, match="it holds several cells; name one: 'A', 'B'"):
        _imported(text, tmp_path)


@pytest.mark.parametrize("text", ["0 0 1 1 3", "0, 0, 1\n1 3\n", "[0, 0, 1, 1, 3]", "(0, 0, 1, 1, 3)"])
def test_an_arc_imports(text: str, tmp_path: Path) -> None:
    assert _imported(text, tmp_path) == from_enas([0, 0, 1, 1, 3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is no cell file, recipe of NAS-Bench-NLP, genotype of DARTS or arc of ENAS; see `cellsearch import"),
        ("\n \n", "it is no cell file"),
        ("hello", "it is no cell file"),
        ("import os\nos.abort()", "it is no cell file"),
        ("null", "it is no cell file"),
        ("7.5", "7.5 is no cell file"),
        ("[]", "[] is no cell file"),
        ('["a"]', "entry 1: 'a' is no cell file"),
        ("{}", "{} is no cell file"),
        ("{", "not JSON: Expecting property name enclosed in double quotes in line 1"),
        ('{"f": 1}', "{'f': 1} is no cell file"),
        ('{"recipe": "{"}', "recipe 'nasbench_nlp': not JSON: "),
        ('{"recipe_id": [1], "recipe": 1}', "recipe 'nasbench_nlp': it must be an object, got 1"),
        (json.dumps(FIRST | {"f": 1}), "recipe 'nasbench_nlp': node 'f' must be an object, got 1"),
        (json.dumps(LOG[0]) + '\n{"recipe": 1}', "it holds several cells; name one: '7', '2'"),
        (json.dumps([FIRST | {"f": 1}]), "entry 1: recipe 'nasbench_nlp': node 'f' must be an object, got 1"),
        (
            json.dumps(GENOTYPE | {"concat": [3]}),
            "genotype 'darts': each of 'concat' must be a step from 0 to 2, got 3",
        ),
        ("Genotype(recurrent=[", "line 1 is no Python: '[' was never closed"),
        ("0 0", "arc 'enas': it has 2 numbers"),
        ("1" * 3_000_000, "arc 'enas': each number must be a whole number"),
        ("1" * 4_000_001, "larger than 4000000 characters, too large for a cell"),
        ("1" * 2_000_000 + "x", "it is no cell file"),
        (to_json(GRU).replace("cell/1", "cell/9"), "cell: schema 'cellsearch.cell/9' is not known"),
        (to_json(GRU).replace('"sigmoid"', '"sigmoidal"'), "unknown operation 'sigmoidal'"),
    ],
)
def test_what_is_no_cell_gets_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CellError) as raised:
        _imported(text, tmp_path)
    assert str(raised.value).startswith(f"file {tmp_path / 'file'}: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500 + len(str(tmp_path))


def test_a_file_that_is_too_large_or_no_text_or_none_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as stream:
        stream.truncate(MOST_BYTES_OF_LINES + 1)
    (tmp_path / "latin").write_bytes(b"\xff")
    for path, message in (
        (large, f"larger than {MOST_BYTES_OF_LINES} bytes"),
        (tmp_path / "latin", "not UTF-8"),
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ):
        with pytest.raises(CellError, match=f"file {path}: {message}"):
            from_file(path)


def _imported(text: str, folder: Path, name: str | None = None) -> Any:
    path = folder / "file"
    path.write_text(text, encoding="utf-8")
    return from_file(path, name)
