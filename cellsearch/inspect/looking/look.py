"""A look into a trained cell as plain data: it is kept beside the study, and shown by a picture and by the report.

x: [T, B, I]; outputs: [T, B, H]; D is the number of all state units, states times H.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from cellsearch.cell import identity
from cellsearch.inspect.looking.trained import seen
from cellsearch.signals import Probe, gate_values, gradient_by_lag, step_jacobian
from cellsearch.study.study import Study

__all__ = ["LOOK", "Look", "load_look", "look", "save_look"]

LOOK: Final = "look.json"
"""What a look leaves in its study's folder."""

SHOWN_STEPS: Final = 120
"""Steps of the sequence that are shown."""

LAGS: Final = 24
"""Steps back that a unit's memory is followed."""

SEVERAL: Final = 4
"""Steps at which the Jacobian is taken, evenly over what is shown."""

ENOUGH: Final = 10
"""Observations for each coefficient of a regression, at least."""

FAINT: Final = 0.05
"""A share of a unit's variance below which it remembers nothing."""


@dataclass(frozen=True)
class Look:
    """What was seen of the cell of an `identity`.

    `gates` are values by gate, [steps][units], over the first sequence, whose steps have `labels`. `gradients` are
    those of the last output by lag, trained and fresh. `eigenvalues` are those of the state's Jacobian, (real,
    imaginary), at several steps, with fresh and with trained weights. `memory` is by unit and lag the share of a unit's
    variance that the input so many steps before explains, empty where the data is too short to tell.
    """

    cell: str
    identity: str
    labels: Sequence[str]
    gates: Mapping[str, Sequence[Sequence[float]]]
    gradients: Mapping[str, Sequence[float]]
    eigenvalues: Mapping[str, Sequence[tuple[float, float]]]
    memory: Sequence[Sequence[float]]

    @property
    def longest(self) -> list[tuple[int, int, float]]:
        """(unit, lag, share) of the earliest input that each unit remembers, the longest memory first."""
        found = [(unit, *_earliest(shares)) for unit, shares in enumerate(self.memory)]
        return sorted(found, key=lambda each: each[1:], reverse=True)


def look(study: Study, which: str = "best", text: str | None = None) -> Look:
    """Look at a trial's trained cell on a text, or on a batch of its task. Raises what `seen` raises."""
    found = seen(study, which, text)
    cell = study.cell(which)
    return Look(
        cell=cell.name,
        identity=identity(cell),
        labels=[*found.labels[:SHOWN_STEPS]],
        gates=_gates(found.trained),
        gradients={
            "trained": gradient_by_lag(found.trained).tolist(),
            "before training": gradient_by_lag(found.fresh).tolist(),
        },
        eigenvalues={"trained": _eigenvalues(found.trained), "before training": _eigenvalues(found.fresh)},
        memory=_memory(found.trained),
    )


def save_look(found: Look, path: Path) -> None:
    """Write it as JSON."""
    path.write_text(json.dumps(asdict(found)), encoding="utf-8")


def load_look(path: Path, identity: str) -> Look | None:
    """The look in a file; None if there is none of the cell of this identity, or it cannot be read."""
    try:
        found = Look(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.identity == identity else None


def _gates(probe: Probe) -> dict[str, list[list[float]]]:
    """Each sigmoid's values over the first sequence, [steps][units], to three decimals."""
    first = Probe(probe.rnn, probe.x[:SHOWN_STEPS, :1])
    return {name: values[:, 0].round(decimals=3).tolist() for name, values in gate_values(first).items()}


def _eigenvalues(probe: Probe) -> list[tuple[float, float]]:
    """Those of the Jacobian of the state in the state before, at several steps of the first sequence."""
    x = probe.x[:SHOWN_STEPS, :1]
    wanted = {len(x) * (place + 1) // SEVERAL - 1 for place in range(SEVERAL)}
    states = [torch.zeros(1, probe.rnn.hidden_size, dtype=x.dtype) for _ in probe.cell.states]
    found: list[complex] = []
    for time, step in enumerate(x):
        states, jacobian = step_jacobian(probe, step, states)
        if time in wanted and bool(torch.isfinite(jacobian).all()):
            found += torch.linalg.eigvals(jacobian).tolist()
    return [(round(each.real, 4), round(each.imag, 4)) for each in found]


def _memory(probe: Probe) -> list[list[float]]:
    """By unit and lag the adjusted share of variance that a linear function of the earlier input explains, R²."""
    with torch.no_grad():
        outputs, _ = probe.outputs()
    lags = min(LAGS, len(outputs) - 2)
    count = (len(outputs) - lags) * outputs.shape[1]
    if lags < 1 or count < ENOUGH * (probe.x.shape[2] + 1):
        return []
    units = _centred(outputs[lags:])
    shares = [_explained(_centred(probe.x[lags - lag : len(outputs) - lag]), units) for lag in range(lags)]
    return [[round(max(0.0, each), 3) for each in unit] for unit in torch.stack(shares, 1).tolist()]


def _explained(inputs: Tensor, units: Tensor) -> Tensor:
    """Adjusted R² of each unit [n, H] by the inputs [n, I], of which some may depend on each other."""
    basis, sizes, _ = torch.linalg.svd(inputs, full_matrices=False)
    basis = basis[:, sizes > 1e-8 * sizes.max().clamp_min(1e-30)]
    rank, freedom = basis.shape[1], len(units) - basis.shape[1] - 1
    explained = (basis.T @ units).square().sum(0) / units.square().sum(0).clamp_min(1e-30)
    return 1 - (1 - explained) * (len(units) - 1) / max(1, freedom) if rank else torch.zeros_like(explained)


def _centred(values: Tensor) -> Tensor:
    flat = values.flatten(0, 1)
    return flat - flat.mean(0)


def _earliest(shares: Sequence[float]) -> tuple[int, float]:
    """The longest lag at which a share is not FAINT, and the share; of a unit that hears nothing, its own step."""
    lag = max((at for at, share in enumerate(shares) if share >= FAINT), default=0)
    return lag, shares[lag]
