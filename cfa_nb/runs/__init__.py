"""What a run leaves behind, which runs the paper needs, and how they are trained.

record, provenance   the deterministic result of a run; where and with what it was made
store, published     finished runs on disk: the local ones, and the committed ones
study, profiles      which runs each figure and table needs, at which size; variants: what may follow a profile's name
sweep, measure       trains what is missing; adds evaluations to a finished run
status, cost         what is finished and missing, and what that will cost
"""
