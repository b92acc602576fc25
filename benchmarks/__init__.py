"""What a training step costs: ours against the authors' released code, against the machine, against itself.

    python -m benchmarks.all --quick --authors CFA     # everything; CFA: a clone of https://github.com/PKU-ML/CFA

`README.md` says what each benchmark asks and holds the latest results. `benchmark.py` is the frame of all seven.
"""
