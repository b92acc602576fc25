"""Made-up runs with known numbers, for the tests of claims, report, runner and commands: nothing is trained.

runs = all_runs(SMOKE, effect={"at_ccm": 0.1})   # CCM lifts the worst class of AT by ten points
runs = paper_runs(CIFAR10)                       # the paper's own Tables 1-3, seed by seed around its means
finish(store, SMOKE)                             # a store in which every run of a profile is finished
"""

from functools import lru_cache

import numpy as np
import torch

from cfa_nb.config import LIVE
from cfa_nb.method.metrics import ClassAccuracy, Measured
from cfa_nb.recipes import ROWS
from cfa_nb.runs.provenance import Provenance
from cfa_nb.runs.record import Checkpoint, EpochRecord, RunRecord, confusion_key, pack_outcomes
from cfa_pages.results.paper import TABLE_1, TABLE_2, TABLE_3
from cfa_pages.results.rows import CIFAR10_NAMES
from cfa_pages.results.runs import Results, Run

SELECTIONS = ("best", "best_val", "last")
CLASSES = {"cifar100": 100, "tiny-imagenet": 200}  # of the data sets that have not ten
LONG = "a class with quite a long name"
NOISE = (0, 1, -1, 0, 0)  # hits that a seed's made-up result misses the paper's mean by


def class_names(profile):
    """K made-up names; CIFAR-10's own where the data is CIFAR-10, one long name where there are many."""
    if profile.common["dataset"] == "cifar10":
        return CIFAR10_NAMES
    count = CLASSES.get(profile.common["dataset"], 10)
    return ("class 0" if count == 10 else LONG, *(f"class {k}" for k in range(1, count)))


@lru_cache(maxsize=4096)
def accuracy(easy, hard, worst, classes=(2, 3, 4, 5), n=200, count=10, share=0.0):
    """`ClassAccuracy` from three fractions: easy classes, hard classes, and the first hard ones, the worst."""
    lowest = classes[: max(1, round(share * count))]
    shares = [worst if k in lowest else hard if k in classes else easy for k in range(count)]
    return ClassAccuracy(tuple(round(s * n) for s in shares), (n,) * count, share)


def made_hard(profile):
    """The classes that are hard in the made-up data: the paper's on CIFAR-10, else two fifths from the third."""
    count = len(class_names(profile))
    return (2, 3, 4, 5) if count == 10 else tuple(range(2, 2 + 2 * count // 5))


def run(profile, config, lift=0.0, accepts=True, accuracy_of=None):
    """One finished run; its worst class lies `lift` above 0.10 and differs a little by seed and epoch.

    `accuracy_of(weights, selection)` gives the `ClassAccuracy` under every attack; None: that of the last epoch.
    """
    averages = profile.averages_of(config)
    epochs = [_epoch(profile, config, averages, e, lift, accepts) for e in range(1, config.epochs + 1)]
    names = [LIVE, *(a.name for a in averages if accepts or a.threshold == 0)]
    checkpoints = {f"{w}/{s}": Checkpoint(config.epochs, "0" * 64) for w in names for s in SELECTIONS}
    evaluations = {
        key: {a.key: _under(epochs[-1].test, key, a, accuracy_of) for a in attacks}
        for key, attacks in profile.evaluations(config).items()
        if key in checkpoints
    }
    outcomes = {
        confusion_key(key, a): _outcomes(evaluations[key][a.key])
        for key, attacks in profile.evaluations(config).items()
        for a in attacks
        if a.kind == "targeted" and key in evaluations
    }
    confusions = {confusion_key(key, a): _confusion(epochs[-1]) for key, a in profile.confusions(config)}
    about = (config, "0123456789abcdef", class_names(profile), averages)
    record = RunRecord(*about, epochs, checkpoints, evaluations, confusions=confusions, outcomes=outcomes)
    return Run(config, record, provenance())


def _outcomes(accuracy):
    """The first images of each class are right, as many as there are hits."""
    labels = np.repeat(range(len(accuracy.n)), accuracy.n)
    return pack_outcomes(np.concatenate([np.arange(n) < h for h, n in zip(accuracy.hits, accuracy.n)]), labels)


def _under(test, key, attack, accuracy_of):
    weights, selection = key.split("/")
    if attack.nominal_eps:
        return ClassAccuracy((0,) * len(test[LIVE].robust.n), test[LIVE].robust.n)
    return accuracy_of(weights, selection) if accuracy_of else test[weights].robust


def _confusion(epoch):
    """Half of a class's errors go to the next class, half to the first."""
    robust = epoch.test[LIVE].robust
    rows = []
    for k, (hits, n) in enumerate(zip(robust.hits, robust.n)):
        row = [0] * len(robust.n)
        row[0] += (n - hits) // 2
        row[(k + 1) % len(row)] += n - hits - (n - hits) // 2
        row[k] += hits
        rows.append(tuple(row))
    return tuple(rows)


def _epoch(profile, config, averages, epoch, lift, accepts):
    hard, base = made_hard(profile), profile.common.get("eps", config.eval_eps)
    size = {"classes": hard, "count": len(class_names(profile)), "share": config.worst_share}
    wobble, luck = 0.01 * ((epoch + config.seed) % 3), 0.02 * ((config.seed - profile.seeds[0]) % 5)
    robust = accuracy(0.7 - 0.2 * (config.eps - base), 0.4, 0.10 + lift + wobble + luck, **size)
    measured = Measured(accuracy(0.98, 0.95, 0.93, **size), robust)
    accepted = {a.name: epoch >= a.start and (accepts or a.threshold == 0) for a in averages}
    seen = epoch >= config.best_from  # what nobody looks at is not evaluated
    alive = {a.name: measured if seen and (accepted[a.name] or a.init != "first") else None for a in averages}
    validated = config.objective == "frl" or epoch >= min([config.best_from, *(a.start for a in averages)])
    eps = tuple(config.eps * (0.8 if k in hard else 1.2) if config.ccm else config.eps for k in range(size["count"]))
    val, test = {LIVE: measured if validated else None, **alive}, {LIVE: measured, **alive}
    betas = (config.beta,) * size["count"]
    return EpochRecord(epoch, config.lr_at(epoch), eps, betas, robust, None, val, test, accepted)


def provenance(seconds=2.0, hardware="a laptop, 2 cores", commit="abc123"):
    """A `Provenance` that names no real machine."""
    return Provenance(
        seconds, seconds / 2, hardware, "cpu", "3.11.0", "2.11.0", "2.0.0", commit, "2026-01-01T00:00:00Z"
    )


def all_runs(profile, effect=None, accepts=True):
    """Every run of a profile; `effect` maps a recipe to the lift of its worst class."""
    runs = (run(profile, c, (effect or {}).get(c.recipe, 0.0), accepts) for c in profile.runs())
    return Results(profile, runs)


def with_autoattack(runs, left):
    """The same runs; of the recipes in `left` standard AutoAttack leaves this share of each class's images at the end.

    For a profile with `aa_per_class`, whose made-up runs hold as much under AutoAttack as under any other attack.
    """
    for made in runs:
        for by_attack in made.record.evaluations.values():
            for attack in [a for a in by_attack if a.startswith("aa[") and made.config.recipe in left]:
                n = (int(attack.partition("=")[2].partition("/")[0]),) * len(by_attack[attack].n)
                hits = tuple(round(left[made.config.recipe] * k) for k in n)
                by_attack[attack] = ClassAccuracy(hits, n, made.config.worst_share)
    return runs


def paper_runs(profile, factor=1.0):
    """The runs of Tables 1-3, whose robust accuracies are the paper's under every attack.

    `factor` multiplies every difference to TRADES: 3 makes all effects three times as large, -1 turns them round.
    """
    configs = profile.runs("table1") + profile.runs("table2")
    return Results(profile, (run(profile, c, accuracy_of=_printed(c, factor)) for c in dict.fromkeys(configs)))


def _printed(config, factor):
    printed_rows = TABLE_1.keys() | TABLE_2.keys() | TABLE_3.keys()
    keys = {row.weights: key for key, row in ROWS.items() if row.recipe == config.recipe and key in printed_rows}
    if not keys:  # plain training has no row, an added method none in the paper
        return None

    def printed(weights, selection):
        row, base = (_paper_pair(key, selection) for key in (keys.get(weights, keys[LIVE]), "trades"))
        avg, worst = (b + factor * (v - b) for v, b in zip(row, base))
        return _spread(avg, worst, NOISE[config.seed % len(NOISE)], config.recipe)

    return printed


def _paper_pair(key, selection):
    """(average, worst class) in percent, from whichever table prints the row; Tables 2 and 3 print the best only."""
    row = TABLE_1[key]["last" if selection == "last" else "best"]["robust"] if key in TABLE_1 else None
    pair = row or (TABLE_2 | TABLE_3)[key]
    return pair.avg.mean, pair.worst.mean


def _spread(avg, worst, noise, recipe):
    """`ClassAccuracy` of 1,000 images a class with this average and worst class in percent, `noise` hits off."""
    noise = noise if "_" in recipe else -noise
    least = round(10 * worst) + noise
    rest = round(100 * avg) + noise - least
    hits = [rest // 9 + (k < rest % 9) for k in range(9)]
    return ClassAccuracy((*hits[:3], least, *hits[3:]), (1000,) * 10)


def finish(store, profile):
    """Enters the made-up runs of a profile into a `RunStore`, with tiny weights."""
    for made in all_runs(profile):
        for key, checkpoint in made.record.checkpoints.items():
            digest = store.save_weights(made.config, key, {"w": torch.full((2,), float(made.config.seed))})
            made.record.checkpoints[key] = Checkpoint(checkpoint.epoch, digest)
        store.write_record(made.config, made.record, made.provenance)
    return store
