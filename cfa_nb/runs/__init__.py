"""What a run leaves behind, which runs the paper needs, and how they are trained.

record, provenance   the deterministic result of a run; where and with what it was made
store                runs on disk: nothing lost, nothing done twice
study, profiles      which runs each figure and table needs, at which size
sweep, measure       trains what is missing; adds evaluations to a finished run
status               what is finished and missing, and the time and disk that are left
"""
