"""What a few seeds and a few tasks can tell, what they cannot, and where a loss curve has its least."""
