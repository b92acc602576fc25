"""PGD seen in a plane: an attack that may move the two halves of one image, each along its own direction."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn

from cfa_nb.method.attacks import cross_entropy, input_gradient, pgd
from cfa_pages.report.style import CFA, HARD, INK, panels, short_name

REACH = 1.6  # the plane is drawn from -REACH to +REACH margins; the attack's box is -1 to +1
STARTS = ((-0.9, -0.55), (-0.75, 0.7), (0.35, -0.85))  # in margins


class Halves(nn.Module):
    """A network as a function of two numbers: how far the upper and the lower half of one image are changed.

    Both go along the sign of the loss gradient, so that every pixel changes by at most eps inside the box. A point is
    an image of two pixels in [0, 1], as `pgd` asks for; (0.5, 0.5) is the unchanged image.

    Args:
        network: from (B, C, H, W) to logits.
        x, y: (1, C, H, W) and (1,), one image and its label.
        eps: the margin.
    """

    def __init__(self, network: nn.Module, x: Tensor, y: Tensor, eps: float):
        super().__init__()
        self.network, self.x = network, x
        gradient, _ = input_gradient(network, x, cross_entropy(y))
        step, rows = eps * gradient.sign(), torch.arange(x.shape[2])[:, None]
        upper = rows < x.shape[2] // 2
        self.directions = torch.cat([step * upper, step * ~upper])

    def forward(self, points: Tensor) -> Tensor:
        """Logits (N, K) of points (N, 1, 1, 2)."""
        amounts = (2 * points.flatten(1) - 1) * REACH
        return self.network((self.x + torch.einsum("nd,dchw->nchw", amounts, self.directions)).clamp(0, 1))


def pgd_walks(plane: Halves, y: Tensor, steps: int = 20) -> np.ndarray:
    """(steps + 1, starts, 2) points, in margins, at which the real `pgd` stands from a few starts on."""
    centre, y = torch.full((len(STARTS), 1, 1, 2), 0.5), y.expand(len(STARTS))
    points = [centre + torch.tensor(STARTS).view(-1, 1, 1, 2) * 0.5 / REACH]
    for _ in range(steps):
        box = dict(eps=0.5 / REACH, alpha=0.125 / REACH, steps=1, start=points[-1])
        points.append(pgd(plane, centre, cross_entropy(y), **box))
    return (2 * torch.stack(points).flatten(2) - 1).numpy() * REACH


def pgd_in_the_box(
    networks: Mapping[str, nn.Module], x: Tensor, y: Tensor, names: Sequence[str], eps: float, steps: int = 20
) -> Figure:
    """A panel a network: its loss over the plane of `Halves`, the box, the walks of PGD, and where its answer turns.

    Args:
        networks: {name: network}.
        x, y: (1, C, H, W) and (1,), one image and its label.
        names: of the K classes.
        eps: the margin.
        steps: of each walk.
    """
    planes = {name: Halves(network, x, y, eps) for name, network in networks.items()}
    grid = torch.linspace(0, 1, 121)
    with torch.no_grad():
        logits = {name: plane(torch.cartesian_prod(grid, grid).view(-1, 1, 1, 2)) for name, plane in planes.items()}
    top = max(float(_loss(z, y).max()) for z in logits.values())
    fig, axes = panels(len(planes), height=3.9, width=3.3 * len(planes) + 0.6, sharey=True)
    for ax, (name, plane) in zip(axes, planes.items()):
        filled = _surface(ax, logits[name], y, top)
        _walk(ax, pgd_walks(plane, y, steps))
        _answers(ax, [names[k] for k in logits[name].argmax(dim=1)], names[int(y)])
        ax.set(title=name, xlabel="change of the upper half", aspect="equal")
        ax.set_xticks([-1, 0, 1], ["−ε", "0", "+ε"])
    axes[0].set_yticks([-1, 0, 1], ["−ε", "0", "+ε"])
    axes[0].set_ylabel("change of the lower half")
    fig.colorbar(filled, ax=axes, label="loss (cross-entropy)", shrink=0.8, pad=0.02, format="%.1f")
    return fig


def _loss(logits, y):
    return F.cross_entropy(logits, y.expand(len(logits)), reduction="none")


def _surface(ax, logits, y, top):
    side = np.linspace(-REACH, REACH, round(len(logits) ** 0.5))
    shape = (len(side), len(side))
    loss = _loss(logits, y).view(shape).T
    filled = ax.contourf(side, side, loss, levels=np.linspace(0, max(top, 1e-3), 19), cmap="YlOrBr")
    lead = (logits[:, y] - logits.scatter(1, y.expand(len(logits))[:, None], -torch.inf).amax(dim=1, keepdim=True)).T
    if lead.min() < 0 < lead.max():
        ax.contour(side, side, lead.view(shape).T, levels=[0], colors=HARD[0], linestyles="--", linewidths=2)
    ax.plot([-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1], color=INK, lw=1.6)
    ax.plot(0, 0, "+", color=INK, ms=9, mew=1.6)
    ax.grid(False)
    return filled


def _walk(ax, walks):
    for path in np.moveaxis(walks, 1, 0):
        ax.plot(*path.T, "-o", color=CFA, lw=1.5, ms=3.5, mew=0)
        ax.plot(*path[0], "o", mfc="white", mec=CFA, ms=7, mew=1.6)
    ax.plot(*walks[-1].T, "o", color=CFA, ms=9)


def _answers(ax, said, true):
    """What the network says in the corners of the plane where PGD comes from and where it leads to."""
    for name, at, ha, va in ((said[0], -0.97, "left", "bottom"), (said[-1], 0.97, "right", "top")):
        ax.text(at * REACH, at * REACH, f"“{short_name(name, 12)}”", ha=ha, va=va, fontsize=10,
                color=CFA if name == true else HARD[0], bbox=dict(fc="white", ec="none", pad=2))  # fmt: skip
