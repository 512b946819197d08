"""The plan puts each product and each node where it costs least, and forgets nothing."""

from __future__ import annotations

from hypothesis import given

from cellsearch.cell import LINEAR, Cell, Node, from_equations
from cellsearch.recurrence.plan.plan import Compute, Product
from cellsearch.recurrence.plan.planner import plan
from cellsearch.recurrence.structured import plain
from cellsearch.testing.cells import cells
from cellsearch_search_spaces.gated import GRU, LSTM


def test_the_lstm_needs_one_product_for_all_steps_and_one_in_each_step() -> None:
    gates = ("input_gate_linear", "forget_gate_linear", "candidate_linear", "output_gate_linear")
    loop = plan(LSTM).loop
    assert loop.prepared == (Product("x", gates),)
    assert [action for action in loop.actions if isinstance(action, Product)] == [Product("h", gates)]


def test_an_activation_takes_the_place_of_its_linear() -> None:
    assert Compute("forget_gate", overwrites="forget_gate_linear") in plan(LSTM).loop.actions


def test_a_linear_that_a_derivative_reads_keeps_its_place() -> None:
    actions = plan(GRU).loop.actions
    assert Compute("candidate_state") in actions  # the reset gate's gradient reads it


def test_what_depends_on_the_input_alone_comes_before_the_loop() -> None:
    made = plan(GRU)
    assert made.before.members == ("candidate_input",)
    assert made.before.prepared == (Product("x", ("candidate_input",)),)


def test_what_only_the_output_needs_comes_after_the_loop() -> None:
    text = """
        h_next = tanh(linear(x, h))
        shown = sigmoid(linear(x, h_next, h))
    """
    made = plan(from_equations("shown", text, states=["h"], output="shown"))
    assert made.loop.members == ("h_linear", "h_next")
    assert made.after.members == ("shown_linear", "shown")
    assert [product.operand for product in made.after.prepared] == ["x", "h_next", "h"]


def test_a_value_that_exists_late_is_multiplied_as_soon_as_it_exists() -> None:
    text = """
        reset = sigmoid(linear(x, h))
        h_next = tanh(linear(x, reset * h))
    """
    actions = plan(from_equations("reset_before", text, states=["h"], output="h_next")).loop.actions
    gated = actions.index(Compute("h_product"))
    assert actions[gated + 1] == Product("h_product", ("h_linear",))


def test_linears_that_share_operands_stand_side_by_side() -> None:
    nodes = {
        "one": Node(LINEAR, ("x", "h")),
        "two": Node(LINEAR, ("x", "c")),
        "three": Node(LINEAR, ("x", "h")),
        "both": Node("sum", ("one", "three")),
        "c_next": Node("tanh", ("two",)),
        "h_next": Node("product", ("both", "c_next")),
    }
    loop = plan(Cell("apart", nodes, {"h": "h_next", "c": "c_next"}, "h_next")).loop
    assert [p.linears for p in loop.products] == [("one", "three", "two"), ("one", "three"), ("two",)]


def test_a_plan_prints_its_phases_and_what_it_saves() -> None:
    text = str(plan(LSTM))
    assert "all steps  input_gate_linear, forget_gate_linear, candidate_linear, output_gate_linear" in text
    assert text.endswith("saved: x, h, c, input_gate, forget_gate, candidate, output_gate, c_next, h_tanh, h_next")


@given(cells())
def test_every_node_has_one_phase_and_no_value_is_used_before_it_exists(cell: Cell) -> None:
    made = plan(plain(cell.resolved(3, 4)))
    assert sorted(n for phase in made.phases for n in phase.members) == sorted(made.cell.nodes)
    known = {"x", *made.cell.states}
    for phase in made.phases:
        pending = {n: set(made.cell.nodes[n].operands) for n in phase.linears}
        for action in (*phase.prepared, *phase.actions):
            if isinstance(action, Product):
                assert action.operand in known
                for linear in action.linears:
                    pending[linear].remove(action.operand)  # exactly once, however often it is an operand
                continue
            linear = action.overwrites or action.node
            assert not pending.pop(linear, set()), "all products come before the linear is read"
            if linear == action.node and action.node not in phase.linears:
                assert known.issuperset(made.cell.nodes[action.node].operands)
            known |= {action.node, linear}
        assert not pending


@given(cells())
def test_each_gradient_is_computed_after_those_that_it_reads(cell: Cell) -> None:
    made = plan(plain(cell.resolved(3, 4)))
    for phase in made.phases:
        done: set[str] = set()
        for gradient in phase.adjoint:
            for part in gradient.parts:
                needed = getattr(part, "user", None) or getattr(part, "product", None)
                assert done.issuperset(needed.linears if isinstance(needed, Product) else [needed] if needed else [])
            assert gradient.of not in done
            done.add(gradient.of)
        assert done.issuperset({*phase.members, *phase.states})
