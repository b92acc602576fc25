"""Algorithm 1: `train(config, averages, store) -> RunRecord`, resumable after any epoch, bit for bit.

Order within an epoch (released code): rate, class-wise margins and betas from last epoch's t_k, training, validation
and test of the live weights, the averages' decision on the validation's worst class, their own validation and test.
What nobody looks at (`looks`) is not evaluated, nor averages before `best_from`.
"""

import os
import time
from collections.abc import Callable, Sequence

import torch

from cfa_nb import data
from cfa_nb.config import LIVE, LOOKS, SELECTED_ON, Attack, Average, TrainConfig
from cfa_nb.data.batches import DTYPES
from cfa_nb.method.averaging import WeightAverage
from cfa_nb.method.calibration import CALIBRATORS, Past, next_calibration
from cfa_nb.method.evaluate import EpochEvaluation
from cfa_nb.method.graphs import GraphEpoch, GraphEvaluation
from cfa_nb.method.model import build, layout_of
from cfa_nb.method.objectives import OBJECTIVES
from cfa_nb.method.rivals import Frl
from cfa_nb.method.step import Epoch
from cfa_nb.runs.measure import measure
from cfa_nb.runs.provenance import Provenance
from cfa_nb.runs.record import Checkpoint, EpochRecord, RunRecord
from cfa_nb.runs.store import RunStore


def train(
    config: TrainConfig,
    averages: Sequence[Average],
    store: RunStore,
    *,
    evaluations: dict[str, Sequence[Attack]] | None = None,
    confusions: Sequence[tuple[str, Attack]] = (),
    looks: Sequence[str] = LOOKS,
    keep: Sequence[str] | None = None,
    device: str | torch.device = "cpu",
    on_epoch: Callable | None = None,
) -> RunRecord:
    """Trains a run, or goes on with it where it stopped; a finished one is only read.

    Args:
        config: the run's `TrainConfig`; its parent, if it has one, must be finished.
        averages: the `Average`s to carry along; they never touch training.
        store: a `RunStore`.
        evaluations: {"live/last": (Attack, ...)} on the kept checkpoints; those already made are not made again.
        confusions: (checkpoint key, Attack) pairs whose confusion matrix the record shall hold.
        looks: those of `LOOKS` that are wanted; without "curve" the test images are met from `best_from` on.
        keep: keys of the checkpoints whose weights are kept, such as "fawa/best"; None: all. The record names all.
        device: where to train.
        on_epoch: called as on_epoch(epoch, config) after each epoch.
    Returns:
        The finished `RunRecord`.
    Raises:
        ValueError: if the config names an objective or a calibrator that there is not.
        FloatingPointError: on a loss that is not finite.
    """
    for name, functions in (("objective", OBJECTIVES), ("calibrator", CALIBRATORS)):
        if getattr(config, name) not in functions:
            raise ValueError(f"unknown {name} {getattr(config, name)!r}; there are {', '.join(functions)}")
    with store.lock(config):
        status = store.status(config, averages, looks=looks)
        if not status.fresh:
            if status.state == "stale":
                store.set_aside(config)
            Training(config, averages, store, device, keep, looks).run(on_epoch)
        return measure(config, store, evaluations or {}, device, confusions)


class Training:
    """A run in the making: network, optimiser, averages, record. Arguments as in `train`."""

    def __init__(
        self, config: TrainConfig, averages: Sequence[Average], store: RunStore, device, keep=None, looks=LOOKS
    ):
        self.config, self.store, self.device = config, store, torch.device(device)
        self.wanted_weights, self.looks = keep, looks
        self.data = data.load(config).to(device)
        self.num_classes = self.data.num_classes
        self.model = self._build("init")
        self.averaged = self._build("init") if averages else None  # holds an average's weights while it is evaluated
        self.frl = Frl.start(self.num_classes)
        self.parent = store.record(config.parent) if config.parent else None
        if config.objective == "frl":
            self.model.load_state_dict(store.load_weights(config.parent, f"{LIVE}/best_val"))
        self.steps = _epoch_kind(self.device)(self.model, config, self.data.train, self.num_classes)
        self.averages = [WeightAverage(a, self._initial_state(a)) for a in averages]
        self.splits = {"val": self.data.val, "test": self.data.test.first_per_class(config.eval_per_class)}
        self.evaluations = {}
        self.record = RunRecord(config, self.data.content_hash, self.data.class_names, tuple(averages))

    def _build(self, purpose):
        model = build(self.config, self.num_classes, self.data.image_shape, purpose)
        model = model.to(self.device, DTYPES[self.config.precision])
        return model.to(memory_format=layout_of(model)).train()

    def _initial_state(self, average):
        """What an average is before its first epoch: nothing, the initial weights, or another random network."""
        if average.init == "random":
            return self._build("average").state_dict()
        return self.model.state_dict() if average.init == "theta_0" else None

    def run(self, on_epoch: Callable | None = None) -> None:
        """Trains the epochs that are left, and leaves record and weights in the store."""
        started = time.perf_counter()
        started -= self.resume()  # the seconds spent before it was interrupted
        for epoch in range(len(self.record.epochs) + 1, self.config.epochs + 1):
            self.epoch(epoch)
            self.save(time.perf_counter() - started)
            if on_epoch:
                on_epoch(epoch, self.config)
        for name, state in self.states().items():
            self.keep(f"{name}/last", self.config.epochs, state)
        provenance = Provenance.now(time.perf_counter() - started, 0.0, self.device)
        self.store.write_record(self.config, self.record, provenance)

    def epoch(self, epoch: int) -> None:
        """Trains one epoch and appends its `EpochRecord`."""
        calibration = self._calibrate(epoch)
        robust, clean = self._train_epoch(epoch, calibration)
        val = {LIVE: self._evaluate("val", epoch) if epoch >= self.first_validation else None}
        test = {LIVE: self._evaluate("test", epoch) if epoch >= self.first_test else None}
        accepted = {}
        for average in self.averages:
            name = average.spec.name
            worst = val[LIVE].robust.worst if val[LIVE] else 0.0
            accepted[name] = average.update(self.model.state_dict(), epoch, worst)
            val[name], test[name] = self._evaluate_average(average, epoch, accepted[name])
        trained_with = self.config.lr_at(epoch), calibration.eps, calibration.beta
        self.record.epochs.append(EpochRecord(epoch, *trained_with, robust, clean, val, test, accepted))
        self._keep_best(epoch)

    @property
    def first_validation(self) -> int:
        """First epoch whose validation anybody looks at: FRL, an average, or the choice of the best."""
        starts = [1] if self.config.objective == "frl" else [average.spec.start for average in self.averages]
        starts += [self.config.best_from] if "best_val" in self.looks else []
        return min(starts, default=self.config.epochs + 1)

    @property
    def first_test(self) -> int:
        """First epoch whose test accuracy anybody looks at."""
        return 1 if "curve" in self.looks else self.config.best_from

    def _calibrate(self, epoch):
        """This epoch's class-wise values: from last epoch's t_k, or for FRL from last epoch's validation."""
        if self.config.objective == "frl":
            val = self.record.epochs[-1].val[LIVE] if self.record.epochs else self._evaluate("val", 0)
            self.frl = self.frl.update(val.clean.per_class, val.robust.per_class, self.config)
            return self.frl.calibration(self.config)
        margins = self.parent.epochs[epoch - 1].class_eps if self.parent else None
        past = Past([e.train_robust.per_class for e in self.record.epochs], margins)
        return next_calibration(self.config, self.num_classes, epoch, past)

    def _train_epoch(self, epoch, calibration):
        """One pass over the training images: accuracy on the adversarial ones, and on the clean ones if asked for."""
        robust, clean = (a.with_share(self.config.worst_share) for a in self.steps.run(epoch, calibration))
        return robust, clean if self.config.clean_forward != "off" else None

    def _evaluate(self, split, epoch, model=None):
        """The `Measured` of the live network, or of `model`, on validation or test."""
        key = split, model or self.model, self.steps.one_by_one
        if key not in self.evaluations:
            kind = EpochEvaluation if self.steps.one_by_one else GraphEvaluation
            about = self.splits[split], self.config, self.num_classes, f"evaluate-{split}"
            self.evaluations[key] = kind(model or self.model, *about)
        return self.evaluations[key](epoch)

    def _evaluate_average(self, average, epoch, changed):
        """(validation, test) of an average, from `best_from` on; what did not change is not evaluated again."""
        name = average.spec.name
        if average.state is None or epoch < self.config.best_from:
            return None, None
        if not changed and self.record.epochs and self.record.epochs[-1].test[name] is not None:
            return self.record.epochs[-1].val[name], self.record.epochs[-1].test[name]
        self.averaged.load_state_dict(average.state)
        return self._evaluate("val", epoch, self.averaged), self._evaluate("test", epoch, self.averaged)

    def _keep_best(self, epoch):
        """Keeps the weights of an epoch that beats all candidates before it; the earlier of equals stays."""
        if epoch < self.config.best_from:
            return
        *before, now = self.record.epochs[self.config.best_from - 1 :]
        for name, state in self.states().items():
            for selection in filter(SELECTED_ON.get, self.looks):
                split = SELECTED_ON[selection]
                scores = [measured.score for e in before if (measured := getattr(e, split)[name]) is not None]
                if getattr(now, split)[name].score > max(scores, default=-1):
                    self.keep(f"{name}/{selection}", epoch, state)

    def keep(self, key: str, epoch: int, state: dict) -> None:
        """Enters a checkpoint in the record and writes its weights, if they shall be kept."""
        wanted = self.wanted_weights is None or key in self.wanted_weights
        digest = self.store.save_weights(self.config, key, state, write=wanted)
        self.record.checkpoints[key] = Checkpoint(epoch, digest)

    def states(self) -> dict[str, dict]:
        """State by weights name: the live network's, and those averages' that accepted an epoch."""
        return {LIVE: self.model.state_dict()} | {a.spec.name: a.state for a in self.averages if a.accepted}

    def save(self, seconds: float) -> None:
        """Checkpoint of everything that the next epoch needs."""
        tensors = self._live_tensors()
        for a in self.averages:
            tensors |= {f"average/{a.spec.name}/{k}": v for k, v in (a.state or {}).items()}
        meta = {
            "epoch": len(self.record.epochs),
            "seconds": seconds,
            "accepted": {a.spec.name: a.accepted for a in self.averages},
            "frl": [self.frl.clean, self.frl.boundary, self.frl.margin],
            "looks": list(self.looks),
            "record": self.record.to_json(),
        }
        self.store.save_state(self.config, tensors, meta)

    def resume(self) -> float:
        """Goes back to the last saved epoch, if it has these averages and no fewer looks; returns the seconds spent."""
        saved = self.store.load_state(self.config)
        if saved is None:
            return 0.0
        tensors, meta = saved
        record = RunRecord.from_json(meta["record"], "the saved training state")
        looks = tuple(meta.get("looks", LOOKS))  # before there were looks, all was evaluated
        if record.averages != self.record.averages or not set(self.looks) <= set(looks):
            return 0.0
        self.record, self.frl, self.looks = record, Frl(*map(tuple, meta["frl"])), looks
        for name, tensor in self._live_tensors().items():
            tensor.copy_(tensors[name])
        for a in self.averages:
            a.accepted, prefix = meta["accepted"][a.spec.name], f"average/{a.spec.name}/"
            state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            a.state = {k: v.to(self.device) for k, v in state.items()} or None
        return meta["seconds"]

    def _live_tensors(self):
        """{name: tensor} of the network and its momentum, to be saved, or filled in place."""
        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        return tensors | {f"momentum/{index}": value for index, value in enumerate(self.steps.update.momentum)}


def _epoch_kind(device):
    """How the steps of an epoch are made: one by one, or on a GPU as CUDA graphs, unless `--plain` is asked for."""
    return GraphEpoch if device.type == "cuda" and not os.environ.get("CFA_NB_PLAIN") else Epoch
