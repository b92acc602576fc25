"""The sides of a comparison behind one interface: `Ours`, and `Theirs`, the released code of a checkout of PKU-ML/CFA.

side.reset(); side.train(batches); side.state()
side.loader(split, "train"); side.evaluate(model, loader); side.blend(average)     # the rest of an epoch
"""

import hashlib
import importlib
import io
import sys
import warnings
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import click
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import CIFAR10

from benchmarks.cases import CLASSES, Case
from cfa_nb.data.batches import DTYPES, Batches
from cfa_nb.data.dataset import Split
from cfa_nb.method.averaging import blend
from cfa_nb.method.calibration import uniform
from cfa_nb.method.evaluate import EpochEvaluation
from cfa_nb.method.fast import fast_networks
from cfa_nb.method.metrics import ClassCounts
from cfa_nb.method.model import layout_of
from cfa_nb.method.step import Sgd, train_step
from cfa_nb.rng import stream

OURS, EAGER = "ours", "ours eager"
LOSSES = {"at": "cw_pgd_loss", "trades": "cw_trades_loss", "fat": "cw_fat_loss"}
DECAY = 0.85
HOW_TO_GET = "git clone https://github.com/PKU-ML/CFA, then name the folder: --authors CFA"
RELEASE = "071f3334a59d"  # the commit whose files have these SHA-256 (12 digits)
FILES = {"utils": "517075499cfc", "attack": "60e8636e4f05", "model": "499eba0fec58", "train": "8a392fcf20f2"}

warnings.filterwarnings("ignore", message="size_average and reduce args will be deprecated")  # of the released losses


class Side:
    """A network in training that can be put back to where it started: it is changed in place only."""

    def __init__(self, name: str, case: Case, model: nn.Module, changes: dict):
        self.name, self.case, self.config, self.device = name, case, case.config(**changes), case.setup.device
        self.model = model.to(self.device, DTYPES[self.config.precision]).train()
        # margins and betas that differ from class to class, as in the middle of a run
        eps, beta = (tuple(v * (0.6 + 0.8 * k / 9) for k in range(10)) for v in (self.config.eps, self.config.beta))
        calibration = replace(uniform(self.config, CLASSES), eps=eps, beta=beta[::-1])
        self.class_values = calibration.to(self.device, DTYPES[self.config.precision])
        self.start, self.momentum = case.start, []
        self.reset()

    @torch.no_grad()
    def reset(self) -> None:
        """Weights, buffers and momentum as at the start; momentum of zeros steps like none."""
        for target, value in zip(self.model.state_dict().values(), self.start, strict=True):
            target.copy_(value)
        for momentum in self.momentum:
            momentum.zero_()

    def state(self) -> list[Tensor]:
        """Weights, running statistics and counters as they are now, in double precision."""
        return [value.detach().clone().double() for value in self.model.state_dict().values()]


class Ours(Side):
    """`train_step` as it trains: eager on a CPU, on compiled views of the network on a GPU; there "ours eager", too."""

    def __init__(self, case: Case, name: str = OURS, **changes):
        super().__init__(name, case, case.network(), changes)
        self.layout = layout_of(self.model.to(memory_format=layout_of(self.model)))
        compiled = case.setup.device != "cpu" and name == OURS
        self.networks = fast_networks(self.model, bf16=self.config.precision == "bf16", compiled=compiled)
        self.update = Sgd(self.model, self.config)
        self.momentum = self.update.momentum

    def train(self, batches: list, seed: int = 0) -> tuple:
        """One pass over (x, y) batches; robust and clean hits of each class come back."""
        self.model.train()
        counts = [ClassCounts(CLASSES, self.device) for _ in range(2)]
        for i, (x, y) in enumerate(batches):
            x, noise = x.contiguous(memory_format=self.layout), stream(seed, "attack", 1, i, self.device)
            train_step(self.networks, self.update, x, y, self.class_values, self.config, noise, *counts)
        return tuple(c.result().hits for c in counts)

    def loader(self, split: Split, part: str) -> Batches | Split:
        """Of training batches, cropped and flipped; for an evaluation, the images themselves."""
        return Batches(split, self.config, 1) if part == "train" else split

    def evaluate(self, model: nn.Module, split: Split) -> None:
        """Clean and PGD accuracy."""
        EpochEvaluation(model, split, self.config, CLASSES, "evaluate")(1)

    def blend(self, average: nn.Module) -> None:
        """Enters the network into a running average."""
        for mean, value in zip(average.state_dict().values(), self.model.state_dict().values()):
            blend(mean, value, DECAY)


def released_code(folder: str | Path, device: str) -> SimpleNamespace:
    """The modules `utils`, `attack`, `model`, `train`, unmodified; `version` says whether they are those released.

    A `click.BadParameter` says how to get them if a file is missing.
    """
    paths = {name: Path(folder).resolve() / f"{name}.py" for name in FILES}
    if missing := [path.name for path in paths.values() if not path.is_file()]:
        raise click.BadParameter(f"{folder} has no {', '.join(missing)}; {HOW_TO_GET}", param_hint="--authors")
    changed = [p.name for n, p in paths.items() if hashlib.sha256(p.read_bytes()).hexdigest()[:12] != FILES[n]]
    version = f"PKU-ML/CFA at {RELEASE}" + (f", but for {', '.join(changed)}" if changed else ", unmodified")
    search_path = [str(paths["train"].parent), *sys.path]
    with patch.object(sys, "path", search_path), patch.object(sys, "dont_write_bytecode", True):
        modules = {name: importlib.import_module(name) for name in FILES}
    for name in FILES:
        del sys.modules[name]  # nobody else shall find these names
    modules["train"].device, modules["train"].args = torch.device(device), SimpleNamespace(debug=False)  # its globals
    return SimpleNamespace(**modules, version=version)


class Theirs(Side):
    """The released `train_epoch`, on its own network for PreActResNet-18, otherwise on ours without its first layer.

    The released network has a fixed width. For another one its step runs on our network, whose normalisation is taken
    out since the step normalises: then steps are compared, not networks.
    """

    def __init__(self, case: Case, **changes):
        self.code = case.setup.code
        model = self.code.model.PreActResNet18(CLASSES) if case.is_prn18 else case.network()
        if not case.is_prn18:
            model.normalise = nn.Identity()
        super().__init__("authors", case, model, changes)
        config, (self.eps, beta, _, _) = self.config, self.class_values
        self.beta = config.fat_tau if config.objective == "fat" else beta / (1 + beta)
        numbers = dict(lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
        self.optimiser = torch.optim.SGD(self.model.parameters(), **numbers)

    def train(self, batches: list, seed: int = 0) -> tuple:
        """As of `Ours`; the seed is for the global generator, from which the released loop draws."""
        torch.manual_seed(seed)
        attack, train_epoch = getattr(self.code.attack, LOSSES[self.config.objective]), self.code.train.train_epoch
        numbers = (self.eps, self.beta, self.config.alpha, self.config.steps)
        with redirect_stderr(io.StringIO()):  # progress bars
            result = train_epoch(self.model, batches, self.optimiser, self.device, attack, *numbers)
        self.momentum = [state["momentum_buffer"] for state in self.optimiser.state.values()]
        images = sum(len(y) for _, y in batches)  # the loop reports K * hits / N of each class, clean before robust
        return tuple(tuple(round(float(a) * images / CLASSES) for a in result[i]) for i in (3, 2))

    def loader(self, split: Split, part: str) -> DataLoader:
        """Rebuilt from its transforms, since the release unpickles it: PIL images on the main thread."""
        crop = transforms.RandomCrop(self.case.side, padding=4, padding_mode="reflect")
        augment = [crop, transforms.RandomHorizontalFlip()] if part == "train" else []
        transform = transforms.Compose([*augment, transforms.ToTensor()])
        dataset = CIFAR10.__new__(CIFAR10)  # our images in the place of its own
        dataset.data, dataset.targets = split.images.permute(0, 2, 3, 1).cpu().numpy(), split.labels.tolist()
        dataset.transform, dataset.target_transform = transform, None
        sizes = dict(train=self.config.batch_size, val=100, test=128)
        return DataLoader(dataset, sizes[part], shuffle=part == "train")

    def evaluate(self, model: nn.Module, loader: DataLoader) -> None:
        """Clean and PGD accuracy, by the released function."""
        numbers = (self.config.eval_eps, self.config.beta, self.config.eval_alpha, self.config.eval_steps)
        with redirect_stderr(io.StringIO()):
            self.code.train.eval_epoch(model, loader, self.device, self.code.attack.pgd_loss, *numbers)

    def blend(self, average: nn.Module) -> None:
        """Enters the network into a running average, by the released function."""
        self.code.utils.weight_average(average, self.model, DECAY)


def sides(case: Case, **changes) -> list[Side]:
    """All sides there are, the reference of every ratio first: the authors', or our eager step, or the only one."""
    theirs = [Theirs(case, **changes)] if case.setup.code else []
    return theirs + [Ours(case, name, **changes) for name in ([OURS] if case.setup.device == "cpu" else [EAGER, OURS])]
