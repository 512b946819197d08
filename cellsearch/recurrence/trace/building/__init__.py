"""Building: the nodes and products of the cell to be, and the values and lines of source that they come from."""
