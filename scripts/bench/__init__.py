"""The sections of `scripts/bench_recurrence`, one file each, on top of `measuring`. Need torch and networkx alone."""
