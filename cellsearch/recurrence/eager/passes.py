"""The two passes of the eager backend: a plan's phases in order, and their adjoints in reverse.

Values that the backward pass reads are kept for all steps, others live in memory that steps share. Gradients of
learned arrays and of the input are products and sums over all steps at once.

values: [T, B, H], blocks: [T, B, linears * H]; a step function sees [B, H], or [T * B, H] in the phases that take all
steps at once.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import cycle, islice

import torch
from torch import Tensor

from cellsearch.cell import INPUT, LINEAR, OPS, Cell
from cellsearch.cell.expression import parse, torch_source
from cellsearch.cell.functions import FUNCTIONS
from cellsearch.recurrence.eager.source import Slot, StepFunction, adjoint_function, forward_function
from cellsearch.recurrence.interface import Parameters, States
from cellsearch.recurrence.plan.plan import Phase, Plan, Product, values_read, weight_names
from cellsearch.recurrence.plan.planner import plan

__all__ = ["EagerBackward", "EagerForward", "StepFunctions", "step_functions"]


@dataclass(frozen=True)
class StepFunctions:
    """A plan with its step functions."""

    plan: Plan
    forward: Mapping[str, StepFunction]
    adjoint: Mapping[str, StepFunction]


@lru_cache(maxsize=1024)
def step_functions(cell: Cell) -> StepFunctions:
    made = plan(cell)
    forward = {phase.name: forward_function(made, phase) for phase in made.phases}
    return StepFunctions(made, forward, {phase.name: adjoint_function(made, phase) for phase in made.phases})


class EagerPass:
    """What both passes share: sizes, the values by name, and the learned arrays as the plan wants them."""

    def __init__(self, functions: StepFunctions, parameters: Parameters, x: Tensor, states: States) -> None:
        self.functions = functions
        self.plan = functions.plan
        self.cell = functions.plan.cell
        self.parameters = parameters
        self.x = x.contiguous()
        self.states = states
        self.steps, self.batch, self.hidden = x.shape[0], x.shape[1], states[0].shape[1]
        self.values: dict[str, Tensor] = {INPUT: self.x}
        self.stacked: dict[Product, Tensor] = {}

    def initial(self, state: str) -> Tensor:
        return self.states[list(self.cell.states).index(state)]

    def empty(self, columns: int = 1) -> Tensor:
        return self.x.new_empty(self.steps, self.batch, columns * self.hidden)

    def by_step(self, phase: Phase, sequence: Tensor) -> list[Tensor]:
        """The sequence as a step function sees it: [B, H] for each step, or all steps as one [T * B, H]."""
        return list(sequence.unbind(0)) if phase is self.plan.loop else [sequence.flatten(0, 1)]

    def shared(self, phase: Phase, count: int) -> list[Tensor]:
        """Memory that steps share; `count` neighbouring steps have each their own."""
        if phase is not self.plan.loop:
            return self.by_step(phase, self.empty())
        memory = [self.x.new_empty(self.batch, self.hidden) for _ in range(count)]
        return list(islice(cycle(memory), self.steps))

    def columns(self, phase: Phase, block: Tensor, linears: tuple[str, ...]) -> Tensor:
        first = phase.columns[linears[0]]
        return block[..., first * self.hidden : (first + len(linears)) * self.hidden]

    def value(self, name: str) -> Tensor:
        """All steps of a value; a state's are its initial value and all but the last of its next value."""
        if name not in self.values:
            self.values[name] = torch.cat([self.initial(name).unsqueeze(0), self.values[self.cell.states[name]][:-1]])
        return self.values[name]

    def weight(self, product: Product) -> Tensor:
        """[n * H, size of the operand]; a linear that takes the operand twice has two weights, which add up."""
        if product not in self.stacked:
            rows = []
            for linear in product.linears:
                first, *others = (self.parameters[linear][p] for p in weight_names(self.cell, linear, product.operand))
                rows.append(sum(others, first))
            self.stacked[product] = torch.cat(rows) if len(rows) > 1 else rows[0]
        return self.stacked[product]

    def fixed(self, slot: Slot) -> Tensor:
        if isinstance(slot.of, Product):
            return self.weight(slot.of).t() if slot.kind == "transposed" else self.weight(slot.of)
        return self.parameters[slot.of][slot.parameter]


class EagerForward(EagerPass):
    """The forward pass. `saving` keeps what the backward pass reads."""

    def __init__(
        self, functions: StepFunctions, parameters: Parameters, x: Tensor, states: States, saving: bool
    ) -> None:
        super().__init__(functions, parameters, x, states)
        self.saving = saving
        self.blocks: dict[str, Tensor] = {}
        self.passing: dict[str, list[Tensor]] = {}
        for phase in self.plan.phases:
            self._run(phase)

    def output(self) -> Tensor:
        """[T, B, H], not a view, so that a caller may change it in place."""
        output = self.values[self.cell.output]
        return output.clone() if output._is_view() else output

    def last(self) -> States:
        nexts = self.cell.states.values()
        return tuple((self.values[n][-1] if n in self.values else self.passing[n][-1]).clone() for n in nexts)

    def kept(self) -> dict[str, Tensor]:
        """Values by name, as the backward pass reads them."""
        return {name: value for name, value in self.values.items() if name in self.plan.saved & self.cell.nodes.keys()}

    @cached_property
    def _whole(self) -> set[str]:
        """The values that are needed for all steps."""
        whole = {operand for name in self.plan.after.members for operand in self.cell.nodes[name].operands}
        whole |= {self.cell.output} | (self.plan.saved if self.saving else set())
        return whole | {following for state, following in self.cell.states.items() if state in whole}

    def _run(self, phase: Phase) -> None:
        if phase.linears:
            self._prepare(phase)
        function = self.functions.forward[phase.name]
        sequences = [self._by_step(phase, slot) for slot in function.varying]
        function.run(zip(*sequences, strict=True), *map(self.fixed, function.fixed))

    def _prepare(self, phase: Phase) -> None:
        """Begin the block with the biases and all products that need no value of the phase."""
        biases = torch.cat([self.parameters[linear]["bias"] for linear in phase.linears])
        block = biases.expand(self.steps, self.batch, -1).contiguous()
        self.blocks[phase.name] = block
        for product in phase.prepared:
            columns = self.columns(phase, block, product.linears).flatten(0, 1)
            columns.addmm_(self.value(product.operand).flatten(0, 1), self.weight(product).t())
        for name in phase.columns:
            first = phase.columns[name] * self.hidden
            self.values[name] = block[..., first : first + self.hidden] if len(phase.linears) > 1 else block

    def _by_step(self, phase: Phase, slot: Slot) -> list[Tensor]:
        if isinstance(slot.of, Product):
            return self.by_step(phase, self.columns(phase, self.blocks[phase.name], slot.of.linears))
        if slot.of in phase.states:
            return [self.initial(slot.of), *self._by_step(phase, Slot("value", self.cell.states[slot.of]))[:-1]]
        if slot.of in phase.members and slot.of not in self.values:
            if phase is self.plan.loop and slot.of not in self._whole:
                if slot.of not in self.passing:
                    # A state's next value must not overwrite the state while the step reads it: two places in turn.
                    self.passing[slot.of] = self.shared(phase, 2)
                return self.passing[slot.of]
            self.values[slot.of] = self.empty()
        return self.by_step(phase, self.value(slot.of))


class EagerBackward(EagerPass):
    """The backward pass: the phases in reverse. `needs` says of what is given whether its gradient is wanted."""

    def __init__(
        self,
        functions: StepFunctions,
        parameters: Parameters,
        x: Tensor,
        states: States,
        values: Mapping[str, Tensor],
        needs: tuple[bool, tuple[bool, ...], Mapping[str, Mapping[str, bool]]],
    ) -> None:
        super().__init__(functions, parameters, x, states)
        self.values.update(values)
        self.needs_input, _, self.needs = needs
        self.arrived: dict[str, Tensor] = {}
        self.carried: dict[str, list[Tensor]] = {}
        self.gradients: dict[str, Tensor] = {}
        self.learned: dict[tuple[str, str], Tensor] = {}

    def run(self, of_output: Tensor, *of_last: Tensor) -> Iterator[Tensor | None]:
        """The gradients of x, the states and the learned arrays."""
        self.arrived[self.cell.output] = of_output
        self.of_last = dict(zip(self.cell.states, of_last, strict=True))
        for phase in reversed(self.plan.phases):
            self._reverse(phase)
        yield self.arrived.get(INPUT)
        for state in self.cell.states:
            yield self.carried[state][-1]
        for node, learned in self.parameters.items():
            for parameter in learned:
                yield self.learned.get((node, parameter))

    def _reverse(self, phase: Phase) -> None:
        block = self.empty(len(phase.linears))
        function = self.functions.adjoint[phase.name]
        sequences = [self._by_step(phase, slot, block) for slot in function.varying]
        function.run(zip(*sequences, strict=True), *map(self.fixed, function.fixed))
        for gradient in phase.adjoint:
            if gradient.of not in (*phase.states, *phase.members):
                self._arrive(gradient.of, self.gradients.pop(gradient.of))
        for product in phase.prepared:
            if product.operand != INPUT or self.needs_input:
                columns = self.columns(phase, block, product.linears)
                self._arrive(product.operand, columns @ self.weight(product))
        self._learn_linears(phase, block)
        self._learn_vectors(phase)

    def _by_step(self, phase: Phase, slot: Slot, block: Tensor) -> list[Tensor]:
        """The sequences last step first."""
        if slot.kind == "carried":
            return [self.of_last[str(slot.of)], *self._carried(phase, str(slot.of))[:-1]]
        if slot.kind == "gradient" and slot.of in phase.states:
            return self._carried(phase, str(slot.of))
        if slot.kind == "gradient" and slot.of in phase.members and not self._is_whole(phase, str(slot.of)):
            return self.shared(phase, 1)
        return self.by_step(phase, self._sequence(phase, slot, block))[::-1]

    def _sequence(self, phase: Phase, slot: Slot, block: Tensor) -> Tensor:
        if isinstance(slot.of, Product):
            return self.columns(phase, block, slot.of.linears)
        if slot.kind == "value":
            return self.value(slot.of)
        if slot.kind == "arrived":
            return self.arrived.pop(slot.of)
        if slot.of in phase.columns:
            first = phase.columns[slot.of] * self.hidden
            return block[..., first : first + self.hidden]
        return self.gradients.setdefault(slot.of, self.empty())

    def _is_whole(self, phase: Phase, name: str) -> bool:
        return name in phase.columns or bool(self.cell.nodes[name].parameters())

    def _carried(self, phase: Phase, state: str) -> list[Tensor]:
        """Memory for a state's gradient, last step first: a step reads that of the following one, writes its own."""
        if state not in self.carried:
            self.carried[state] = self.shared(phase, 2)
        return self.carried[state]

    def _arrive(self, name: str, gradient: Tensor) -> None:
        self.arrived[name] = self.arrived[name] + gradient if name in self.arrived else gradient

    def _learn_linears(self, phase: Phase, block: Tensor) -> None:
        rows = block.flatten(0, 1)
        biases = rows.sum(0) if any(self.needs[n]["bias"] for n in phase.linears) else None
        for i, linear in enumerate(phase.linears):
            if biases is not None:
                self.learned[linear, "bias"] = biases[i * self.hidden : (i + 1) * self.hidden]
        for product in phase.products:
            arrays = {n: weight_names(self.cell, n, product.operand) for n in product.linears}
            if any(self.needs[linear][p] for linear, weights in arrays.items() for p in weights):
                columns = self.columns(phase, rows, product.linears)
                stacked = columns.t() @ self.value(product.operand).flatten(0, 1)
                for (linear, weights), gradient in zip(arrays.items(), stacked.chunk(len(arrays)), strict=True):
                    self.learned |= {
                        (linear, p): gradient if i == 0 else gradient.clone() for i, p in enumerate(weights)
                    }

    def _learn_vectors(self, phase: Phase) -> None:
        for name in phase.members:
            node = self.cell.nodes[name]
            if node.op == LINEAR:
                continue
            for parameter in node.parameters():
                if self.needs[name][parameter]:
                    known = {k: self.value(of) for k, of in values_read(self.cell, name, parameter).items()}
                    each = _derivative(node.op, parameter)(
                        g=self.gradients[name], k=node.constant, **known, **self.parameters[name]
                    )
                    self.learned[name, parameter] = each.sum((0, 1))


@cache
def _derivative(op: str, parameter: str) -> Callable[..., Tensor]:
    """The torch function of a learned vector's derivative, an element at a time; all arguments are named."""
    tree = parse(OPS[op].derivatives[parameter])
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(FUNCTIONS)
    # The text comes from the table of operations alone, never from a cell.
    source = f"lambda *, {', '.join(sorted(names))}, **others: {torch_source(tree)}"
    return eval(source, {"torch": torch})  # type: ignore[no-any-return]
