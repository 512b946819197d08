"""Comparisons: given cells beside each other on a task, on several, or on those that a search never saw."""
