"""A whole epoch of each side, in three parts: batches made ready, steps, and the four evaluations after them.

Both sides evaluate what the released code does: the network on test and validation, EMA and FAWA on test. The released
loader is rebuilt from its transforms (PIL images on the main thread), since the release unpickles it.
"""

import copy

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.sides import Ours, Theirs, quiet
from benchmarks.workloads import CLASSES
from cfa_nb.config import Average
from cfa_nb.data.batches import Batches
from cfa_nb.method.averaging import WeightAverage
from cfa_nb.method.evaluate import epoch_measure
from cfa_nb.method.model import build

DECAY = 0.85
EVALUATION_BATCH = 128  # the released code's, for validation 100
PARTS = ("data", "steps", "evaluation")


class OurEpoch(Ours):
    """A candidate's epoch. `images`: {"train", "val", "test"} of uint8 `Split`s on the device."""

    def __init__(self, name, workload, config, start, images, device="cpu"):
        super().__init__(name, workload, config, start, device)
        self.images = images
        self.averaged = build(config, CLASSES, workload.shape).to(device)

    def data(self):
        """The epoch's batches, cropped and flipped."""
        self.batches = list(Batches(self.images["train"], self.config, 1))

    def steps(self):
        """All training steps of the epoch."""
        self.train(self.batches)

    def evaluation(self):
        """Network on test and validation, two averages on test: both accept the epoch."""
        self._measure(self.model, "test")
        self._measure(self.model, "val")
        for name in ("ema", "fawa"):
            average = WeightAverage(Average(name, DECAY, start=1, init="theta_0"), self.averaged.state_dict())
            average.update(self.model.state_dict(), 1, 1.0)
            self.averaged.load_state_dict(average.state)
            self._measure(self.averaged, "test")

    def _measure(self, model, part):
        return epoch_measure(model, self.images[part], self.config, CLASSES, 1, part)


class TheirEpoch(Theirs):
    """The released code's epoch."""

    name = Theirs.name

    def __init__(self, code, workload, config, start, images, device="cpu"):
        super().__init__(code, workload, config, start, device)
        side = workload.side
        crop = transforms.RandomCrop(side, padding=config.crop_padding, padding_mode="reflect")
        augment = transforms.Compose([crop, transforms.RandomHorizontalFlip(), transforms.ToTensor()])
        self.train_loader = _loader(images["train"], augment, config.batch_size, shuffle=True)
        self.test_loader = _loader(images["test"], transforms.ToTensor(), EVALUATION_BATCH)
        self.val_loader = _loader(images["val"], transforms.ToTensor(), 100)
        self.averages = [copy.deepcopy(self.model) for _ in range(2)]

    def data(self):
        """The epoch's batches, from the loader; its loop moves them to the device."""
        self.batches = list(self.train_loader)

    def steps(self):
        """All training steps of the epoch."""
        self.train(self.batches)

    def evaluation(self):
        """Network on test and validation, both averages on test, by the released functions."""
        self._measure(self.model.eval(), self.test_loader)
        self._measure(self.model, self.val_loader)
        for average in self.averages:
            self.code.utils.weight_average(average, self.model, DECAY)
            self._measure(average, self.test_loader)

    def _measure(self, model, loader):
        loss, config = self.code.attack.pgd_loss, self.config
        numbers = (config.eval_eps, config.beta, config.eval_alpha, config.eval_steps)
        with quiet():
            return self.code.train.eval_epoch(model, loader, self.device, loss, *numbers)


class PilImages(Dataset):
    """A `Split` as torchvision's CIFAR10 gives it: PIL images through a transform."""

    def __init__(self, split, transform):
        self.pixels = split.images.permute(0, 2, 3, 1).cpu().numpy()
        self.labels, self.transform = split.labels.tolist(), transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def _loader(split, transform, batch, shuffle=False):
    generator = torch.Generator().manual_seed(0)
    return DataLoader(PilImages(split, transform), batch_size=batch, shuffle=shuffle, generator=generator)
