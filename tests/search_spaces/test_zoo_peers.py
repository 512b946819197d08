"""Seeds that torch or the package torchrecurrent has too give the same values as there.

Left out where torchrecurrent departs from the source: its NASCell adds where TensorFlow's multiplies, its LEM reads the
old z in the equation of y, its SCRN has another output, its LSTM of 1997 the squashing functions of today; its
RHN cannot be imported.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchrecurrent
from torch import Tensor, nn

from cellsearch import plugins
from cellsearch.recurrence.rnn import Layer

SEEDS = plugins.seeds()

H = 4

PEERS: dict[str, tuple[str, dict[str, str]]] = {
    "atr": (
        "ATRCell",
        {"weight_ih": "p.weight_0", "bias_ih": "p.bias", "weight_hh": "q.weight_0", "bias_hh": "q.bias"},
    ),
    "brc": (
        "BRCell",
        {
            "weight_ih": "feedback_linear.weight_0 gate_linear.weight_0 candidate_linear.weight_0",
            "bias_ih": "feedback_linear.bias gate_linear.bias candidate_linear.bias",
            "weight_hh": "feedback_scale.weight gate_scale.weight",
        },
    ),
    "nbrc": (
        "NBRCell",
        {
            "weight_ih": "feedback_linear.weight_0 gate_linear.weight_0 candidate_linear.weight_0",
            "bias_ih": "feedback_linear.bias gate_linear.bias candidate_linear.bias",
            "weight_hh": "feedback_linear.weight_1 gate_linear.weight_1",
        },
    ),
    "cfn": (
        "CFNCell",
        {
            "weight_ih": "forget_gate_linear.weight_0 input_gate_linear.weight_0 h_linear.weight_0",
            "bias_ih": "forget_gate_linear.bias input_gate_linear.bias h_linear.bias",
            "weight_hh": "forget_gate_linear.weight_1 input_gate_linear.weight_1",
        },
    ),
    "cornn": (
        "coRNNCell dt=0.042 gamma=2.7 epsilon=4.7",
        {
            "weight_ih": "z_linear.weight_0",
            "weight_hh": "z_linear.weight_1",
            "weight_ch": "z_linear.weight_2",
            "bias_ih": "z_linear.bias",
        },
    ),
    "fast_rnn": (
        "FastRNNCell",
        {
            "weight_ih": "h_linear.weight_0",
            "weight_hh": "h_linear.weight_1",
            "bias_ih": "h_linear.bias",
            "alpha": "h_static_gate.bias",
            "beta": "h_static_gate_2.bias",
        },
    ),
    "fast_grnn": (
        "FastGRNNCell nonlinearity=sigmoid",
        {
            "weight_ih": "shared.weight_0",
            "weight_hh": "shared.weight_1",
            "bias_ih": "shared.bias shared.bias",
            "bias_hh": "gate_bias.bias candidate_bias.bias",
            "zeta": "h_static_gate.bias",
            "nu": "h_static_gate_2.bias",
        },
    ),
    "indrnn": (
        "IndRNNCell nonlinearity=relu",
        {"weight_ih": "h_linear.weight_0", "bias_ih": "h_linear.bias", "vector_u": "h_scale.weight"},
    ),
    "light_recurrent_unit": (
        "LightRUCell",
        {
            "weight_ih": "candidate_linear.weight_0 forget_gate_linear.weight_0",
            "bias_ih": "candidate_linear.bias forget_gate_linear.bias",
            "weight_hh": "forget_gate_linear.weight_1",
        },
    ),
    "minimal_rnn": (
        "MinimalRNNCell",
        {
            "weight_ih": "z_linear.weight_0",
            "bias_ih": "z_linear.bias",
            "weight_hh": "update_gate_linear.weight_0",
            "weight_mm": "update_gate_linear.weight_1",
            "bias_hh": "update_gate_linear.bias",
        },
    ),
    "multiplicative_lstm": (
        "MultiplicativeLSTMCell",
        {
            "weight_ih": "m_linear.weight_0 input_gate_linear.weight_0 forget_gate_linear.weight_0 "
            "candidate_linear.weight_0 output_gate_linear.weight_0",
            "bias_ih": "m_linear.bias input_gate_linear.bias forget_gate_linear.bias "
            "candidate_linear.bias output_gate_linear.bias",
            "weight_hh": "m_linear_2.weight_0",
            "bias_hh": "m_linear_2.bias",
            "weight_mh": "input_gate_linear.weight_1 forget_gate_linear.weight_1 candidate_linear.weight_1 "
            "output_gate_linear.weight_1",
        },
    ),
    "mut1": (
        "MUT1Cell",
        {
            "weight_ih": "update_gate_linear.weight_0 reset_gate_linear.weight_0 x_projected.weight_0",
            "bias_ih": "update_gate_linear.bias reset_gate_linear.bias x_projected.bias",
            "weight_hh": "reset_gate_linear.weight_1 candidate_linear.weight_0",
            "bias_hh": "0 candidate_linear.bias",
        },
    ),
    "mut2": (
        "MUT2Cell",
        {
            "weight_ih": "update_gate_linear.weight_0 x_projected.weight_0 candidate_linear.weight_0",
            "bias_ih": "update_gate_linear.bias x_projected.bias candidate_linear.bias",
            "weight_hh": "update_gate_linear.weight_1 reset_gate_linear.weight_0 candidate_linear.weight_1",
            "bias_hh": "0 reset_gate_linear.bias 0",
        },
    ),
    "ran": (
        "RANCell",
        {
            "weight_ih": "content.weight_0 input_gate_linear.weight_0 forget_gate_linear.weight_0",
            "bias_ih": "input_gate_linear.bias forget_gate_linear.bias",
            "weight_hh": "input_gate_linear.weight_1 forget_gate_linear.weight_1",
        },
    ),
    "residual_lstm": (
        "ResLSTMCell",
        {
            "weight_ph": "input_gate_peephole.weight forget_gate_peephole.weight output_gate_peephole.weight",
            "weight_proj": "h_linear.weight_0",
            "weight_res": "x_projected.weight_0",
        },
    ),
    "peephole_lstm": (
        "PeepholeLSTMCell",
        {"weight_ph": "input_gate_peephole.weight forget_gate_peephole.weight output_gate_peephole.weight"},
    ),
    "star": (
        "STARCell",
        {
            "weight_ih": "z_linear.weight_0 gate_linear.weight_0",
            "bias_ih": "z_linear.bias gate_linear.bias",
            "weight_hh": "gate_linear.weight_1",
        },
    ),
    "strongly_typed_rnn": (
        "TRNNCell",
        {
            "weight_ih": "h_linear.weight_0 forget_gate_linear.weight_0",
            "bias_ih": "h_linear.bias forget_gate_linear.bias",
        },
    ),
    "unicornn": (
        "UnICORNNCell dt=0.19 alpha=30.65",
        {
            "weight_ih": "z_linear.weight_0",
            "bias_ih": "z_linear.bias",
            "weight_hh": "z_scale.weight",
            "weight_ch": "rate.bias",
        },
    ),
    "working_memory_lstm": (
        "WMCLSTMCell",
        {
            "weight_mh": "input_gate_linear_2.weight_0 forget_gate_linear_2.weight_0 output_gate_linear_2.weight_0",
            "bias_mh": "input_gate_linear_2.bias forget_gate_linear_2.bias output_gate_linear_2.bias",
        },
    ),
}
"""By seed the peer's class and options, and for its arrays ours, one below the other; what one side lacks is zero."""

GATES = {
    "input_gate forget_gate candidate output_gate": ("peephole_lstm", "residual_lstm", "working_memory_lstm"),
    "update_gate candidate": ("li_gru LiGRUCell",),
    "forget_gate candidate": ("mgu MGUCell",),
    "candidate gate": ("ugrnn UGRNNCell",),
    "depth_candidate candidate depth_gate gate": ("intersection_rnn IntersectionRNNCell",),
    "update_gate reset_gate candidate": ("mut3 MUT3Cell",),
}
"""Seeds whose gates are W x + U h + b, all merged by the peer in this order."""

for gates, peers in GATES.items():
    linears = [f"{gate}_linear" for gate in gates.split()]
    merged = {
        "weight_ih": " ".join(f"{linear}.weight_0" for linear in linears),
        "weight_hh": " ".join(f"{linear}.weight_1" for linear in linears),
        "bias_ih": " ".join(f"{linear}.bias" for linear in linears),
    }
    for peer in peers:
        seed, *made = peer.split()
        kind, arrays = PEERS.get(seed, (" ".join(made), {}))
        PEERS[seed] = (kind, merged | arrays)


@pytest.mark.parametrize("name", PEERS)
def test_a_seed_gives_what_torchrecurrent_gives(name: str) -> None:
    kind, arrays = PEERS[name]
    input_size = H if name == "intersection_rnn" else 3
    layer, peer = _twins(name, kind, arrays, input_size)
    x = torch.randn(5, 2, input_size, dtype=torch.float64)
    states = tuple(torch.randn(2, H, dtype=torch.float64) for _ in layer.cell.states)
    outputs, last = layer(x, states)
    given: Any = states if len(states) > 1 else states[0]
    theirs = []
    for x_t in x:
        answer = peer(x_t, given)
        output, given = answer if name == "intersection_rnn" else (answer, answer)
        theirs.append(output[0] if isinstance(output, tuple) else output)
    torch.testing.assert_close(outputs, torch.stack(theirs), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(last, given if isinstance(given, tuple) else (given,), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["rnn", "relu_rnn"])
def test_plain_networks_give_what_torch_gives(name: str) -> None:
    layer = _drawn(name, 3)
    peer = nn.RNN(3, H, nonlinearity="relu" if name == "relu_rnn" else "tanh").double()
    with torch.no_grad():
        for target, source in zip(
            peer.parameters(), [*layer.learned()["h_linear"].values(), torch.zeros(H)], strict=True
        ):
            target.copy_(source)
    x, h = torch.randn(5, 2, 3, dtype=torch.float64), torch.randn(2, H, dtype=torch.float64)
    torch.testing.assert_close(layer(x, (h,))[0], peer(x, h[None])[0], rtol=1e-12, atol=1e-12)


def _drawn(name: str, input_size: int) -> Layer:
    torch.manual_seed(0)
    layer = Layer(SEEDS[name], input_size, H).double()
    with torch.no_grad():
        for array in layer.parameters():
            array.normal_(std=0.7)
    return layer


def _twins(name: str, kind: str, arrays: dict[str, str], input_size: int) -> tuple[Layer, nn.Module]:
    layer = _drawn(name, input_size)
    class_name, *options = kind.split()
    settings = {key: _value(text) for key, _, text in (option.partition("=") for option in options)}
    peer: nn.Module = getattr(torchrecurrent, class_name)(input_size, H, **settings).double()
    with torch.no_grad():
        for parameter, target in peer.named_parameters():
            target.zero_()
            if parameter in arrays:
                target.copy_(torch.cat([_array(layer, each, len(target) == 1) for each in arrays[parameter].split()]))
        used = {each for paths in arrays.values() for each in paths.split()}
        for node, learned in layer.learned().items():
            for ours, array in learned.items():
                if f"{node}.{ours}" not in used:
                    assert ours == "bias", f"{node}.{ours} has no peer"
                    array.zero_()
    return layer, peer


def _value(text: str) -> str | float:
    return float(text) if text[0].isdigit() else text


def _array(layer: Layer, path: str, scalar: bool) -> Tensor:
    """Our array `node.parameter`, `0` for a vector of zeros; where the peer has a scalar, ours becomes one repeated."""
    if path == "0":
        return torch.zeros(H, dtype=torch.float64)
    node, parameter = path.split(".")
    array = layer.learned()[node][parameter]
    return array.fill_(float(array[0]))[:1] if scalar else array
