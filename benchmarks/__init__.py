"""What a training step costs: ours against the authors' released code, against the machine, against itself.

`README.md` says how they are run and what each asks, and holds the latest results.
"""

import cfa_nb  # noqa: F401  # before numpy and torch: fixes the level of their CPU kernels, as in training
