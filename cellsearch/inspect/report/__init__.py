"""The report: what was found and why, as one page that needs no network and no server."""
