"""The plan: what of a cell is computed when, decided once from the graph, without a tensor."""
