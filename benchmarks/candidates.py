"""The training steps of ours that are compared; a new one is registered here and nowhere else."""

from cfa_nb.method.fast import FastStep
from cfa_nb.method.step import train_step


def candidates():
    """{name: make}, the plain reference first; `make(model, optimiser, config)` gives the step of one network.

    A step is called as step(x, y, table, generator, robust_counts, clean_counts), which mean what they mean in
    `cfa_nb.method.step.train_step`; it may keep state of its own (compiled functions, graphs). The network's weights
    and buffers and the optimiser's momentum are put back in place between timings, and must be read anew at every step.
    """
    return {"plain": plain, "fast": fast}


def fast(model, optimiser, config):
    """The step that trains: eager on a CPU, compiled on a GPU."""
    return FastStep(model, optimiser, config, compiled=next(model.parameters()).is_cuda)


def plain(model, optimiser, config):
    """The plain reference."""

    def step(x, y, table, generator, robust_counts, clean_counts):
        return train_step(model, optimiser, x, y, table, config, generator, robust_counts, clean_counts)

    return step
