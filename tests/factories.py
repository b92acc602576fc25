"""Made-up runs with known numbers, for the tests of claims and report: nothing is trained.

runs = all_runs(SMOKE, effect={"at_ccm": 0.1})   # CCM lifts the worst class of AT by ten points
"""

from cfa_nb.config import LIVE
from cfa_nb.metrics import ClassAccuracy
from cfa_nb.provenance import Provenance
from cfa_nb.record import Checkpoint, EpochRecord, Measured, RunRecord
from cfa_nb.rows import hard_classes
from cfa_nb.runs import Run, Runs

N = 200  # test images a class
NAMES = tuple(f"class {k}" for k in range(10))
SELECTIONS = ("best", "best_val", "last")


def accuracy(easy, hard, worst, classes=(2, 3, 4, 5), n=N):
    """`ClassAccuracy` from three fractions: easy classes, hard classes, and the first hard one, the worst."""
    shares = [worst if k == classes[0] else hard if k in classes else easy for k in range(10)]
    return ClassAccuracy(tuple(round(s * n) for s in shares), (n,) * 10)


def run(profile, config, lift=0.0, accepts=True):
    """One finished run; its worst class lies `lift` above 0.10 and differs a little by seed and epoch."""
    averages = profile.averages_of(config)
    epochs = [_epoch(profile, config, averages, e, lift, accepts) for e in range(1, config.epochs + 1)]
    names = [LIVE, *(a.name for a in averages if accepts or a.threshold == 0)]
    kept = {f"{w}/{s}": Checkpoint(config.epochs, "0" * 64) for w in names for s in SELECTIONS}
    end = epochs[-1].test
    evaluations = {
        key: {a.key: end[key.split("/")[0]].robust for a in attacks}
        for key, attacks in profile.evaluations(config).items()
        if key in kept
    }
    record = RunRecord(config, "0123456789abcdef", NAMES, averages, epochs, kept, evaluations)
    return Run(config, record, provenance())


def _epoch(profile, config, averages, epoch, lift, accepts):
    hard = hard_classes(profile)
    wobble = 0.01 * ((epoch + config.seed) % 3)
    robust = accuracy(0.7 - 0.2 * (config.eps - 0.15), 0.4, 0.10 + lift + wobble + 0.02 * config.seed, hard)
    clean = accuracy(0.98, 0.95, 0.93, hard)
    measured = Measured(clean, robust)
    taken = {a.name: epoch >= a.start and (accepts or a.threshold == 0) for a in averages}
    alive = {a.name: measured if taken[a.name] else None for a in averages}
    eps = tuple(config.eps * (0.8 if k in hard else 1.2) if config.ccm else config.eps for k in range(10))
    split = {LIVE: measured, **alive}
    return EpochRecord(epoch, config.lr_at(epoch), eps, (config.beta,) * 10, robust, None, split, dict(split), taken)


def provenance(seconds=2.0, hardware="a laptop, 2 cores", commit="abc123"):
    """A `Provenance` that names no real machine."""
    return Provenance(
        seconds, seconds / 2, hardware, "cpu", "3.11.0", "2.11.0", "2.0.0", commit, "2026-01-01T00:00:00Z"
    )


def all_runs(profile, effect=None, accepts=True):
    """Every run of a profile; `effect` maps a recipe to the lift of its worst class."""
    return Runs(run(profile, c, (effect or {}).get(c.recipe, 0.0), accepts) for c in profile.runs())
