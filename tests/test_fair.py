"""Pictures of FAT and FRL beside CFA: FRL's state from records, and shares of a variance known beforehand."""

from dataclasses import replace

import numpy as np
import pytest

from cfa_nb.method.rivals import Frl
from cfa_nb.runs.profiles import SMOKE
from cfa_pages import report
from cfa_pages.report.fair import frl_calibrations, variance_shares
from cfa_pages.results import rows
from cfa_pages.results.runs import Results
from tests.factories import all_runs

pytestmark = pytest.mark.usefixtures("theme")


@pytest.fixture(scope="module")
def runs():
    return all_runs(SMOKE, effect={"frl": 0.3})


def test_changes_of_classes_are_paired_by_seed(runs):
    changes = [rows.statistic_difference(runs, "frl", "at", "best", k).mean for k in range(10)]
    assert changes[2] == pytest.approx(0.3, abs=0.03)
    assert np.delete(changes, 2) == pytest.approx(0.0)
    pair = rows.statistic_difference(runs, "frl", "at", "best", (2, 5))  # a mean of classes
    assert pair.mean == pytest.approx((changes[2] + changes[5]) / 2)


def test_frl_s_state_follows_from_the_records(runs):
    run = rows.row_runs(runs, "frl")[SMOKE.seeds[0]]
    given = frl_calibrations(run, runs)
    assert len(given) == run.config.epochs
    parent = rows.row_runs(runs, "at")[SMOKE.seeds[0]].record.epochs[-1].val["live"]
    first = Frl.start(10).update(parent.clean.per_class, parent.robust.per_class, run.config)
    assert given[0] == first.calibration(run.config)
    natural, boundary, margins = report.frl_values(runs)
    assert natural.sum(axis=1) == pytest.approx(10) == boundary.sum(axis=1)
    assert margins == pytest.approx(run.config.eps)  # as recorded: the made-up runs have the same for all


def test_variance_is_split_into_classes_images_and_runs():
    labels = np.repeat([0, 1], 50)
    by_class = np.stack([labels] * 4)
    assert variance_shares(by_class, labels) == pytest.approx({"class": 1, "image": 0, "run": 0})
    by_image = np.stack([np.arange(100) % 2] * 4)
    assert variance_shares(by_image, labels) == pytest.approx({"class": 0, "image": 1, "run": 0})
    chance = np.random.default_rng(0).integers(0, 2, (40, 20000))
    assert variance_shares(chance, np.arange(20000) % 2)["run"] > 0.99
    assert variance_shares(np.ones((4, 100)), labels) == {}


def test_without_outcomes_or_with_one_seed_no_share_is_made_up(runs):
    assert sum(report.difficulty_shares(runs, "at").values()) == pytest.approx(1)
    assert report.difficulty_shares(runs.where(seed=0), "at") == {}
    bare = Results(SMOKE, (replace(r, record=replace(r.record, outcomes={})) for r in runs))
    assert report.difficulty_shares(bare, "at") == {}
