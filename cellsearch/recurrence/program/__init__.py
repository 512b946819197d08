"""The program: a plan as matrix products and elementwise groups, which compiling backends write in their language."""
