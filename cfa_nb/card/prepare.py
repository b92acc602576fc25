"""`prepare`: from a file of weights to a `Bench`: which network it belongs to, and which data.

Ours say it in their header. A foreign file is the released PreActResNet-18 of the paper's authors (recognised by its
names), or any network that a callable of the user's makes, from pixels in [0, 1] to logits.
"""

import importlib
import os
import re
import sys
from dataclasses import replace
from functools import reduce

import torch
import torch.nn as nn

from cfa_nb import data
from cfa_nb.card.bench import EPS, Bench, UsageError
from cfa_nb.card.weights import fill, from_release, is_release, read
from cfa_nb.config import TrainConfig
from cfa_nb.data.batches import DTYPES
from cfa_nb.method.model import STATISTICS, PreActResNet, build

RELEASE = "preactresnet18"


def prepare(path, architecture=None, dataset=None, image_size=None, eps=None, seed=None, device=None):
    """The `Bench` for a file of weights; None means: what our file's header says, or the paper's setting.

    Args:
        path: .safetensors, or a state dict written by torch.save.
        architecture: of foreign weights: "preactresnet18", or "package.module:callable" of the user's.
        dataset: a key of `cfa_nb.data.LOADERS`, or "folder:<name>".
        image_size: a folder's images are resized to this side.
        eps: margin in pixel units.
        seed: of the attacks.
        device: "cpu" or "cuda" (default: a GPU if there is one).
    Raises:
        UsageError: if what was asked for does not fit the file.
        WeightsError: if the file cannot be read, or does not fit the network.
        ValueError: if network and data do not fit one another.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: there is no CUDA device here; leave it out")
    file = read(path)
    if file.about is None:
        bench = _foreign(file, architecture, dataset or "cifar10", image_size)
    elif architecture:
        raise UsageError(f"{path} says itself which network it belongs to; leave --architecture out")
    else:
        bench = _own(file, dataset, image_size)
    given = {name: value for name, value in (("eps", eps), ("seed", seed)) if value is not None}
    bench = replace(bench, device=device, **given)
    bench.check()
    return bench


def _own(file, dataset, image_size):
    """The bench of weights with our header, on the data they were trained on unless others are named."""
    config = TrainConfig.from_dict(file.about["config"])
    there = config
    if dataset not in (None, config.dataset) or image_size:
        sizes = dict(train_per_class=None, val_per_class=1, test_per_class=None)
        there = replace(config, dataset=dataset or config.dataset, image_size=image_size, **sizes)
    loaded = data.load(there)
    if list(loaded.image_shape) != file.about["image_shape"]:
        raise ValueError(f"{file.path} takes images of shape {tuple(file.about['image_shape'])}, not those of "
                         f"{loaded.name}, {loaded.image_shape}")  # fmt: skip
    model = build(config, len(file.about["class_names"]), tuple(file.about["image_shape"]))
    fill(model.to(dtype=DTYPES[config.precision]), file.tensors, file.path)
    same = loaded.content_hash == file.about["data_hash"]
    return Bench(
        file=file,
        model=model,
        network=f"{config.model}, width {config.width}, depth {config.depth}",
        data=loaded,
        eps=config.eval_eps,
        seed=config.seed,
        nominal_eps=config.eval_eps,
        config=config,
        notes=() if same else ("these are not the data of the weights' own run",),
    )


def _foreign(file, architecture, dataset, image_size):
    """The bench of anybody's weights: the released network, or one that the user's callable makes."""
    if architecture is None and not is_release(file.tensors):
        raise UsageError(
            f"{file.path} has no header that says which network it belongs to, and its names are not those of the "
            f"paper's released checkpoints; give --architecture package.module:callable"
        )
    make = None if architecture in (None, RELEASE) else _imported(architecture)
    loaded = data.load(TrainConfig(dataset=dataset, val_per_class=1, image_size=image_size))
    if make is None:
        return Bench(file, _released_network(file, loaded), RELEASE, loaded, EPS, 0)
    return Bench(file, _users_network(file, make, architecture), architecture, loaded, EPS, 0)


def _released_network(file, loaded):
    """A PreActResNet-18 with the normalisation of the data, CIFAR-10's where that is not known."""
    tensors = from_release(file.tensors) if is_release(file.tensors) else file.tensors
    classes = len(tensors["linear.weight"]) if "linear.weight" in tensors else loaded.num_classes
    statistics = STATISTICS.get(loaded.name, STATISTICS["cifar10"])
    model = PreActResNet(classes, loaded.image_shape, statistics=statistics)
    fill(model, tensors, file.path)
    return model


def _users_network(file, make, name):
    try:
        model = make()
    except Exception as error:  # the user's own code
        raise ValueError(f"{name}() failed: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise UsageError(f"{name}() must give an nn.Module, not {type(model).__name__}")
    fill(model, file.tensors, file.path)
    return model


def _imported(architecture):
    """The callable that "package.module:callable" names; the current directory is searched first."""
    if not re.fullmatch(r"[^\W\d][\w.]*:[^\W\d][\w.]*", architecture):
        raise UsageError(f"--architecture must be {RELEASE} or package.module:callable, not {architecture!r}")
    module, _, name = architecture.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        found = reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise UsageError(f"--architecture {architecture} cannot be imported ({error})") from error
    if not callable(found):
        raise UsageError(f"--architecture {architecture} is no callable, but {type(found).__name__}")
    return found
