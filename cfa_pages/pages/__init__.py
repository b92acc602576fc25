"""From trained runs to the pages people read.

pipeline.reproduce("fashion")   trains what is missing, publishes the records, draws every page
pipeline.render("fashion")      draws every page from the published records, without training

pipeline.py   reproduce, render, and publish: copies records, provenance and reported checkpoints of the runs
compare.py    how each run's record agrees with the published one: identical, within tolerance, different
jobs.py       which notebooks make the pages of a profile, and where the links between them lead
draw.py       executes what is not up to date, with a line of progress for each page
cache.py      what a page depends on, and why it would be executed again
notebooks.py  executes notebooks, several at a time, each in a process of its own (worker.py)
staging.py    the folder and the environment that such a process works in
scrub.py      removes from an executed notebook what belongs to the machine and the day
manifest.py   moves a finished page with its figures and tables to where readers find it; manifest.json: which figure
              comes from which notebook, runs, commit and machine
status.py     which runs and pages are there, which are missing, and what that would cost

A line for each run that was trained is written by `cfa_nb.runs.sweep`.
"""
