"""The picture of a cell: its shapes, where they stand, and how they are drawn."""
