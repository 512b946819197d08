"""Live: what runs is looked at from a terminal and from a browser. It is read, never locked, and never written."""
