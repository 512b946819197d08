"""A module that runs by the native backend is saved, copied, traced and packed like any other."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from cellsearch.errors import BackendError
from cellsearch.recurrence import RNN, choose
from cellsearch.recurrence.native.backend import NATIVE
from cellsearch_search_spaces.gated import GRU, LSTM
from tests.helpers.recurrence.examples import KNOWN

X = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))


def test_state_dicts_do_not_know_the_backend() -> None:
    rnn, other = _rnn("native"), _rnn("reference")
    assert rnn.state_dict().keys() == other.state_dict().keys()
    file = io.BytesIO()
    torch.save(rnn.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(other(X)[0], rnn(X)[0])


def test_a_copy_a_pickle_and_a_saved_module_compute_the_same_and_are_apart() -> None:
    rnn = _rnn("native")
    expected = rnn(X)[0].detach()
    file = io.BytesIO()
    torch.save(rnn, file)
    file.seek(0)
    for twin in (copy.deepcopy(rnn), pickle.loads(pickle.dumps(rnn)), torch.load(file, weights_only=False)):
        assert torch.equal(twin(X)[0], expected)
        with torch.no_grad():
            next(twin.parameters()).zero_()
        assert not torch.equal(twin(X)[0], expected)
    assert torch.equal(rnn(X)[0], expected)


def test_new_weights_are_seen_at_once() -> None:
    rnn, other = _rnn("native"), _rnn("reference")
    optimizer = torch.optim.SGD(rnn.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        rnn(X)[0].square().sum().backward()
        optimizer.step()
    other.load_state_dict(rnn.state_dict())
    torch.testing.assert_close(rnn(X)[0], other(X)[0])


def test_autocast_and_small_precisions_are_refused_with_a_reason_and_run_elsewhere() -> None:
    rnn = _rnn("auto")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert "autocast is on" in str(NATIVE.refuses(LSTM, X))
        assert torch.equal(rnn(X)[0], _rnn("reference")(X)[0])
    for dtype in (torch.float16, torch.bfloat16):
        message = f"computes in float32 and float64, not in {str(dtype).removeprefix('torch.')}"
        assert message in str(NATIVE.refuses(LSTM, X.to(dtype)))
        assert choose(LSTM, X.to(dtype)).name == "eager"
        output, _ = copy.deepcopy(rnn).to(dtype)(X.to(dtype))
        torch.testing.assert_close(output.float(), rnn(X)[0], rtol=0.05, atol=0.05)
        with pytest.raises(BackendError, match=message):
            _rnn("native").to(dtype)(X.to(dtype))
    assert "the input is on meta" in str(NATIVE.refuses(LSTM, X.to("meta")))


def test_arrays_that_do_not_fit_together_are_refused_before_they_are_read() -> None:
    rnn, states = _rnn("native"), (torch.zeros(2, 2, 4), torch.zeros(2, 2, 4))
    with pytest.raises(BackendError, match=r"weight_0 of 'input_gate_linear' must be torch.float64 \[4, 3\] on cpu"):
        rnn(X.double())
    with pytest.raises(BackendError, match=r"got torch.float32 \[4, 3\] on cpu"):
        rnn(X.double(), tuple(state.double() for state in states))
    with pytest.raises(BackendError, match=r"initial state must be torch.float32 \[2, 4\]"):
        rnn(X, (states[0], states[1].double()))
    rnn.layers[0].weight_1_input_gate_linear = nn.Parameter(torch.zeros(4, 2))
    with pytest.raises(BackendError, match=r"weight_1 of .* must be torch.float32 \[4, 4\] on cpu .* \[4, 2\]"):
        rnn(X)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_and_initial_states_have_gradients(bidirectional: bool) -> None:
    results = []
    for backend in ("native", "reference"):
        torch.manual_seed(0)
        rnn = RNN(GRU, 3, 16, num_layers=2, bidirectional=bidirectional, backend=backend, dtype=torch.float64)
        sequences = [torch.randn(n, 3, dtype=torch.float64, requires_grad=True) for n in (2, 5, 1, 5, 3)]
        initial = torch.randn(len(rnn.layers), 5, 16, dtype=torch.float64, requires_grad=True)
        packed, last = rnn(pack_sequence(sequences, enforce_sorted=False), initial)
        slopes = torch.autograd.grad(packed.data.sin().sum() + last.sum(), [initial, *sequences, *rnn.parameters()])
        results.append([*unpack_sequence(packed), last, *slopes])
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)


def test_an_empty_batch_runs() -> None:
    rnn = _rnn("native")
    output, last = rnn(torch.zeros(5, 0, 3))
    output.sum().backward()
    assert (output.shape, last[0].shape) == ((5, 0, 4), (2, 0, 4))
    assert not any(torch.count_nonzero(parameter.grad) for parameter in rnn.parameters() if parameter.grad is not None)


def test_what_traces_gets_the_operations_themselves() -> None:
    rnn = _rnn("auto").eval().requires_grad_(False)
    expected = rnn(X)[0]
    traced = make_fx(lambda x: rnn(x)[0])(X)
    torch.testing.assert_close(traced(2 * X), rnn(2 * X)[0])
    exported = torch.export.export(rnn, (X,)).module()
    torch.testing.assert_close(exported(2 * X)[0], rnn(2 * X)[0])
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert rnn(mode.from_tensor(X))[0].shape == expected.shape


@pytest.mark.filterwarnings("ignore")  # of the compiler, as it looks about
def test_a_compiler_gets_the_operations_themselves() -> None:
    rnn = _rnn("auto").eval()
    compiled = torch.compile(rnn, backend="eager")
    torch.testing.assert_close(compiled(X[:2])[0], rnn(X[:2])[0])


@pytest.mark.filterwarnings("ignore")
def test_a_jit_trace_holds_for_other_numbers() -> None:
    rnn = _rnn("auto").eval()
    traced = torch.jit.trace(rnn, (X,))  # type: ignore[no-untyped-call]
    torch.testing.assert_close(traced(2 * X)[0], rnn(2 * X)[0])


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch's own, of forward derivatives
def test_functional_transforms_and_forward_derivatives_go_to_the_reference() -> None:
    rnn, reference = _rnn("auto"), _rnn("reference")
    reference.load_state_dict(rnn.state_dict())

    def total(x: Tensor) -> Tensor:
        return rnn(x)[0].square().sum()  # type: ignore[no-any-return]

    expected = torch.autograd.functional.jacobian(lambda x: reference(x)[0].square().sum(), X)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(torch.func.grad(total)(X), expected)
    torch.testing.assert_close(torch.func.vmap(total)(torch.stack([X, 2 * X])), torch.stack([total(X), total(2 * X)]))
    rnn.requires_grad_(False)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(total(forward_ad.make_dual(X, torch.ones_like(X)))).tangent  # type: ignore[no-untyped-call]
    torch.testing.assert_close(tangent, expected.sum())


def test_a_subclass_of_tensors_goes_to_the_reference() -> None:
    class Marked(Tensor):
        """Every operation on it gives a Marked tensor."""

    rnn = _rnn("auto")
    assert isinstance(rnn(X.as_subclass(Marked))[0], Marked)
    assert "the input is a Marked" in str(NATIVE.refuses(LSTM, X.as_subclass(Marked)))
    assert choose(LSTM, nn.Parameter(X)) is NATIVE


def test_weights_that_are_computed_learn() -> None:
    slopes = []
    for backend in ("native", "reference"):
        torch.manual_seed(0)
        rnn = RNN(KNOWN["every_op"], 4, 4, backend=backend, dtype=torch.float64)
        nn.utils.parametrizations.weight_norm(rnn.layers[0], "weight_2_gate_linear")
        x = torch.randn(3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        slopes.append(torch.autograd.grad(rnn(x)[0].sum(), list(rnn.parameters())))
    torch.testing.assert_close(*slopes, rtol=1e-10, atol=1e-10)


def _rnn(backend: str) -> RNN:
    torch.manual_seed(0)
    return RNN(LSTM, 3, 4, num_layers=2, backend=backend)
