"""Which runs the paper needs (study), what trains them (sweep), and what a run leaves behind (record, store)."""
