"""A user's own operation is one decorated function, and works wherever an operation of the table does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cellsearch.cell import OPS, Cell, Node, equations, from_equations, from_json, to_json
from cellsearch.errors import CellError
from cellsearch.recurrence.custom import USER, op
from cellsearch.recurrence.eager.backend import EAGER
from cellsearch.testing.backend import SHAPES, Shape, check_backend
from cellsearch.training import Budget, Evaluation, Hyperparameters
from cellsearch.training.task import load_task
from cellsearch.workers import Failed, Finished
from cellsearch.workers.local import LocalPool


def soft_sign(a: Tensor) -> Tensor:
    """a / (1 + |a|)."""
    return a / (1 + a.abs())


def mixed_norm(left: Tensor, right: Tensor, power: float = 2.0) -> Tensor:
    return (left.abs() ** power + right.abs() ** power + 1).sqrt()


def gated(gate: Tensor, value: Tensor) -> Tensor:
    return gate * value


def straight_through(a: Tensor) -> Tensor:
    return torch.sign(a)


@pytest.fixture(autouse=True)
def _operations(table_of_operations: None) -> None:
    """The table with these operations."""
    op(soft_sign)
    op(mixed_norm)
    op(derivative={"gate": lambda g, value: g * value, "value": lambda g, gate: g * gate})(gated)
    op(derivative=lambda g, a: g * (a.abs() < 1).to(g.dtype))(straight_through)


def own_cell() -> Cell:
    text = """
        gate = straight_through(linear(x, h))
        c_next = gated(gate, soft_sign(linear(x))) + 0.5 * mixed_norm(c, linear(h)) * gate
        h_next = soft_sign(mixed_norm(h, h) - c_next)
        """
    return from_equations("own", text, states=["h", "c"], output="h_next")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_values_and_gradients_are_equal_in_both_backends(shape: Shape) -> None:
    assert check_backend(EAGER, own_cell(), shape)


def test_a_given_derivative_takes_the_place_of_autograds() -> None:
    a = torch.tensor([-2.0, 0.5], requires_grad=True)
    USER.straight_through(a).sum().backward()
    assert a.grad is not None
    assert a.grad.tolist() == [0.0, 1.0]


def test_a_given_derivative_can_be_checked_by_gradcheck() -> None:
    arrays = [torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(USER.gated, arrays)
    assert torch.autograd.gradgradcheck(USER.gated, arrays)


def test_a_cell_with_it_has_equations_and_a_file() -> None:
    cell = own_cell()
    assert from_json(to_json(cell)) == cell
    assert any("soft_sign(" in line for line in equations(cell))
    assert OPS["soft_sign"].meaning == "a / (1 + |a|)."


def test_an_operation_that_nobody_imported_is_unknown() -> None:
    text = to_json(own_cell()).replace('"op": "soft_sign"', '"op": "os.system"')
    with pytest.raises(CellError, match=r"unknown operation 'os.system'; .* or import the module that defines it"):
        from_json(text)


def test_the_same_lines_may_run_twice() -> None:
    def define() -> Callable[..., Tensor]:
        @op
        def twice(a: Tensor) -> Tensor:
            return 2 * a

        return twice

    assert define() is define()


def test_another_definition_of_the_same_name_is_refused() -> None:
    with pytest.raises(CellError, match="'soft_sign' is defined already, in tests"):
        op(_named("soft_sign", lambda a: a))


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("tanh", lambda a: a, "'tanh' is in the table of operations already; use another name"),
        ("normal_cumulative", lambda a: a, "'normal_cumulative' is in the table"),
        ("a", lambda a: a, "this letter has a meaning"),
        ("_hidden", lambda a: a, "no name for an operation"),
        ("<lambda>", lambda a: a, "no name for an operation"),
        ("none", lambda: 0, r"must take 1 to 3 tensors, got \(\)"),
        ("four", lambda a, b, c, d: a, r"must take 1 to 3 tensors, got \(a, b, c, d\)"),
        ("starred", lambda *a: a[0], r"must take 1 to 3 tensors, got \(\*a\)"),
        ("failing", lambda a: a @ a, "'failing': it fails on tensors"),
        ("summing", lambda a: a.sum(), r"it must make another, got \[\] of torch.float64"),
        ("comparing", lambda a: a > 0, r"it must make another, got \[3, 4\] of torch.bool"),
        ("in_place", lambda a: a.mul_(2), "'in_place' changes its operands in place"),
        ("over_batch", lambda a: a - a.mean(0), "'over_batch' gives a row other values when it stands alone"),
        ("by_chance", lambda a: a + torch.rand_like(a), "'by_chance' gives a row other values"),
    ],
)
def test_what_is_no_operation_is_refused(name: str, function: Callable[..., Tensor], message: str) -> None:
    with pytest.raises(CellError, match=message):
        op(_named(name, function))
    assert name == "tanh" or name not in OPS


@pytest.mark.parametrize(
    ("derivative", "message"),
    [
        ({"left": lambda g: g}, "must have a derivative for each of left, right, got left"),
        (lambda g: g, "must have a derivative for each of left, right, got left"),
        ({"left": lambda g: g, "right": lambda g, other: g}, "derivative by 'right' takes 'other'; use g, y, left, ri"),
        ({"left": lambda g: g, "right": lambda g: g.sum()}, r"its derivative must make another, got \[\]"),
    ],
)
def test_what_is_no_derivative_is_refused(derivative: object, message: str) -> None:
    with pytest.raises(CellError, match=message):
        op(derivative=derivative)(_named("half", lambda left, right: left + right))  # type: ignore[arg-type]
    assert "half" not in OPS


def test_what_does_not_depend_on_an_operand_has_no_gradient() -> None:
    @op
    def first_sign(a: Tensor, b: Tensor) -> Tensor:
        return torch.heaviside(a.detach(), torch.zeros_like(a))

    nodes = {"s": Node("linear", ("x", "h")), "n": Node(first_sign.__name__, ("s", "h")), "t": Node("sum", ("n", "s"))}
    assert check_backend(EAGER, Cell("kinked", nodes, {"h": "t"}, "t"), SHAPES[3])


TASK_FILE = """
from cellsearch.recurrence.custom import op
from cellsearch_tasks.adding import TASK as TASK

@op
def only_in_the_task_file(a):
    return a / (1 + a.abs())
"""


@pytest.mark.slow
@pytest.mark.parametrize("screened", [False, True])
def test_workers_know_it_from_the_task_file_that_defines_it(screened: bool, tmp_path: Path) -> None:
    reference = f"{tmp_path / 'my_task.py'}:TASK"
    (tmp_path / "my_task.py").write_text(TASK_FILE)
    load_task(reference, {})
    cell = from_equations("own", "h_next = only_in_the_task_file(linear(x, h))", ["h"], "h_next")
    with LocalPool(1, 60) as pool:
        made = Evaluation(reference, to_json(cell), Budget(500, 5), Hyperparameters(1e-3), seed=0, screened=screened)
        pool.submit(0, made)
        events = list(pool.wait(60))
        while not isinstance(events[-1], Failed | Finished):
            events += pool.wait(60)
    assert isinstance(events[-1], Finished), events[-1]


def test_an_installed_package_offers_it_under_its_name(tmp_path: Path) -> None:
    (tmp_path / "their_package.py").write_text(TASK_FILE.replace("only_in_the_task_file", "from_a_package"))
    (tmp_path / "theirs-1.dist-info").mkdir()
    (tmp_path / "theirs-1.dist-info" / "METADATA").write_text("Name: theirs\nVersion: 1\n")
    points = "[cellsearch.operations]\nfrom_a_package = their_package:from_a_package\nbroken = nobody:broken\n"
    (tmp_path / "theirs-1.dist-info" / "entry_points.txt").write_text(points)
    program = """
import sys
from cellsearch.cell import from_equations
from cellsearch.errors import CellError
assert "their_package" not in sys.modules
from_equations("own", "h_next = from_a_package(linear(x, h))", ["h"], "h_next")
assert "their_package" in sys.modules
try:
    from_equations("own", "h_next = broken(linear(x, h))", ["h"], "h_next")
except CellError as error:
    print(error)
"""
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True)
    assert result.stdout.strip() == "operation 'broken' is installed but cannot be loaded: No module named 'nobody'"
    assert (result.returncode, result.stderr) == (0, "")


def _named(name: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    function.__name__ = name
    return function
