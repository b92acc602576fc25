"""Made-up notebooks and runs for the tests of the runner: nothing is trained."""

import nbformat
import torch

from cfa_nb.config import LIVE
from cfa_nb.method.metrics import ClassAccuracy, Measured
from cfa_nb.runs.provenance import Provenance
from cfa_nb.runs.record import Checkpoint, EpochRecord, RunRecord, confusion_key
from cfa_pages.pages.scrub import KERNELSPEC

SELECTIONS = ("best", "best_val", "last")
CLASSES = {"cifar100": 100, "tiny-imagenet": 200}  # of the data sets that have not ten


def write_notebook(path, *sources, parameters="profile = 'demo'  # a profile's name"):
    """Writes a notebook of code cells; the first one has the tag `parameters`, None leaves it out."""
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    if parameters is not None:
        cells.insert(0, nbformat.v4.new_code_cell(parameters, id="p", metadata={"tags": ["parameters"]}))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": dict(KERNELSPEC)}), path)
    return path


def accuracy(hits=5, n=10, classes=10, worst=None, share=0.0):
    """`ClassAccuracy` of equal classes, but for the first where `worst` is given."""
    first = hits if worst is None else worst
    return ClassAccuracy((first, *[hits] * (classes - 1)), (n,) * classes, share)


def record(profile, config, data_hash="made up", **last):
    """A finished `RunRecord`; `last` says how the last epoch's robust test accuracy is counted."""
    averages, classes = profile.averages_of(config), CLASSES.get(config.dataset, 10)
    counted = {"classes": classes, "share": config.worst_share}
    weights = (LIVE, *(a.name for a in averages))
    same = {w: Measured(accuracy(**counted), accuracy(**counted)) for w in weights}
    epochs = [_epoch(config, e, averages, same) for e in range(1, config.epochs)]
    end = same | {LIVE: Measured(accuracy(**counted), accuracy(**counted | last))}
    epochs.append(_epoch(config, config.epochs, averages, end))
    keys = [f"{w}/{s}" for w in weights for s in SELECTIONS]
    attacks_by_key = profile.evaluations(config)
    return RunRecord(
        config,
        data_hash,
        tuple("abcdefghij") if classes == 10 else tuple(f"class {k}" for k in range(classes)),
        averages,
        epochs,
        {k: Checkpoint(config.epochs, "") for k in keys},
        {k: {a.key: accuracy(**counted) for a in attacks} for k, attacks in attacks_by_key.items()},
        confusions={confusion_key(k, a): ((1,) * classes,) * classes for k, a in profile.confusions(config)},
    )


def _epoch(config, epoch, averages, test):
    classes, accepted = len(test[LIVE].clean.n), {a.name: True for a in averages}
    eps, beta = (config.eps,) * classes, (config.beta,) * classes
    return EpochRecord(epoch, config.lr, eps, beta, test[LIVE].clean, None, test, test, accepted)


def finish(store, profile, config, **last):
    """Enters a made-up run into a `RunStore`, with tiny weights."""
    made = record(profile, config, **last)
    for key, checkpoint in made.checkpoints.items():
        digest = store.save_weights(config, key, {"w": torch.full((2,), float(config.seed))})
        made.checkpoints[key] = Checkpoint(checkpoint.epoch, digest)
    store.write_record(config, made, provenance())
    return made


def provenance(seconds=1.5):
    """A `Provenance` of no machine."""
    versions = dict(python="3.11.7", torch="2.15.0", numpy="2.4.6")
    origin = dict(hardware="a processor, 2 cores", device="cpu", commit="0" * 12, finished_at="2023-06-01T00:00:00Z")
    return Provenance(seconds_train=seconds, seconds_evaluate=0.5, **versions, **origin)
