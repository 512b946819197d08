"""Inspect: pictures, tables and plots of cells and studies."""
