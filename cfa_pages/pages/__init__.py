"""From trained runs to the pages people read.

pipeline.reproduce("demo")   trains what is missing, publishes the records, draws every page
pipeline.render("demo")      draws every page from the published records, without training

pages.py      which notebooks make the pages of a profile
cache.py      what a page depends on, and why it would be executed again
draw.py       executes what is not up to date, with a line of progress for each page
notebooks.py  executes notebooks, several at a time, each in a process of its own (worker.py)
staging.py    the folder and the environment that such a process works in
scrub.py      removes from an executed notebook what belongs to the machine and the day
links.py      points links between notebooks at their pages
place.py      moves a finished page with its figures and tables to where readers find it
publish.py    copies records, provenance and reported checkpoints of the runs
compare.py    a verdict for each run: identical to the published record, within tolerance, different
manifest.py   manifest.json: which figure comes from which notebook, runs, commit and machine
progress.py   a line for each run that was trained
status.py     what is there, what is missing, and what that would cost
"""
