"""Plots of studies, comparisons and profiles, as files."""
