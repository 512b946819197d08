"""What a cell's states tell before any training: do they grow, forget, tell inputs apart, and pass gradients back?

Every signal takes a probe and returns one number, in well under a second. x: [T, B, I]; outputs: [T, B, H];
D is the number of all state units, states times H.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import inf, isfinite, log, log10
from typing import Final

import torch
from torch import Tensor

from cellsearch.signals.probe import Probe

__all__ = ["STATE_SIGNALS", "gradient_by_lag", "growth", "lyapunov_exponents", "step_jacobian"]

TRAINED_GAIN: Final = 2.0
"""Training makes weights grow: what a cell does with its first weights times this is what it may soon do."""

SMALLEST: Final = 1e-30
"""Below this a variance or gradient counts as zero."""

RIDGE: Final = 1e-5
"""Added to eigenvalues of correlation matrices, as Mellor et al. do."""


def growth(probe: Probe, gain: float = 1.0) -> float:
    """log10 of the largest number that an output or last state reaches; inf once it is not finite."""
    with torch.no_grad():
        outputs, last = probe.outputs(gain)
    largest = max(float(each.abs().max()) for each in (outputs, *last))
    return log10(max(largest, SMALLEST)) if isfinite(largest) and all(map(_is_finite, (outputs, *last))) else inf


def grown_growth(probe: Probe) -> float:
    """The same with the weights times TRAINED_GAIN."""
    return growth(probe, TRAINED_GAIN)


def output_variance(probe: Probe) -> float:
    """log10 of the outputs' variance over sequences in the second half, mean over time and units."""
    with torch.no_grad():
        outputs, _ = probe.outputs()
    return _log10(outputs[len(outputs) // 2 :].var(1).mean())


def output_variance_trend(probe: Probe) -> float:
    """log10 of the ratio of that variance in the last quarter to that in the first: growing, steady or dying out."""
    with torch.no_grad():
        variance = probe.outputs()[0].var(1).mean(1)
    quarter = len(variance) // 4
    return _log10(variance[-quarter:].mean()) - _log10(variance[:quarter].mean())


def largest_lyapunov_exponent(probe: Probe) -> float:
    """Nats a step by which the fastest growing change of the states grows; 0 is the edge of chaos."""
    return float(lyapunov_exponents(probe)[0])


def mean_lyapunov_exponent(probe: Probe) -> float:
    """Mean of the log spectrum of the state Jacobian d s_T / d s_0, per step: how fast the states forget."""
    return float(lyapunov_exponents(probe).mean())


def slow_directions(probe: Probe) -> float:
    """Share of the state's directions that lose less than half of a change in a step."""
    return float((lyapunov_exponents(probe) > -log(2)).double().mean())


@lru_cache(maxsize=1)
def lyapunov_exponents(probe: Probe) -> Tensor:
    """All D exponents in falling order, nats a step; inf where the states leave the finite numbers.

    The Jacobians of the steps of the first sequence are multiplied from the right, with a QR decomposition a step
    (Benettin et al. 1980), so that neither the long product's largest nor its smallest directions are lost.
    """
    states = [torch.zeros(1, probe.rnn.hidden_size, dtype=probe.x.dtype) for _ in probe.cell.states]
    basis, total = torch.eye(len(states) * probe.rnn.hidden_size, dtype=probe.x.dtype), 0.0
    for x in probe.x[:, :1]:
        states, jacobian = step_jacobian(probe, x, states)
        if not _is_finite(jacobian):
            return torch.full((len(basis),), inf)
        basis, triangle = torch.linalg.qr(jacobian @ basis)
        total = total + triangle.diagonal().abs().clamp_min(SMALLEST).log()
    return (torch.as_tensor(total) / len(probe.x)).sort(descending=True).values


def gradient_slope(probe: Probe) -> float:
    """Nats a step by which the gradient of the last output shrinks (below 0) or grows with the input's lag."""
    lags = gradient_by_lag(probe)
    return (_ln(lags[-1]) - _ln(lags[0])) / (len(lags) - 1)


def gradient_far(probe: Probe) -> float:
    """log10 of the gradient of the last output in the first input."""
    return _log10(gradient_by_lag(probe)[-1])


def gradient_near(probe: Probe) -> float:
    """log10 of the gradient of the last output in the last input."""
    return _log10(gradient_by_lag(probe)[0])


def gradient_by_lag(probe: Probe) -> Tensor:
    """Norm of the gradient of a random projection of the last output in the input `lag` steps before, [T], B's mean."""
    x = probe.x.clone().requires_grad_()
    outputs = Probe(probe.rnn, x).outputs()[0]
    (gradient,) = torch.autograd.grad(outputs[-1].flatten() @ _projection(outputs[-1]), x)
    by_time: Tensor = gradient.norm(dim=2).mean(1)
    return by_time.flip(0)


def hidden_covariance(probe: Probe) -> float:
    """How differently B sequences leave the last outputs (Serianni & Kalita 2023, hidden covariance)."""
    with torch.no_grad():
        return _spread(probe.outputs()[0][-1])


def jacobian_covariance(probe: Probe) -> float:
    """How differently B sequences' gradients in the input run (Mellor et al. 2020, first version)."""
    x = probe.x.clone().requires_grad_()
    outputs = Probe(probe.rnn, x).outputs()[0]
    (gradient,) = torch.autograd.grad(outputs.sum(), x)
    return _spread(gradient.transpose(0, 1).flatten(1))


def sign_kernel(probe: Probe) -> float:
    """log determinant of the agreement of the outputs' signs between B sequences (Mellor et al. 2021, NASWOT).

    The signs of outputs less their mean stand for the published ReLU patterns.
    """
    with torch.no_grad():
        last = probe.outputs()[0][-1]
    signs = torch.sign(last - last.mean(0))
    if not _is_finite(signs):
        return -inf
    kernel = (signs @ signs.t() / signs.shape[1] + 1) / 2
    return float(torch.linalg.slogdet(kernel + RIDGE * torch.eye(len(kernel), dtype=kernel.dtype)).logabsdet)


STATE_SIGNALS: Final[Mapping[str, Callable[[Probe], float]]] = {
    "growth": growth,
    "grown growth": grown_growth,
    "output variance": output_variance,
    "output variance trend": output_variance_trend,
    "largest Lyapunov exponent": largest_lyapunov_exponent,
    "mean Lyapunov exponent": mean_lyapunov_exponent,
    "slow directions": slow_directions,
    "gradient slope": gradient_slope,
    "gradient far": gradient_far,
    "gradient near": gradient_near,
    "hidden covariance": hidden_covariance,
    "Jacobian covariance": jacobian_covariance,
    "sign kernel": sign_kernel,
}
"""Signal by name."""


def step_jacobian(probe: Probe, x: Tensor, states: list[Tensor]) -> tuple[list[Tensor], Tensor]:
    """The states after one step on x [1, I], and the exact Jacobian [D, D] of the step.

    A batch of D equal rows gives all rows of the Jacobian in one backward pass: row i sends back unit i alone.
    """
    size = len(states) * probe.rnn.hidden_size
    rows = [state.expand(size, -1).clone().requires_grad_() for state in states]
    given = tuple(row.unsqueeze(0) for row in rows)
    _, last = probe.rnn(x.expand(1, size, -1), given if len(given) > 1 else given[0])
    following = [state[0] for state in ((last,) if isinstance(last, Tensor) else last)]
    units = torch.cat(following, 1)
    gradients = torch.autograd.grad(units.diagonal().sum(), rows, allow_unused=True, materialize_grads=True)
    return [state[:1].detach() for state in following], torch.cat(gradients, 1)


def _spread(vectors: Tensor) -> float:
    """-Σ (log(λ + k) + 1 / (λ + k)) over the eigenvalues λ of the correlations of B vectors [B, N]; higher is more."""
    centred = vectors - vectors.mean(1, keepdim=True)
    unit = centred / centred.norm(dim=1, keepdim=True).clamp_min(SMALLEST)
    if not _is_finite(unit):
        return -inf
    shifted = torch.linalg.eigvalsh(unit @ unit.t()).clamp_min(0) + RIDGE
    return -float((shifted.log() + 1 / shifted).sum())


def _projection(like: Tensor) -> Tensor:
    return torch.randn(like.numel(), generator=torch.Generator().manual_seed(0), dtype=like.dtype) / like.shape[-1]


def _is_finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())


def _log10(value: Tensor) -> float:
    return _ln(value) / log(10)


def _ln(value: Tensor) -> float:
    number = float(value)
    return log(max(number, SMALLEST)) if isfinite(number) else inf
