"""The search: a strategy proposes cells, the loop has them trained, the ledger keeps what was seen."""
