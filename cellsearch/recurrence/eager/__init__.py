"""The eager backend: torch's own operations carry out the plan."""
