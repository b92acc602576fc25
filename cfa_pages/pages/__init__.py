"""From trained runs to the pages people read.

pipeline.reproduce("fashion")   trains what is missing, publishes the records, draws every page
pipeline.render("fashion")      draws every page from the published records, without training

publish.py    copies records, provenance and reported checkpoints of the runs, and compares with what was there before
jobs.py       which notebooks make the pages of a profile, what a page depends on, why it would be executed again
draw.py       executes what is not up to date, moves finished pages to where readers find them, keeps manifest.json
execute.py    executes one notebook with papermill, in a kernel of its own with limits of time
scrub.py      removes from an executed notebook what belongs to the machine and the day
"""
