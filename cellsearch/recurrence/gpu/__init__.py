"""The GPU backend: the whole time loop as one kernel that was written for this cell."""
