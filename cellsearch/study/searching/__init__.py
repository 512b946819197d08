"""A search from its arrangement to its verdict."""
