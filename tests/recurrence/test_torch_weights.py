"""A trained torch module becomes a seed cell and comes back; with its weights the two are one function."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from cellsearch.errors import CellError
from cellsearch.recurrence import RNN, load_torch, to_torch
from cellsearch.testing.cells import Cell
from cellsearch_search_spaces.gated import SPACE
from tests.helpers.recurrence.examples import ON_CPU

PEERS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
SETTINGS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
]
every_seed = pytest.mark.parametrize("name", PEERS)
every_setting = pytest.mark.parametrize("settings", SETTINGS, ids=str)
every_backend = pytest.mark.parametrize("backend", ON_CPU)


@every_seed
@every_setting
@every_backend
@pytest.mark.parametrize("given", [True, False], ids=["given states", "no states"])
def test_values_and_gradients_are_those_of_torch(
    name: str, settings: dict[str, Any], backend: str, given: bool
) -> None:
    ours, peer = _twins(name, backend, **settings)
    x = torch.randn(4, 5, 3, dtype=torch.float64, requires_grad=True)
    batch = x.shape[0 if settings.get("batch_first") else 1]
    initial = _states(name, len(ours.layers), batch) if given else None
    _same(ours, peer, x, initial, [x])


@every_seed
@every_backend
def test_a_sequence_without_a_batch_gives_what_torch_gives(name: str, backend: str) -> None:
    ours, peer = _twins(name, backend, num_layers=2)
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    _same(ours, peer, x, None, [x])
    initial = _states(name, 2, 1)
    flat = tuple(s.squeeze(1) for s in initial) if isinstance(initial, tuple) else initial.squeeze(1)
    _same(ours, peer, x, flat, [x])


@every_seed
@every_setting
@every_backend
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [2, 5, 1, 4], [3, 3, 3, 3]], ids=str)
def test_packed_sequences_give_what_torch_gives(
    name: str, settings: dict[str, Any], backend: str, lengths: list[int]
) -> None:
    ours, peer = _twins(name, backend, **settings)
    x = torch.randn(5, 4, 3, dtype=torch.float64, requires_grad=True)
    packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
    _same(ours, peer, packed, _states(name, len(ours.layers), 4), [x])
    _same(ours, peer, packed, None, [x])


@every_seed
def test_weights_that_go_to_torch_and_back_are_the_same(name: str) -> None:
    rnn = RNN(SPACE.seeds[name], 3, 5, num_layers=2, bidirectional=True)
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.normal_()
    again = RNN(SPACE.seeds[name], 3, 5, num_layers=2, bidirectional=True)
    load_torch(again, to_torch(rnn))
    assert all(torch.equal(a, b) for a, b in zip(rnn.parameters(), again.parameters(), strict=True))


def test_to_torch_keeps_the_settings() -> None:
    rnn = RNN(SPACE.seeds["lstm"], 3, 5, num_layers=2, batch_first=True, dropout=0.3, bidirectional=True).double()
    rnn.eval()
    module = to_torch(rnn)
    assert isinstance(module, nn.LSTM)
    assert (module.batch_first, module.dropout, module.bidirectional, module.training) == (True, 0.3, True, False)
    assert module.weight_ih_l0.dtype == torch.float64


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.GRU(3, 5), "takes the weights of a LSTM with bias"),
        (nn.LSTM(3, 5, bias=False), "takes the weights of a LSTM with bias"),
        (nn.LSTM(3, 6), "hidden_size of the RNN is 5, of the torch module 6"),
        (nn.LSTM(3, 5, 2), "num_layers of the RNN is 1, of the torch module 2"),
        (nn.LSTM(3, 5, proj_size=2), "proj_size"),
    ],
    ids=str,
)
def test_a_module_that_does_not_fit_is_refused(module: nn.RNNBase, message: str) -> None:
    with pytest.raises(CellError, match=message):
        load_torch(RNN(SPACE.seeds["lstm"], 3, 5), module)


def test_another_cell_under_a_seeds_name_is_refused() -> None:
    with pytest.raises(CellError, match="has no twin in torch"):
        to_torch(RNN(SPACE.seeds["lstm"].renamed("mine"), 3, 5))
    with pytest.raises(CellError, match="not the seed of that name"):
        to_torch(RNN(SPACE.seeds["gru"].renamed("lstm"), 3, 5))
    lstm = SPACE.seeds["lstm"]
    nodes = {n: type(node)("tanh", node.operands) if node.op == "sigmoid" else node for n, node in lstm.nodes.items()}
    changed = Cell("lstm", nodes, lstm.states, lstm.output)
    with pytest.raises(CellError, match="not the seed of that name"):
        to_torch(RNN(changed, 3, 5))


def _twins(name: str, backend: str, **settings: Any) -> tuple[RNN, nn.RNNBase]:
    torch.manual_seed(0)
    peer = PEERS[name](3, 5, **settings).double()
    ours = RNN(SPACE.seeds[name], 3, 5, backend=backend, **settings).double()
    load_torch(ours, peer)
    return ours, peer


def _states(name: str, layers: int, batch: int) -> Tensor | tuple[Tensor, ...]:
    count = len(SPACE.seeds[name].states)
    states = tuple(torch.randn(layers, batch, 5, dtype=torch.float64, requires_grad=True) for _ in range(count))
    return states if count > 1 else states[0]


def _same(ours: RNN, peer: nn.RNNBase, x: Any, initial: Any, sources: list[Tensor]) -> None:
    """Outputs, last states, and the gradients of sources, initial states and weights agree to 1e-12."""
    wanted = [*sources, *(initial if isinstance(initial, tuple) else [] if initial is None else [initial])]
    found = []
    for module in (ours, peer):
        output, last = module(x, initial)
        results = [
            output if isinstance(output, Tensor) else output.data,
            *(last if isinstance(last, tuple) else [last]),
        ]
        module.zero_grad()
        total = sum((result.sin().sum() for result in results), torch.zeros(()))
        slopes = torch.autograd.grad(total, wanted, retain_graph=True)
        total.backward(inputs=list(module.parameters()))
        found.append([*results, *slopes])
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)
    for gate, expected in zip(_gradients_as_torch(ours), _weight_gradients(peer), strict=True):
        torch.testing.assert_close(gate, expected, rtol=1e-12, atol=1e-12)


def _gradients_as_torch(ours: RNN) -> list[Tensor]:
    """The gradients of the weights in torch's order of gates: they travel like weights."""
    carrier = RNN(ours.cell, 3, 5, ours.num_layers, bidirectional=ours.bidirectional).double()
    with torch.no_grad():
        for target, source in zip(carrier.parameters(), ours.parameters(), strict=True):
            target.copy_(source.grad if source.grad is not None else torch.zeros_like(source))
    return [p.detach() for n, p in to_torch(carrier).named_parameters() if "bias_hh" not in n]


def _weight_gradients(peer: nn.RNNBase) -> list[Tensor]:
    return [p.grad for n, p in peer.named_parameters() if "bias_hh" not in n and p.grad is not None]
