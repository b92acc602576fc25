"""The step-by-step page: pictures of attacked images and of PGD's box, FAWA's gate, code beside an algorithm."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cfa_nb.method.train import Training
from cfa_nb.runs.profiles import SMOKE
from cfa_pages import report
from cfa_pages.report.walk import REACH, STARTS, Halves, pgd_walks
from cfa_pages.results.rows import find
from tests.factories import all_runs

pytestmark = pytest.mark.usefixtures("theme")

EPS = 0.1
NAMES = ("left", "right")


class BrighterHalf(nn.Module):
    """Says 1 where the upper half is brighter than the lower one by more than `offset`."""

    def __init__(self, offset):
        super().__init__()
        self.offset = offset

    def forward(self, x):
        upper, lower = x[:, :, :2].mean(dim=(1, 2, 3)), x[:, :, 2:].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(upper), 20 * (upper - lower - self.offset)], dim=1)


@pytest.fixture
def image():
    return torch.full((1, 1, 4, 4), 0.5), torch.tensor([0])


def test_a_walk_stays_in_the_box_and_ends_in_the_corner_of_largest_loss(image):
    walks = pgd_walks(Halves(BrighterHalf(0.05), *image, EPS), image[1])
    assert walks.shape == (21, len(STARTS), 2)
    assert walks[0] == pytest.approx(np.array(STARTS), abs=1e-6)
    assert abs(walks).max() <= 1 + 1e-6
    assert walks[-1] == pytest.approx(np.ones((len(STARTS), 2)), abs=1e-6)


def test_a_point_of_the_plane_is_the_image_with_its_halves_changed(image):
    plane = Halves(BrighterHalf(0.05), *image, EPS)
    plane.network = nn.Identity()
    same, upper = plane(torch.tensor([[0.5, 0.5], [0.5 + 0.5 / REACH, 0.5]]).view(2, 1, 1, 2))
    assert torch.equal(same, image[0][0])
    change = (upper - same)[0]
    assert change[:2].flatten().tolist() == pytest.approx([EPS] * 8)  # up the loss: the upper half brighter
    assert change[2:].abs().max() == 0


def test_two_networks_before_the_same_image(image):
    x, y = image
    networks = {"weak": BrighterHalf(0.05), "strong": BrighterHalf(9.0)}
    x_adv = x.clone()
    x_adv[:, :, :2] += EPS
    fig = report.defence_grid(networks, x, dict.fromkeys(networks, x_adv), y, NAMES, EPS)
    titles = [t for ax in fig.axes if (t := ax.get_title("center"))]
    assert titles == ["left", "→ right", "→ left"]
    said = [t.get_text() for ax in fig.axes for t in ax.texts]
    assert said == ["weak", "right 73 %", "left 27 %", "strong", "right 0 %", "left 100 %"]  # 1 / (1 + exp(-20 * 0.05))


def test_the_strictest_run_is_the_one_that_refuses_most():
    runs = all_runs(SMOKE)
    start = next(a.start for a in SMOKE.averages if a.name == "fawa")
    second = find(runs, "at")[SMOKE.seeds[1]]
    second.record.epochs[:] = [replace(e, accepted=dict.fromkeys(e.accepted, False)) for e in second.record.epochs]
    assert report.strictest_run(runs) is second
    assert report.refused(second) == list(range(start, second.config.epochs + 1))
    assert report.last_worst(second, "live") == second.curve("live")[-1].worst
    assert np.isnan(report.last_worst(find(all_runs(SMOKE, accepts=False), "at")[0], "fawa"))


def test_an_algorithm_stands_beside_lines_that_are_there():
    table = report.algorithm_beside(Training.epoch, [("def epoch", "one"), ("calibration =", "two")])
    assert table.index("one") < table.index("def epoch") < table.index("two") < table.index("calibration = ")
    with pytest.raises(ValueError, match="no line begins"):
        report.algorithm_beside(Training.epoch, [("nothing like this", "one")])
    with pytest.raises(ValueError, match="not in the order"):
        report.algorithm_beside(Training.epoch, [("calibration =", "two"), ("def epoch", "one")])
