"""Whatever a file holds, it is read as a cell or refused in one line that names the place; nothing of it is run."""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cellsearch.cell import Cell, from_json, load, to_json
from cellsearch.cell.readers.files import MOST_ENTRIES, from_file
from cellsearch.errors import CellError
from cellsearch.plugins import seeds
from tests.helpers.cell.mutations import ODD, mutated_json, mutated_text
from tests.helpers.cell.recipes import random_recipe, sample
from tests.helpers.exhaustive import many

LONGEST = 700
"""Characters of an error, at most, beside the file's path."""

SECONDS = 10.0
"""Time of the processor that reading one file may take: some hundred times what it takes."""

PLACE = re.compile(
    r"'[^']|line \d|entry \d|step \d|cell .* has (no|\d)|it has \d+ numbers|it holds|the file must|not UTF-8"
    r"|the text is|(larger|more) than \d"
    r"|each number must|is no cell file|nested too deeply|cannot be read|digits|must be an? "
)
"""What tells the place in a file: the name of a node, field or step, the line, or that it is the file itself."""

WEIGHTS = (9, 9, 2, 1, 1)
"""How often each kind of file is drawn: see `_subjects`."""

RUNNING = ("exec", "import", "os.", "subprocess.", "socket.", "ctypes.", "pickle.", "marshal.", "shutil.", "tempfile.")
"""Beginnings of the events of Python's audit that a reader must not raise; making a syntax tree is none of them."""

_events: list[tuple[str, tuple[object, ...]]] | None = None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    writes = event == "open" and arguments[1] not in ("r", "rb", None)
    # networkx makes its own decorators when they are first used, from text of its own.
    own = event == "exec" and "networkx.utils.decorators" in str(arguments[0])
    if _events is not None and (event.startswith(RUNNING) or writes) and not own:
        _events.append((event, arguments))


sys.addaudithook(_hook)


# One in eleven is a genotype or arc, the others are cell files and recipes.
@pytest.mark.parametrize(
    ("first", "count"), [(0, 1_000), pytest.param(1_000, many(6_000, 22_000), marks=pytest.mark.slow)]
)
def test_a_mutated_file_is_a_cell_or_refused_in_one_line(first: int, count: int, tmp_path: Path) -> None:
    subjects = _subjects()
    _warm(tmp_path)
    outcome: Counter[str] = Counter()
    for number in range(first, first + count):
        draw = random.Random(number)
        (kind,) = draw.choices(list(subjects), WEIGHTS)
        path = tmp_path / "file"
        path.write_text(subjects[kind](draw), encoding="utf-8", errors=draw.choice(["replace", "surrogatepass"]))
        cell = _read(load if kind == "cell" and draw.random() < 0.5 else from_file, path, number)
        outcome[f"{kind} {'refused' if cell is None else 'read'}"] += 1
    assert all(outcome[f"{kind} {what}"] for kind in subjects for what in ("refused", "read")), outcome


@pytest.mark.parametrize("seed", range(100))
def test_an_odd_field_of_a_node_is_refused_by_the_node(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    for content in (json.loads(to_json(draw.choice(list(seeds().values())))), random_recipe(draw)):
        nodes = content.get("nodes", content)
        name = draw.choice(list(nodes))
        field = draw.choice(["op", "operands" if "nodes" in content else "input"])
        nodes[name][field] = draw.choice([odd for odd in ODD if not isinstance(odd, str)])
        path = tmp_path / "file"
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(CellError) as raised:
            from_file(path)
        assert f"node {repr(name)[:77]}" in str(raised.value)


@pytest.mark.parametrize(
    "template",
    [
        '{"schema": "cellsearch.cell/1", "name": "a", "states": {"h": "a"}, "output": "a", "nodes": %s}',
        '{"nodes": {"a": {"op": "tanh", "operands": %s}}, "states": {}}',
        '{"f": {"op": "linear", "input": %s}}',
        '{"recipe": {"f": %s}}',
        '{"recipe": {}, "recipe_id": %s}',
        '{"recurrent": %s, "concat": [1]}',
        "[%s, {}]",
        "%s",
    ],
)
def test_nesting_of_any_depth_is_refused(template: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    # About the limit of Python's recursion, which depends on where the reader is called from.
    for depth in (*range(2, 50, 7), *range(850, 1010, 3), 100_000):
        for opening, closing in ("[]", ('{"op":', "}")):
            path.write_text(template % (opening * depth + "1" + closing * depth), encoding="utf-8")
            assert _read(from_file, path, depth) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 3_999_999, id="brackets"),
        pytest.param("1 " * 1_999_999, id="numbers"),
        pytest.param("-" * 3_999_999, id="signs"),
        pytest.param("1" * 3_999_999, id="digits"),
        pytest.param("1" * 3_999_998 + "x", id="digits and a letter"),
        pytest.param("\n" * 63_000_000, id="empty lines"),
        pytest.param('{"a":{}}\n' * (MOST_ENTRIES + 1), id="small lines"),
        pytest.param("[" + "{}," * 1_300_000 + "{}]", id="small entries"),
        pytest.param("[" + '{"a":{}},' * 440_000 + "{}]", id="small recipes", marks=pytest.mark.slow),
        pytest.param('{"a":' + "[" + "0," * 1_900_000 + "0]}", id="long list"),
        pytest.param(
            "{" + ",".join(f'"{i}":{{}}' for i in range(300_000)) + "}", id="many nodes", marks=pytest.mark.slow
        ),
        pytest.param(
            "{" + ",".join(f'"{"é" * i}":{{"op":"linear","input":["x"]}}' for i in range(512)) + "}", id="alike names"
        ),
        pytest.param(
            json.dumps({f"n{i}": {"op": "elementwise_sum", "input": [f"n{i + 1}"] * 64} for i in range(511)}),
            id="wide nodes",
        ),
        pytest.param(
            json.dumps({f"n{i}": {"op": "elementwise_sum", "input": [f"n{max(0, i - 1)}"] * 64} for i in range(500)}),
            id="a long cycle",
        ),
        pytest.param(f"Genotype(recurrent={[('tanh', 0)] * 12_000}, concat=[1])", id="many steps"),
        pytest.param("Genotype(recurrent=[('tanh', 0)], concat=range(10**30))", id="a wide range"),
        pytest.param(f"Genotype(recurrent=[('tanh', 0x{'f' * 5000})], concat=[1])", id="a large number"),
        pytest.param("Genotype" + "(" * 190_000, id="parentheses"),
        pytest.param("Genotype" + "\n(" * 90_000, id="parentheses in lines"),
        pytest.param("Genotype" + "\\\n" * 90_000, id="continued lines"),
        pytest.param("recurrent = " + "x = " * 40_000 + "1", id="assignments"),
        pytest.param("recurrent\n" + "if x:\n " * 20_000, id="blocks"),
    ],
)
def test_the_worst_files_within_the_size_limit_are_refused_soon(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    for name in (None, "b"):
        assert _read(lambda file, name=name: from_file(file, name), path, 0) is None  # type: ignore[misc]


def test_the_widest_recipe_imports_soon(tmp_path: Path) -> None:
    """512 nodes that become 511 of ours; names that have to be told apart."""
    names = ["é" * (i + 1) for i in range(510)]
    recipe: dict[str, Any] = {name: {"op": "activation_tanh", "input": [b]} for b, name in pairwise(names)}
    recipe[names[0]] = {"op": "linear", "input": ["x", "h_prev_0"] * 32}
    recipe["h_new_0"] = {"op": "linear", "input": names[-64:]}
    path = tmp_path / "file"
    path.write_text(json.dumps(recipe), encoding="utf-8")
    cell = _read(from_file, path, 0)
    assert cell is not None and len(cell.nodes) == 511


def test_the_audit_sees_what_runs() -> None:
    with pytest.raises(AssertionError, match="exec"), _nothing_runs():
        exec("pass")


def _read(reader: Callable[[Path], Cell], path: Path, number: int) -> Cell | None:
    """The cell, or None if the file is refused as it should be."""
    begun = time.process_time()
    with _nothing_runs():
        try:
            cell = reader(path)
        except CellError as error:
            cell, message = None, str(error)
    assert time.process_time() - begun < SECONDS, number
    if cell is None:
        where = f"{'cell file' if reader is load else 'file'} {path}: "
        assert message.startswith(where), (number, message)
        rest = message.removeprefix(where)
        assert len(message.splitlines()) == 1, (number, message)
        assert len(rest) <= LONGEST, (number, message)
        assert PLACE.search(rest), (number, message)
        assert where not in rest, (number, message)
        return None
    assert from_json(to_json(cell)) == cell, number
    return cell


@contextmanager
def _nothing_runs() -> Iterator[None]:
    """That nothing is imported, executed or started, by Python's own audit."""
    global _events
    _events = []
    try:
        yield
    finally:
        seen, _events = _events, None
    assert seen == []


def _subjects() -> dict[str, Callable[[random.Random], str]]:
    """Mutated text of each kind of file."""
    zoo = list(seeds().values())
    published = list(sample().values())

    def cell(draw: random.Random) -> str:
        text = to_json(draw.choice(zoo), indent=draw.choice([None, 1]))
        return mutated_text(text, draw) if draw.random() < 0.5 else _json(mutated_json(json.loads(text), draw))

    def recipe(draw: random.Random) -> str:
        content = draw.choice(published) if published and draw.random() < 0.5 else random_recipe(draw)
        content = json.loads(json.dumps(content))
        if draw.random() < 0.3:
            content = {"recipe_id": draw.randrange(10), "recipe": draw.choice([content, json.dumps(content)])}
        if draw.random() < 0.5:
            return mutated_text(json.dumps(content, indent=draw.choice([None, 1])), draw)
        return _json(mutated_json(content, draw))

    def lines(draw: random.Random) -> str:
        text = "\n".join(recipe(draw) if draw.random() < 0.2 else json.dumps(random_recipe(draw)) for _ in range(2))
        return draw.choice([text, text.replace("\n", "\n\n"), text.partition("\n")[0]])

    def genotype(draw: random.Random) -> str:
        count = draw.randint(1, 8)
        steps = [[draw.choice(["tanh", "relu", "sigmoid", "identity"]), draw.randrange(i + 1)] for i in range(count)]
        content = {"recurrent": steps, "concat": list(range(1, count + 1))}
        if draw.random() < 0.3:
            return _json(mutated_json(content, draw))
        pairs = [tuple(step) for step in steps]
        forms = [f"Genotype(recurrent={pairs}, concat=range(1, {count + 1}))", repr(content), json.dumps(content)]
        return mutated_text(draw.choice(forms), draw)

    def arc(draw: random.Random) -> str:
        numbers = [0, *(number for i in range(1, 9) for number in (draw.randrange(i), draw.randrange(4)))]
        return mutated_text(draw.choice([str(numbers), " ".join(map(str, numbers))]), draw)

    return {"cell": cell, "recipe": recipe, "lines": lines, "genotype": genotype, "arc": arc}


def _json(content: Any) -> str:
    return json.dumps(content)


def _warm(folder: Path) -> None:
    """Read what makes a reader import all that it ever imports: known and unknown operations, and a genotype."""
    path = folder / "warm"
    for text in (to_json(next(iter(seeds().values()))), '{"a": {"op": "b"}}', "Genotype()", "0 0 1", "{"):
        path.write_text(text)
        try:
            from_file(path)
        except CellError:
            continue
    with pytest.raises(CellError):
        from_json(to_json(seeds()["lstm"]).replace("sigmoid", "unknown"))
