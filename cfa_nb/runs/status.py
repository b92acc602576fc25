"""Which runs of a profile are finished, which are missing and why, and what they will cost: data, then lines of text.

Where no run of a profile was ever timed, the cost is counted, from the passes over the network that its runs make. An
input gradient counts as one more forward pass, a weight gradient as another. That is a count, not a measurement: what a
machine makes of it depends on how well it is used.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.files import StoreError
from cfa_nb.method.model import build
from cfa_nb.paths import runs_dir
from cfa_nb.runs.profiles import profile_named
from cfa_nb.runs.provenance import Provenance
from cfa_nb.runs.store import RunStore, Status
from cfa_nb.runs.study import Profile
from cfa_nb.runs.sweep import work_of

NO_DATA = Status("missing", "its data is not on this machine yet (a folder of images: name it with --data-dir)")
STATES = ("fresh", "partial", "stale", "missing")

#: FLOP a second that the hours assume: a data-centre GPU that sustains a tenth of its bf16 peak.
SUSTAINED = 1e14

#: (training, test images a class; classes; (C, side)) of the datasets that need not be at hand.
SHAPES = {
    "cifar10": (5000, 1000, 10, (3, 32)),
    "cifar100": (500, 100, 100, (3, 32)),
    "tiny-imagenet": (500, 50, 200, (3, 64)),
    "digits": (110, 60, 10, (1, 8)),
    "fashion": (600, 500, 10, (1, 14)),
    "fashion-mnist": (6000, 1000, 10, (1, 28)),
}

#: Passes an image under standard AutoAttack, for a network that keeps half of its images: APGD-CE 101 on all that are
#: right, targeted APGD and FAB 9 x 100 on what is left, Square 5,000 forwards on what is left then.
AUTOATTACK = {"aa": 5000, "aa-fast": 1130}

#: Passes of a step: forward and backward; then towards four rivals, where half of the images are left.
WALKS = {"pgd": 2, "targeted": 6}


def status(name: str, published: Callable[[TrainConfig], Provenance] | None = None) -> dict:
    """The status of a profile as plain values, ready for JSON: its runs and what they cost.

    Args:
        name: of the profile.
        published: a run's provenance from elsewhere, for runs that are not finished here; raises where there is none.
    """
    profile, store = profile_named(name), RunStore(runs_dir())
    states = states_of(profile, store)
    runs = [_run(c, s, store) for c, s in states.items()]
    seconds = _mean(_seconds(c, store.provenance if s.fresh else published) for c, s in states.items())
    size = _mean(_size(store.path(c)) for c, s in states.items() if s.fresh)
    left = sum(1 - run["epochs_done"] / run["epochs"] for run in runs if run["state"] != "fresh")
    flop, weights = cost(profile, [c for c, s in states.items() if not s.fresh])
    return {
        "profile": name,
        "runs": runs,
        "totals": {state: Counter(run["state"] for run in runs)[state] for state in STATES},
        "seconds_left": None if seconds is None else round(seconds * left, 1),
        "flop_left": flop,
        "gpu_hours_left": round(flop / SUSTAINED / 3600, 2),
        "disk_bytes": sum(_size(store.path(c)) for c, s in states.items() if s is not NO_DATA),
        "disk_bytes_left": weights if size is None else round(size * left),
        "disk_bytes_free": shutil.disk_usage(_existing(runs_dir())).free,
    }


def states_of(profile: Profile, store: RunStore) -> dict[TrainConfig, Status]:
    """{config: `Status`}; nothing is downloaded to tell it."""
    configs = profile.runs()
    if not data.at_hand(configs[0]):
        return dict.fromkeys(configs, NO_DATA)
    return {c: store.status(c, **work_of(profile, c)) for c in configs}


def _run(config, state, store):
    name = f"{config.recipe}-s{config.seed}" if state is NO_DATA else store.path(config).name
    return {"run": name, **asdict(state), "epochs": config.epochs}


def _seconds(config, provenance):
    """Seconds of one core that a run took, here or as published; None if nobody knows."""
    try:
        timed = provenance(config) if provenance else None
    except (StoreError, OSError, ValueError):
        return None
    return timed and timed.seconds_train + timed.seconds_evaluate


def _mean(values):
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _size(folder):
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def _existing(folder: Path) -> Path:
    return folder if folder.exists() or folder == folder.parent else _existing(folder.parent)


def cost(profile: Profile, configs: Sequence[TrainConfig]) -> tuple[float, int]:
    """(FLOP, bytes of kept weights) of these runs, as if none of them had begun."""
    costs = [_cost(profile, c) for c in configs]
    return sum(flop for flop, _ in costs), sum(size for _, size in costs)


def _cost(profile, config):
    train, test, classes, (channels, side) = SHAPES.get(config.dataset, SHAPES["cifar10"])
    train, test = config.train_per_class or train - config.val_per_class, config.test_per_class or test
    shape = (channels, *[config.image_size or side] * 2)
    flop, parameters = network_size(config.model, config.width, config.depth, config.stem_stride, classes, shape)
    # after an epoch the live weights are evaluated, and each average from the epoch on that may be the best
    evaluated = config.epochs + (config.epochs - config.best_from + 1) * len(profile.averages_of(config))
    passes = evaluated * (min(config.eval_per_class or test, test) + config.val_per_class) * (2 * config.eval_steps + 2)
    passes += config.epochs * train * training_passes(config)
    for attack in (a for attacks in profile.evaluations(config).values() for a in attacks):
        per_image = attack.steps * WALKS.get(attack.kind, 1) + AUTOATTACK.get(attack.kind, 1)
        passes += min(attack.per_class or test, test) * per_image
    return flop * classes * passes, 4 * parameters * len(profile.reported(config))


def training_passes(config: TrainConfig) -> int:
    """Passes an image and training step: 24 for AT and FAT with ten steps, 28 for TRADES and FRL."""
    if config.objective == "plain":
        return 3
    two_outputs = config.objective in ("trades", "frl")
    update = 3 * (2 if two_outputs else 1)  # forward, input and weight gradient of each output
    return 2 * config.steps + update + two_outputs + (config.clean_forward != "off")


@cache
def network_size(
    model: str, width: int, depth: int, stem_stride: int, classes: int, shape: tuple[int, int, int]
) -> tuple[int, int]:
    """(FLOP of one forward pass of one image, number of parameters)."""
    config = TrainConfig(dataset="folder", model=model, width=width, depth=depth, stem_stride=stem_stride)
    network = build(config, classes, shape).eval().to("meta")
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, *shape, device="meta"))
    return counter.get_total_flops(), sum(p.numel() for p in network.parameters())


def lines(state: dict) -> Iterator[str]:
    """The status as lines of text: totals, cost, each run that is not fresh; where all say the same, one for all."""
    totals = ", ".join(f"{n} {kind}" for kind, n in state["totals"].items() if n)
    used, free, left = (f"{state[f'disk_bytes{which}'] / 1e6:,.1f} MB" for which in ("", "_free", "_left"))
    yield f"{state['profile']}: {len(state['runs'])} runs: {totals}"
    yield f"  left: {_time(state)}, {left}"
    yield f"  disk: {used} used by these runs, {free} free"
    unfinished = [r for r in state["runs"] if r["state"] != "fresh"]
    if len(unfinished) == len(state["runs"]) > 1 and len({(r["state"], r["reason"]) for r in unfinished}) == 1:
        yield f"  {unfinished[0]['state']:<8} all of them: {unfinished[0]['reason']}"
    else:
        yield from (f"  {r['state']:<8} {r['run']}: {r['reason']}" for r in unfinished)


def _time(state):
    """Time left: from runs that were timed, else from a count of the arithmetic."""
    seconds = state["seconds_left"]
    if seconds is not None:
        return f"{seconds:.0f} s of computing" if seconds < 7200 else f"{seconds / 3600:.1f} h of computing"
    return (
        f"{max(state['gpu_hours_left'], 0.01):,.2g} hours of a GPU that sustains {SUSTAINED / 1e12:.0f} TFLOP/s "
        f"({state['flop_left'] / 1e15:,.0f} PFLOP, counted; no run of this profile has been timed)"
    )
