"""Export: a cell as a standalone PyTorch file that needs nothing of cellsearch."""
