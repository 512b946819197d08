"""A user's torch module for one step becomes a cell, its weights carried over."""
