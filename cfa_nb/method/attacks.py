"""L-infinity attacks in pixel space: `pgd` (Eq. 2), and `friendly_pgd` for FAT.

    start = uniform_start(x, 8 / 255, generator)
    x_adv = pgd(model, x, cross_entropy(y), eps=8 / 255, alpha=2 / 255, steps=10, start=start)

`eps` is one number, or one per image (B,): a class-wise margin is a longer eps, not another attack. Randomness is
an argument. An attack gives the model back as it found it, mode and gradients; in train mode it moves BatchNorm's
running statistics.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cfa_nb.method.model import frozen, in_mode

Loss = Callable[[Tensor], Tensor]  # from logits (B, K) to a scalar


def per_image(eps: float | Tensor, x: Tensor) -> float | Tensor:
    """`eps` ready to broadcast over x (B, C, H, W): a number as it is, (B,) as (B, 1, 1, 1).

    Raises:
        ValueError: if a number is negative or a vector is not (B,).
    """
    if not torch.is_tensor(eps):
        if eps < 0:
            raise ValueError(f"eps must not be negative, got {eps}")
        return eps
    if eps.ndim == 0:
        return eps
    if eps.shape != x.shape[:1]:
        raise ValueError(f"eps must be a number or one per image ({len(x)},), got shape {tuple(eps.shape)}")
    return eps.view(-1, 1, 1, 1)


def project(x_adv: Tensor, x: Tensor, eps: float | Tensor) -> Tensor:
    """The point of the ball of radius eps around x, within [0, 1], that is nearest to x_adv: Pi of Eq. 2."""
    return (x_adv - x).clamp_(-eps, eps).add_(x).clamp_(0, 1)  # in place: a step of an attack is mostly memory


def uniform_start(x: Tensor, eps: float | Tensor, generator: torch.Generator) -> Tensor:
    """x plus noise from U(-eps, eps) a pixel, within [0, 1]: where AT and FAT start."""
    eps = per_image(eps, x)
    noise = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    return project(x + (2 * noise - 1) * eps, x, eps)


def gaussian_start(x: Tensor, generator: torch.Generator, scale: float = 0.001) -> Tensor:
    """x plus 0.001 N(0, 1) a pixel, not projected: where TRADES starts."""
    return x + scale * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)


def cross_entropy(y: Tensor) -> Loss:
    """The loss of AT as a function of logits (B, K), summed, so that an image's gradient ignores its batch."""
    return lambda logits: F.cross_entropy(logits, y, reduction="sum")


def kl_to(clean_logits: Tensor) -> Loss:
    """The loss of TRADES' attack as a function of adversarial logits, summed: the clean output does not move."""
    return lambda logits: kl(clean_logits.detach(), logits).sum()


def kl(clean_logits: Tensor, adversarial_logits: Tensor) -> Tensor:
    """KL(clean || adversarial) of each image, (B,); gradients flow into both. From log-probabilities: always finite."""
    log_p, log_q = F.log_softmax(clean_logits, dim=1), F.log_softmax(adversarial_logits, dim=1)
    return (F.softmax(clean_logits, dim=1) * (log_p - log_q)).sum(dim=1)  # exp() would be MKL's: other bits on Intel


def pgd(model: Callable, x: Tensor, loss: Loss, *, eps, alpha, steps: int, start: Tensor, mode: str = "eval") -> Tensor:
    """Projected gradient ascent on `loss` inside the eps ball (Eq. 2); the last iterate is returned.

    Args:
        model: from (B, C, H, W) in [0, 1] to logits (B, K).
        x: (B, C, H, W) clean images in [0, 1].
        loss: from logits to a scalar, such as `cross_entropy(y)` or `kl_to(clean_logits)`.
        eps: radius in pixel units, a number or one per image (B,).
        alpha: step size in pixel units.
        steps: number of steps; 0 returns `start`.
        start: (B, C, H, W), where the ascent begins.
        mode: "eval", or "train" (batch statistics; moves BatchNorm's running ones).
    Returns:
        (B, C, H, W) adversarial images, within eps of x for each image and within [0, 1], detached.
    Raises:
        ValueError: on a negative eps, shapes that do not fit, or (on a CPU) pixels outside [0, 1].
    """
    _check_images(x, start)
    eps = per_image(eps, x)
    x_adv = start.detach()
    with in_mode(model, mode):
        for _ in range(steps):
            gradient, _ = input_gradient(model, x_adv, loss)
            x_adv = project(x_adv + alpha * gradient.sign(), x, eps)
    return x_adv


def friendly_pgd(
    model: Callable, x: Tensor, y: Tensor, *, eps, alpha, steps: int, start: Tensor, tau: int, rule: str = "release",
    omega: float = 0.0, generator: torch.Generator | None = None, mode: str = "train",
) -> Tensor:  # fmt: skip
    """FAT's attack (Zhang et al., 2020): PGD whose images stop early, tau steps after they are misclassified.

    An image that is misclassified spends one of its tau steps and moves on. Rule "release" (the released code of CFA)
    freezes it for good once tau is spent; "official" freezes it when it is misclassified with none left, so that a
    correctly classified image always moves. Each step adds omega * N(0, 1). tau >= steps is plain PGD.

    Returns:
        (B, C, H, W) adversarial images, detached. Frozen images stay in the batch, for its statistics.
    """
    _check_images(x, start)
    eps = per_image(eps, x)
    x_adv, left = start.detach(), torch.full_like(y, tau)
    frozen = torch.zeros_like(y, dtype=torch.bool)
    with in_mode(model, mode):
        for _ in range(steps):
            gradient, logits = input_gradient(model, x_adv, cross_entropy(y))
            wrong = logits.argmax(dim=1) != y
            frozen = frozen | (left == 0 if rule == "release" else wrong & (left == 0))
            left = left - (wrong & ~frozen).long()
            move = alpha * gradient.sign()
            if omega:
                move = move + omega * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
            x_adv = torch.where(frozen.view(-1, 1, 1, 1), x_adv, project(x_adv + move, x, eps))
    return x_adv


def input_gradient(model: Callable, x: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
    """Gradient of `loss(model(x))` with respect to x alone, and the logits; parameters' gradients stay as they are."""
    with torch.enable_grad(), frozen(model):
        x = x.detach().requires_grad_()
        logits = model(x)
        (gradient,) = torch.autograd.grad(loss(logits), x)
    return gradient, logits.detach()


def _check_images(x, start):
    if x.ndim != 4 or start.shape != x.shape:
        raise ValueError(f"x and start must both be (B, C, H, W), got {tuple(x.shape)} and {tuple(start.shape)}")
    if x.device.type == "cpu" and len(x) and not (x.min() >= 0 and x.max() <= 1):  # on a GPU a look would cost a wait
        low, high = float(x.min()), float(x.max())
        raise ValueError(f"x must lie in [0, 1], got {low:g}..{high:g}; divide uint8 pixels by 255")
