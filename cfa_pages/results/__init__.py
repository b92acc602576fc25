"""Finished runs, and every number that a table, a figure or a claim reads from them; the paper's own numbers."""
