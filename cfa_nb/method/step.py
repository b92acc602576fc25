"""One training step, `train_step`: attack, loss, update, counting; and `Epoch`, which makes all steps of an epoch.

    networks, update = Networks(model), Sgd(model, config)
    loss = train_step(networks, update, x, y, class_values, config, generator, robust_counts, clean_counts)

Nothing here waits for the device. On a GPU the same step runs on faster views of the network (`cfa_nb.method.fast`)
and is replayed as a CUDA graph (`cfa_nb.method.graphs`).
"""

import torch
import torch.nn as nn
from torch import Tensor

from cfa_nb.config import TrainConfig
from cfa_nb.data.batches import DTYPES, Batches, take
from cfa_nb.data.dataset import Split
from cfa_nb.method.calibration import Calibration
from cfa_nb.method.fast import fast_networks
from cfa_nb.method.metrics import ClassAccuracy, ClassCounts
from cfa_nb.method.model import in_mode, layout_of
from cfa_nb.method.objectives import OBJECTIVES, Networks, PerImage
from cfa_nb.rng import stream


class Sgd:
    """SGD with momentum and weight decay on all parameters (Sec. 5.1), called with the loss of a step.

        v <- momentum v + (gradient + weight_decay w),  w <- w - lr v

    The rate is a tensor on the device: a number frozen into a captured graph would never change.
    """  # fmt: skip

    def __init__(self, model: nn.Module, config: TrainConfig):
        self.parameters = list(model.parameters())
        self.momentum = [torch.zeros_like(p, memory_format=torch.preserve_format) for p in self.parameters]
        first = self.parameters[0]
        self.lr = torch.tensor(float(config.lr), dtype=first.dtype, device=first.device)
        self.momentum_factor, self.weight_decay = config.momentum, config.weight_decay

    def __call__(self, loss: Tensor) -> None:
        """Gradients of the loss, then the update."""
        gradients = list(torch.autograd.grad(loss, self.parameters))
        with torch.no_grad():
            torch._foreach_add_(gradients, self.parameters, alpha=self.weight_decay)
            torch._foreach_mul_(self.momentum, self.momentum_factor)
            torch._foreach_add_(self.momentum, gradients)
            torch._foreach_sub_(self.parameters, torch._foreach_mul(self.momentum, self.lr))

    def set_lr(self, lr: float) -> None:
        """The rate of the coming steps."""
        self.lr.fill_(lr)


def train_step(
    networks: Networks,
    update: Sgd,
    x: Tensor,
    y: Tensor,
    class_values: Tensor,
    config: TrainConfig,
    generator: torch.Generator,
    robust_counts: ClassCounts,
    clean_counts: ClassCounts,
) -> Tensor:
    """One step on one batch. The robust count sees the training forward, before the update: that is t_k's definition.

    Args:
        networks: the network, in train mode, for the attack and for the loss.
        update: called with the loss; changes the weights.
        x, y: (B, C, H, W) in [0, 1] and (B,).
        class_values: (4, K) class-wise calibration, from `Calibration.to`.
        generator: of this step's attack.
        robust_counts, clean_counts: of the epoch.
    Returns:
        The loss, detached, still on the device.
    """
    networks.refresh()
    loss, adv_logits = OBJECTIVES[config.objective](networks, x, y, PerImage(class_values, y), config, generator)
    update(loss)
    robust_counts.add(adv_logits, y)
    if config.clean_forward != "off":
        with torch.no_grad(), in_mode(networks.trained, config.clean_forward):
            clean_counts.add(networks.trained(x), y)
    return loss.detach()


class Epoch:
    """Makes the steps of an epoch one by one; waits for the device once, at its end.

    Random numbers come from the streams keyed by (seed, purpose, epoch, step).

    Args:
        model: in train mode.
        config: the run's numbers.
        split: training images and labels, on the model's device.
        num_classes: K.
    """

    one_by_one = True  # not replayed as graphs

    def __init__(self, model: nn.Module, config: TrainConfig, split: Split, num_classes: int):
        self.model, self.config, self.split, self.device = model, config, split, split.labels.device
        self.networks = fast_networks(model, bf16=config.precision == "bf16")
        self.update, self.layout = Sgd(model, config), layout_of(model)
        self.class_values = torch.zeros(4, num_classes, dtype=DTYPES[config.precision], device=self.device)
        self.robust, self.clean = (ClassCounts(num_classes, self.device) for _ in range(2))
        self.loss = torch.zeros((), device=self.device)  # of all steps, added up

    def run(self, epoch: int, calibration: Calibration) -> tuple[ClassAccuracy, ClassAccuracy]:
        """One epoch at `config.lr_at(epoch)` with these class-wise values.

        Returns:
            Accuracy on adversarial and on clean training images.
        Raises:
            FloatingPointError: if the loss of a step was not finite.
        """
        self.update.set_lr(self.config.lr_at(epoch))
        self.class_values.copy_(calibration.to(self.device, self.class_values.dtype))
        for counter in (self.robust.counts, self.clean.counts, self.loss):
            counter.zero_()
        for number, index in enumerate(Batches(self.split, self.config, epoch).order()):
            self.run_step(epoch, number, index)
        if not self.loss.isfinite():
            run = f"{self.config.recipe}, seed {self.config.seed}"
            raise FloatingPointError(f"{run}: the loss is not finite at epoch {epoch}; a smaller lr usually helps")
        return self.robust.result(), self.clean.result()

    def run_step(self, epoch: int, number: int, index: Tensor) -> None:
        """One step on the images at `index`."""
        self.step_body(index, *(stream(self.config.seed, p, epoch, number, self.device) for p in ("augment", "attack")))

    def step_body(self, index: Tensor, augment: torch.Generator, attack: torch.Generator) -> None:
        """All that a step does, from the images' positions and two generators; the host learns nothing of it."""
        x, y = take(self.split, index, self.config, augment)
        x = x.contiguous(memory_format=self.layout)
        counts = self.robust, self.clean
        self.loss += train_step(self.networks, self.update, x, y, self.class_values, self.config, attack, *counts)
