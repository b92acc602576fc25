"""Batches on the device: `Batches` shuffles, crops and flips, a whole batch at a time; pixels come out in [0, 1]."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from cfa_nb.config import TrainConfig
from cfa_nb.data.dataset import Split
from cfa_nb.rng import stream

#: What images and master weights are held in, by `config.precision`; "bf16" speaks of the convolutions alone.
DTYPES = {"fp32": torch.float32, "fp64": torch.float64, "bf16": torch.float32}


def to_float(images: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """uint8 pixels 0..255 to floats in [0, 1]."""
    return images.to(dtype) / 255


@dataclass(frozen=True)
class Batches:
    """One epoch of shuffled, augmented batches (x (B, C, H, W) in [0, 1], y (B,)); the last one may be smaller."""

    split: Split  # on the device that the batches shall live on
    config: TrainConfig  # batch size, padding and flip; its seed keys order and augmentation
    epoch: int  # counted from 1

    def __len__(self) -> int:
        return -(-len(self.split) // self.config.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for step, index in enumerate(self.order()):
            generator = stream(self.config.seed, "augment", self.epoch, step, self.split.labels.device)
            yield take(self.split, index, self.config, generator)

    def order(self) -> Sequence[Tensor]:
        """The epoch's images, batch by batch: index tensors (B,)."""
        device = self.split.labels.device
        generator = stream(self.config.seed, "order", self.epoch, device=device)
        return torch.randperm(len(self.split), generator=generator, device=device).split(self.config.batch_size)


def take(split: Split, index: Tensor, config: TrainConfig, generator: Generator) -> tuple[Tensor, Tensor]:
    """The images at these positions, index (B,), augmented, and their labels: (x (B, C, H, W) in [0, 1], y (B,))."""
    x = to_float(split.images[index], DTYPES[config.precision])
    return augment(x, config, generator), split.labels[index]


def augment(x: Tensor, config: TrainConfig, generator: Generator) -> Tensor:
    """Random crop after padding and random horizontal flip, drawn for each image. x: (B, C, H, W)."""
    if config.crop_padding:
        x = random_crop(x, config.crop_padding, config.crop_pad_mode, generator)
    return random_flip(x, generator) if config.flip else x


def random_crop(x: Tensor, padding: int, mode: str, generator: Generator) -> Tensor:
    """Crops of the original size from the padded images, by one gather. x: (B, C, H, W)."""
    b, _, h, w = x.shape
    padded = F.pad(x, (padding,) * 4, mode=mode)
    top, left = torch.randint(2 * padding + 1, (2, b, 1), generator=generator, device=x.device)
    rows = top + torch.arange(h, device=x.device)  # (B, H)
    cols = left + torch.arange(w, device=x.device)  # (B, W)
    index = torch.arange(b, device=x.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows[:, :, None], cols[:, None, :]].permute(0, 3, 1, 2).contiguous()


def random_flip(x: Tensor, generator: Generator) -> Tensor:
    """Mirrors each image with probability 1/2. x: (B, C, H, W)."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator, device=x.device) < 0.5
    return torch.where(mirrored, x.flip(3), x)
