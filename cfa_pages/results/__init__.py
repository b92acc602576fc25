"""Finished runs, and every number that a table, a figure or a claim reads from them; the paper's own numbers.

`runs` holds the runs, `rows` and `measurements` read numbers from them (of a table row; all others), `stats` compares
those, `paper` has the paper's own, and `differences` tells where paper, released code and this companion part ways.
"""
