"""The native backend: a graph becomes plain C for the whole time loop, which the system's compiler builds."""
