"""A cell on paper: equations, as text and LaTeX, read and written."""
