"""Which cells are the same: the canonical form, and the identity that is its hash."""
