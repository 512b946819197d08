"""Tasks of measured series: some that statsmodels carries, and a table of the user's own."""
