"""Cells from elsewhere: files of any notation that is data."""
