"""Cheap signals: what an untrained cell, or one in its first seconds of training, tells of its future."""

from cellsearch.signals.filter import will_fail
from cellsearch.signals.first_call import first_call
from cellsearch.signals.probe import Probe, probe
from cellsearch.signals.saturation import Saturation, gate_saturation, gate_values
from cellsearch.signals.states import STATE_SIGNALS, gradient_by_lag, lyapunov_exponents, step_jacobian
from cellsearch.signals.weights import WEIGHT_SIGNALS, Start, first_losses, loss_fall, start

__all__ = [
    "STATE_SIGNALS",
    "WEIGHT_SIGNALS",
    "Probe",
    "Saturation",
    "Start",
    "first_call",
    "first_losses",
    "gate_saturation",
    "gate_values",
    "gradient_by_lag",
    "loss_fall",
    "lyapunov_exponents",
    "probe",
    "start",
    "step_jacobian",
    "will_fail",
]
