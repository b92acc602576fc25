"""The training step, faster: the same function as `cfa_nb.step.train_step`, up to rounding (tests/test_fast.py).

    step = FastStep(model, optimiser, config)
    loss = step(x, y, table, generator, robust_counts, clean_counts)

views       the network as the attack sees it (no weight gradients) and as the update sees it; bf16; compiled
statistics  a repeated forward pass replaced by arithmetic on BatchNorm's running statistics
sgd         the update, with the rate on the device
step        one step from these
epoch       the steps of an epoch, eager or captured
measure     the evaluation after it, eager or captured
graph       captures and replays
"""

from cfa_nb.fast.step import FastStep

__all__ = ["FastStep"]
