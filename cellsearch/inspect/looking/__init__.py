"""Looks into a trained cell: its gates over a sequence, how far gradients reach, what its states do and remember."""
