"""How two cells differ: what to change, and how far they are apart."""
