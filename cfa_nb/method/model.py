"""Networks from pixels in [0, 1] to logits: `PreActResNet` (the paper's, Sec. 5.1) and `MLP` (for small images).

The normalisation is the network's first layer, so that margins and projections stay in pixel units.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import torch
import torch.nn as nn
import torch.nn.functional as F

from cfa_nb.config import TrainConfig
from cfa_nb.method.linear import Linear
from cfa_nb.rng import stream_seed

#: Mean and standard deviation of the pixels, by dataset; other colour images take CIFAR-10's, grey ones (0.5, 1).
STATISTICS = {
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)),
    "cifar100": ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)),
    "tiny-imagenet": ((0.4802, 0.4481, 0.3975), (0.2770, 0.2691, 0.2821)),
}
SMALL_IMAGES = ((0.3,), (0.5,))  # of an MLP's images: (x - 0.3) * 2


class Normalise(nn.Module):
    """(x - mean) / std, channel by channel."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, x):
        return (x - self.mean) / self.std


class PreActBlock(nn.Module):
    """Pre-activation basic block (He et al., 2016): BN, ReLU, convolution, twice, around a shortcut."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        changes = stride != 1 or channels_in != channels
        self.shortcut = nn.Conv2d(channels_in, channels, 1, bias=False) if changes else None
        self.stride = stride

    def forward(self, x):
        h = F.relu(self.bn1(x))
        # sliced, not strided: the same numbers, faster, and oneDNN 3.x writes out of bounds in the weight gradient of a
        # strided 1x1 convolution of four channels laid out channels-last
        skip = x if self.shortcut is None else self.shortcut(h[:, :, :: self.stride, :: self.stride])
        return skip + self.conv2(F.relu(self.bn2(self.conv1(h))))


class PreActResNet(nn.Module):
    """Pre-activation ResNet of four stages with a final BN and ReLU, as the released code has it.

    Args:
        num_classes: K.
        image_shape: (C, H, W); pooling adapts to H and W.
        width: channels of the first stage; the paper's PreActResNet-18 has 64.
        depth: blocks a stage; 2 makes an 18 (11,172,170 parameters for 10 classes).
        statistics: (mean, std) of the pixels.
        stem_stride: of the first convolution, 3x3 at stride 1, else 4x4.
    """

    def __init__(
        self, num_classes, image_shape=(3, 32, 32), width=64, depth=2, statistics=STATISTICS["cifar10"], stem_stride=1
    ):
        super().__init__()
        self.normalise = Normalise(*statistics)
        self.stem = nn.Conv2d(image_shape[0], width, 3 if stem_stride == 1 else 4, stem_stride, 1, bias=False)
        channels, blocks = width, []
        for stage in range(4):
            for block in range(depth):
                blocks.append(PreActBlock(channels, width << stage, 2 if stage and not block else 1))
                channels = width << stage
        self.blocks = nn.Sequential(*blocks)
        self.bn = nn.BatchNorm2d(channels)
        self.linear = nn.Linear(channels, num_classes)

    def forward(self, x):
        h = self.normalise(x).to(self.stem.weight.dtype)  # bf16 weights: pixels and margins stay fp32 up to here
        h = self.blocks(self.stem(h))  # (B, 8 * width, H / 8, W / 8)
        return self.linear(F.relu(self.bn(h)).mean(dim=(2, 3)).to(self.linear.weight.dtype))


class MLP(nn.Module):
    """Fully connected network for small images: `depth` hidden layers of `width` units, He initialisation.

    A convolutional net of the same accuracy costs ten times as much on a CPU at this size.
    """

    def __init__(self, num_classes, image_shape, width=64, depth=2, statistics=SMALL_IMAGES, stem_stride=1):
        super().__init__()
        self.normalise = Normalise(*statistics)
        pixels = image_shape[0] * image_shape[1] * image_shape[2]
        sizes = [pixels] + [width] * depth
        self.hidden = nn.ModuleList(Linear(a, b) for a, b in pairwise(sizes))
        self.linear = Linear(sizes[-1], num_classes)
        for layer in (*self.hidden, self.linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.linear.weight.mul_(0.5)  # small first logits: the first attacks see a flat loss otherwise

    def forward(self, x):
        h = self.normalise(x).flatten(1)  # (B, C * H * W)
        for layer in self.hidden:
            h = F.relu_(layer(h))
        return self.linear(h)


MODELS = {"preactresnet": PreActResNet, "mlp": MLP}


def build(config: TrainConfig, num_classes: int, image_shape: tuple[int, int, int], purpose: str = "init") -> nn.Module:
    """A fresh network on the CPU; its initial weights depend on (run seed, purpose) alone.

    Raises:
        ValueError: for an unknown `config.model`.
    """
    if config.model not in MODELS:
        raise ValueError(f"unknown model {config.model!r}; there are {', '.join(MODELS)}")
    natural = STATISTICS["cifar10"] if image_shape[0] == 3 else ((0.5,), (1.0,))
    default = SMALL_IMAGES if config.model == "mlp" else natural
    statistics = STATISTICS.get(config.dataset, default)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(config.seed, purpose))
        size = config.width, config.depth, statistics, config.stem_stride
        return MODELS[config.model](num_classes, image_shape, *size)


@contextmanager
def in_mode(model: nn.Module, mode: str) -> Iterator[nn.Module]:
    """The model in "train" or "eval" mode inside the block, as it was after it."""
    before = model.training
    model.train(mode == "train")
    try:
        yield model
    finally:
        model.train(before)


@contextmanager
def frozen(model: Callable) -> Iterator[None]:
    """No parameter asks for a gradient inside the block: an attack needs the images' alone; a function has none."""
    learning = [p for p in getattr(model, "parameters", list)() if p.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_()


def dtype_of(model: nn.Module) -> torch.dtype:
    """The network's number type; float32 for one without parameters."""
    return next((p.dtype for p in model.parameters()), torch.float32)


def layout_of(model: nn.Module) -> torch.memory_format:
    """Channels-last for convolutions on colour images, where that is faster; one channel has no such layout."""
    kernels = [p for p in model.parameters() if p.ndim == 4]
    return torch.channels_last if kernels and kernels[0].shape[1] > 1 else torch.contiguous_format
