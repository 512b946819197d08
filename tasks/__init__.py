"""Tasks: each file is one task with its data, the model around the cell, loss and metric."""
