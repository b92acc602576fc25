"""Finished runs: what tables, figures and claims are computed from."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cfa_nb.config import LIVE, Attack, TrainConfig
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.runs.provenance import Provenance
from cfa_nb.runs.record import RunRecord, confusion_key
from cfa_nb.runs.study import Profile


@dataclass(frozen=True)
class Run:
    """One finished run."""

    config: TrainConfig
    record: RunRecord
    provenance: Provenance

    def robust(self, weights: str, selection: str, attack: str) -> ClassAccuracy | None:
        """`ClassAccuracy` of a checkpoint under an attack ("pgd20"), or None; live, where there is no average."""
        return self.record.evaluations.get(self.record.reported(weights, selection), {}).get(attack)

    def outcomes(self, weights: str, selection: str, attack: Attack) -> str | None:
        """What became of each image at that checkpoint, packed; None where it was not kept."""
        return self.record.outcomes.get(confusion_key(self.record.reported(weights, selection), attack))

    def accepted(self, weights: str, selection: str) -> int:
        """Epochs that an average had accepted when the checkpoint was kept; of live weights, all."""
        last = self.record.checkpoints[self.record.reported(weights, selection)].epoch
        return sum(e.accepted.get(weights, weights == LIVE) for e in self.record.epochs[:last])

    def clean(self, weights: str, selection: str) -> ClassAccuracy:
        """Clean test `ClassAccuracy` of the same checkpoint."""
        key = self.record.reported(weights, selection)
        full = self.record.evaluations.get(key, {}).get("clean")  # where epochs are evaluated on fewer images
        return full or self._at_checkpoint(weights, selection).clean

    def pgd10(self, weights: str, selection: str) -> ClassAccuracy:
        """Test `ClassAccuracy` under the attack of each epoch's evaluation."""
        return self._at_checkpoint(weights, selection).robust

    def confusion(self, profile: Profile) -> np.ndarray:
        """(K, K) counts of the live weights after the last epoch: true class by class predicted under PGD."""
        ((key, attack),) = profile.confusions(self.config)
        return np.array(self.record.confusions[f"{key}:{attack.key}"])

    def _at_checkpoint(self, weights, selection):
        key = self.record.reported(weights, selection)
        return self.record.measured(key.split("/")[0], "test", self.record.checkpoints[key].epoch)

    def curve(self, weights: str = LIVE) -> list[ClassAccuracy | None]:
        """Per epoch the robust test `ClassAccuracy`, None where these weights did not exist yet."""
        measured_by_epoch = (e.test.get(weights) for e in self.record.epochs)
        return [m.robust if m else None for m in measured_by_epoch]

    def series(self, weights: str, statistic: str) -> np.ndarray:
        """(epochs,) "overall" or "worst" of `curve`; nan while these weights do not exist."""
        return np.array([np.nan if a is None else getattr(a, statistic) for a in self.curve(weights)])

    def window(self, first: int, last: int, metric: str = "robust") -> tuple[float, ...]:
        """(K,) mean class-wise test accuracy of the live weights over epochs first..last, both in, counted from 1."""
        rows = [getattr(e.test[LIVE], metric).per_class for e in self.record.epochs[first - 1 : last]]
        return tuple(sum(column) / len(rows) for column in zip(*rows))


class Results(tuple):
    """Finished runs of a profile, in order: all of them, or those behind one figure or table."""

    profile: Profile

    def __new__(cls, profile: Profile, runs: Iterable[Run] = ()) -> "Results":
        """The results of a profile; `runs` may be fewer than it has."""
        results = super().__new__(cls, runs)
        results.profile = profile
        return results

    def where(self, **fields) -> "Results":
        """Those whose config has these values: `results.where(recipe="at_ccm", seed=0)`."""
        chosen = (r for r in self if all(getattr(r.config, k) == v for k, v in fields.items()))
        return Results(self.profile, chosen)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, sorted."""
        return tuple(sorted({r.config.seed for r in self}))


def evaluations(runs: Iterable[Run]) -> pd.DataFrame:
    """Everything that was measured on kept checkpoints, tidy: a row a run, checkpoint, attack and class.

    `hits` of `n` test images are still right; `attack` is "clean", "pgd20", "targeted20" and so on.
    """
    return pd.DataFrame(
        _settings(run)
        | {"weights": weights, "checkpoint": checkpoint, "epoch": run.record.checkpoints[key].epoch, "attack": attack}
        | {"class": name, "hits": hits, "n": n}
        for run in runs
        for key, by_attack in run.record.evaluations.items()
        for weights, checkpoint in [key.split("/")]
        for attack, accuracy in by_attack.items()
        for name, hits, n in zip(run.record.class_names, accuracy.hits, accuracy.n)
    )


def epochs(runs: Iterable[Run], metric: str = "robust") -> pd.DataFrame:
    """ "clean" or "robust" test counts of the live weights after each epoch that was measured, tidy.

    A row a run, epoch and class.
    """
    return pd.DataFrame(
        _settings(run) | {"epoch": e.epoch, "class": name, "hits": hits, "n": n, "accuracy": hits / n}
        for run in runs
        for e in run.record.epochs
        if e.test[LIVE] is not None
        for measured in [getattr(e.test[LIVE], metric)]
        for name, hits, n in zip(map(str, run.record.class_names), measured.hits, measured.n)
    )


def _settings(run):
    return {key: getattr(run.config, key) for key in ("recipe", "eps", "beta", "lambda_1", "lambda_2", "seed")}
