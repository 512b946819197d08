"""Each rule of the graph, broken once: the message is one line that names the place and the remedy."""

from __future__ import annotations

import pytest

from cellsearch.cell import Cell, Node
from cellsearch.cell.validate import LARGEST_COUNT, MOST_NODES, MOST_OPERANDS, NAME_LENGTH, TITLE_LENGTH
from cellsearch.errors import CellError

GOOD = {"a": Node("linear", ("x", "h")), "s": Node("tanh", ("a",))}
LONG = "n" * (NAME_LENGTH + 1)


def test_the_cell_that_the_tests_break_is_good() -> None:
    Cell("good", GOOD, {"h": "s"}, "s")


@pytest.mark.parametrize(
    ("changes", "states", "output", "message"),
    [
        pytest.param({"b": Node("sum", ("a", "c")), "c": Node("sum", ("b", "b")), "s": Node("tanh", ("c",))},
                     {}, "", "cycle within one step; let one of them read a state instead", id="cycle"),
        pytest.param({"s": Node("sum", ("a", "s"))}, {}, "", "nodes s -> s form a cycle", id="own operand"),
        pytest.param({"s": Node("tanh", ("a", "a"))}, {}, "",
                     "node 's' (tanh) takes 1 operand, got 2; remove the rest", id="too many operands"),
        pytest.param({"s": Node("blend", ("a", "a"))}, {}, "", "node 's' (blend) takes 3 operands, got 2", id="few"),
        pytest.param({"a": Node("linear", ())}, {}, "",
                     "node 'a' (linear) takes 1 or more operands, got 0; name what it computes from", id="no operands"),
        pytest.param({"a": Node("linear", ("x", "h") * 40)}, {}, "",
                     f"node 'a' (linear) has 80 operands; {MOST_OPERANDS} is the limit", id="very many operands"),
        pytest.param({"s": Node("tahn", ("a",))}, {}, "",
                     "node 's' has unknown operation 'tahn'; use tanh, or import the module", id="unknown operation"),
        pytest.param({"s": Node("sum", ("a", "q"))}, {}, "",
                     "node 's' (sum) takes 'q', which does not exist; use 'x', a state or a node", id="no operand"),
        pytest.param({"d": Node("tanh", ("a",))}, {}, "",
                     "node 'd' (tanh) is dead, the output never depends on it; remove or use it", id="dead node"),
        pytest.param({}, {"c": "a"}, "", "state 'c' is dead, the output never depends on it; remove", id="dead state"),
        pytest.param({"s": Node("sum", ("a", "c")), "k": Node("bias", ("c",))}, {"c": "k"}, "",
                     "node 'k' (bias) is unreachable, the input never influences it; remove it or let it read 'x'",
                     id="unreachable node"),
        pytest.param({}, {"h": "nothing"}, "",
                     "state 'h' has no next value: 'nothing' is no operation of the cell; name one of a, s",
                     id="state without a next value"),
        pytest.param({}, {"h": "x"}, "", "state 'h' has no next value: 'x' is no operation", id="input as next value"),
        pytest.param({}, {}, "q", "output 'q' is no operation of the cell; name one of a, s", id="unknown output"),
        pytest.param({}, {}, "h", "output 'h' is no operation of the cell; name one of", id="state as output"),
        pytest.param({"a": Node("linear", ("h",))}, {}, "",
                     "output 's' depends on no input; let it or its operands read 'x'", id="no input"),
        pytest.param({"x": Node("tanh", ("a",))}, {}, "", "'x' is the input's name; rename the node", id="named x"),
        pytest.param({"h": Node("tanh", ("a",))}, {}, "", "'h' is both a state and a node; rename one", id="twice"),
        pytest.param({"2a": Node("tanh", ("a",))}, {}, "", "'2a' is no name for a node; use letters", id="digit first"),
        pytest.param({"lambda": Node("tanh", ("a",))}, {}, "", "'lambda' is no name for a node; use", id="keyword"),
        pytest.param({"σ": Node("tanh", ("a",))}, {}, "", "'σ' is no name for a node; use letters", id="not ASCII"),
        pytest.param({"": Node("tanh", ("a",))}, {}, "", "'' is no name for a node; use letters", id="empty name"),
        pytest.param({"_a": Node("tanh", ("a",))}, {}, "", "'_a' is no name for a node; begin with", id="underscore"),
        pytest.param({LONG: Node("tanh", ("a",))}, {}, "", f"at most {NAME_LENGTH} characters", id="long name"),
        pytest.param({}, {"a b": "s"}, "", "'a b' is no name for a node; use letters", id="space in a state"),
        pytest.param({3: Node("tanh", ("a",))}, {}, "", "3 is no name for a node; use letters", id="number for a name"),
        pytest.param({"s": Node("tanh", ("a",), 1.0)}, {}, "",
                     "node 's' (tanh) has no learned bias; remove its initial bias", id="bias without a bias"),
        pytest.param({"a": Node("linear", ("x", "h"), float("inf"))}, {}, "",
                     "node 'a' (linear) starts with bias inf; use a finite one", id="infinite bias"),
        pytest.param({"s": Node("tanh", ("a",), constant=2)}, {}, "",
                     "node 's' (tanh) has no constant; remove its 2", id="constant of no use"),
        pytest.param({"s": Node("times_constant", ("a",), constant=float("nan"))}, {}, "",
                     "node 's' (times_constant) has constant nan; use a finite one", id="constant of nan"),
        pytest.param({"a": Node("block_linear", ("x",), constant=1.5)}, {}, "",
                     "node 'a' (block_linear) has constant 1.5; use a whole number from 1 to", id="half a block"),
        pytest.param({"a": Node("low_rank_linear", ("x",), constant=0)}, {}, "",
                     "node 'a' (low_rank_linear) has constant 0; use a whole number from 1 to", id="rank 0"),
        pytest.param({"a": Node("low_rank_linear", ("x",), constant=1e9)}, {}, "",
                     f"has constant 1000000000.0; use a whole number from 1 to {LARGEST_COUNT}", id="rank too large"),
        pytest.param({"a": Node("linear", ("x", "h"), float("nan"))}, {}, "", "starts with bias nan", id="bias of nan"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_named(changes: dict[str, Node], states: dict[str, str], output: str, message: str) -> None:
    with pytest.raises(CellError) as raised:
        Cell("broken", GOOD | changes, {"h": "s"} | states, output or "s")
    assert message in str(raised.value)
    assert str(raised.value).startswith("cell 'broken'")
    assert "\n" not in str(raised.value)


def test_a_cell_needs_nodes_and_a_state() -> None:
    with pytest.raises(CellError, match="has no nodes; a cell needs at least one operation"):
        Cell("empty", {}, {"h": "s"}, "s")
    with pytest.raises(CellError, match="has no state, so that it is not recurrent; add one"):
        Cell("feedforward", {"s": Node("tanh", ("x",))}, {}, "s")


def test_the_number_of_nodes_is_bounded() -> None:
    with pytest.raises(CellError, match=f"has {MOST_NODES} nodes and 1 states; {MOST_NODES} together is the limit"):
        _chain(MOST_NODES)
    assert len(_chain(MOST_NODES - 1).nodes) == MOST_NODES - 1


@pytest.mark.parametrize("title", ["", "two\nlines", "\x1b[31m", "\ud800", "n" * (TITLE_LENGTH + 1)])
def test_the_name_of_a_cell_is_one_line_of_text(title: str) -> None:
    with pytest.raises(CellError, match="no name for a cell; use 1 to 200 printable characters") as raised:
        Cell(title, GOOD, {"h": "s"}, "s")
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 200


def test_a_cycle_of_many_nodes_is_named_in_one_short_line() -> None:
    nodes = {f"n{i}": Node("sum", ("x", f"n{(i + 1) % 100}")) for i in range(100)}
    with pytest.raises(CellError, match=r"-> \.\.\. form a cycle") as raised:
        Cell("ring", nodes, {"h": "n0"}, "n0")
    assert len(str(raised.value)) < 200


def test_an_input_that_arrives_through_a_later_step_is_enough() -> None:
    nodes = {"kept": Node("linear", ("x", "h")), "shown": Node("tanh", ("h",))}
    assert Cell("late", nodes, {"h": "kept"}, "shown").output == "shown"


def _chain(length: int) -> Cell:
    nodes = {"n0": Node("linear", ("x", "h"))} | {f"n{i}": Node("tanh", (f"n{i - 1}",)) for i in range(1, length)}
    return Cell("chain", nodes, {"h": f"n{length - 1}"}, f"n{length - 1}")
