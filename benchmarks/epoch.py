"""One epoch with its evaluation.

What remains of the ratio in an epoch with data loading and evaluation?

    python -m benchmarks.epoch --authors CFA

Images: training, validation and test in CIFAR-10's proportions of 49 : 1 : 10. Evaluation: PGD-10 and clean, the
network on test and validation, EMA and FAWA on test, on every side. Ratio: seconds of the first step of a group over
seconds of this one, pair by pair; median [range].
"""

import copy
from functools import partial
from statistics import median

import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms

from benchmarks.benchmark import WHO, Benchmark, field, seconds
from benchmarks.cases import CLASSES, cases
from benchmarks.comparison import ratio_cell, timed_rows
from benchmarks.sides import Side, Theirs, quiet
from cfa_nb.data.batches import Batches
from cfa_nb.data.dataset import Split
from cfa_nb.method.averaging import blend
from cfa_nb.method.evaluate import EpochEvaluation

DECAY = 0.85
PARTS = ("data", "steps", "evaluation")


class OurEpoch:
    """The parts of a side's epoch, by our functions. `images`: {"train", "val", "test"}, uint8 on the device."""

    def __init__(self, side: Side, images: dict[str, Split]):
        self.side, self.images, self.averages = side, images, [copy.deepcopy(side.model) for _ in range(2)]

    def data(self) -> None:
        """The epoch's batches, cropped and flipped."""
        self.batches = list(Batches(self.images["train"], self.side.config, 1))

    def steps(self) -> None:
        """All training steps."""
        self.side.train(self.batches)

    def evaluation(self) -> None:
        """The network on test and validation, then two averages, which accept the epoch, on test."""
        self._evaluate(self.side.model, "test")
        self._evaluate(self.side.model, "val")
        for average in self.averages:
            self._blend(average)
            self._evaluate(average, "test")

    def _blend(self, average):
        for mean, value in zip(average.state_dict().values(), self.side.model.state_dict().values()):
            blend(mean, value, DECAY)

    def _evaluate(self, model, part):
        EpochEvaluation(model, self.images[part], self.side.config, CLASSES, f"evaluate-{part}")(1)


class TheirEpoch(OurEpoch):
    """By the released functions, and a loader rebuilt from its transforms, since the release unpickles its own."""

    def __init__(self, side: Side, images: dict[str, Split]):
        super().__init__(side, images)
        crop = transforms.RandomCrop(side.case.side, padding=4, padding_mode="reflect")
        augment = transforms.Compose([crop, transforms.RandomHorizontalFlip(), transforms.ToTensor()])
        transform = dict(train=augment, val=transforms.ToTensor(), test=transforms.ToTensor())
        sizes = dict(train=side.config.batch_size, val=100, test=128)  # the released ones
        self.loaders = {part: loader(images[part], transform[part], sizes[part]) for part in images}

    def data(self) -> None:
        """The epoch's batches; the released loop moves them to the device."""
        self.batches = list(self.loaders["train"])

    def _blend(self, average):
        self.side.code.utils.weight_average(average, self.side.model, DECAY)

    def _evaluate(self, model, part):
        code, config = self.side.code, self.side.config
        numbers = (config.eval_eps, config.beta, config.eval_alpha, config.eval_steps)
        with quiet():
            code.train.eval_epoch(model, self.loaders[part], self.side.device, code.attack.pgd_loss, *numbers)


def loader(split: Split, transform, batch: int) -> DataLoader:
    """Batches as from torchvision's CIFAR10: shuffled PIL images through a transform, on the main thread."""
    pixels = split.images.permute(0, 2, 3, 1).cpu().numpy()

    def collate(pairs):
        return torch.stack([transform(Image.fromarray(p)) for p, _ in pairs]), torch.tensor([y for _, y in pairs])

    return DataLoader(list(zip(pixels, split.labels.tolist())), batch, shuffle=True, collate_fn=collate)


def parts_of(side: Side, images: dict[str, Split]) -> dict:
    """The parts of a side's epoch, in their order."""
    epoch = (TheirEpoch if isinstance(side, Theirs) else OurEpoch)(side, images)
    return {part: getattr(epoch, part) for part in PARTS}


def _measure(setup, model=None, batch=None, images=None, pairs=None, methods="at,trades,fat"):
    n, pairs = images or (1200 if setup.device == "cpu" else 12000), pairs or (1 if setup.quick else 3)
    sizes, rows = dict(train=49 * n // 60, val=max(10, n // 60), test=max(10, 10 * n // 60)), []
    for case in cases(setup, ["w8d1x8"], methods[:1] if setup.quick else methods, model, batch, pairs):
        pairs_of = {part: case.images(size, seed) for seed, (part, size) in enumerate(sizes.items())}
        splits = {part: Split((255 * x).byte(), y).to(setup.device) for part, (x, y) in pairs_of.items()}
        rows += timed_rows(case, partial(parts_of, images=splits))
    return dict(rows=rows, images=sizes)


def part_seconds(row: dict, parts: tuple[str, ...] = PARTS) -> list[float]:
    """Seconds of these parts of each epoch, added up."""
    return [sum(t["wall_s"] for t in epoch) for epoch in zip(*(row["timings"][part] for part in parts))]


def _cell(*parts):
    return lambda row, _: seconds(median(part_seconds(row, parts))) if row["timings"] else "not timed"


COLUMNS = WHO | {"equal": field("equality"), **{part: _cell(part) for part in PARTS}, "epoch": _cell(*PARTS)}
COLUMNS["ratio, steps only"] = partial(ratio_cell, of=partial(part_seconds, parts=("steps",)))
COLUMNS["ratio, epoch"] = partial(ratio_cell, of=part_seconds)
EPOCH = Benchmark("epoch", __doc__, _measure, COLUMNS)

if __name__ == "__main__":
    EPOCH.main()
