"""Statistics of the pages, against numbers worked out by hand or by another library."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from cfa_nb.metrics import ClassAccuracy
from cfa_nb.stats import Paired, mean_std, paired, percent, points, worst_bias


def test_t_interval_agrees_with_scipy():
    values = (0.02, 0.05, -0.01, 0.04, 0.03)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert Paired(values).interval == pytest.approx((expected.low, expected.high))


def test_one_seed_has_no_interval():
    assert Paired((0.1,)).interval == (-math.inf, math.inf)
    assert math.isnan(Paired(()).mean)
    assert str(Paired(())) == "not run"


def test_paired_counts_seeds_up():
    found = paired({0: 0.5, 1: 0.2, 2: 0.3}, {0: 0.4, 1: 0.3, 2: 0.1})
    assert (found.n, found.up) == (3, 2)
    assert "2 of 3 seeds up" in str(found)


@pytest.mark.parametrize(
    ("values", "text"), [([0.5, 0.6], "55.0 ± 7.1"), ([0.5], "50.0"), ([], "–"), ([None, 0.25], "25.0")]
)
def test_mean_std_uses_the_sample_deviation(values, text):
    assert mean_std(values) == text


def test_points_and_percent():
    assert points(-0.0001) == "+0.0"
    assert (points(0.057), points(-0.003), percent(0.5678)) == ("+5.7", "−0.3", "56.8")


def test_the_worst_of_equal_classes_reads_low():
    equal = ClassAccuracy((100,) * 10, (200,) * 10)
    bias, noise = worst_bias(equal)
    # the least of ten normals lies 1.54 standard deviations below their mean; one class has 0.0354
    assert bias == pytest.approx(-1.54 * 0.0354, abs=0.004)
    assert 0 < noise < 0.0354


def test_a_class_far_below_the_others_is_not_biased():
    bias, _ = worst_bias(ClassAccuracy((20, *[180] * 9), (200,) * 10))
    assert abs(bias) < 0.002


def test_the_bias_repeats_and_ignores_empty_classes():
    counts = ClassAccuracy((10, 0, 12), (20, 0, 20))
    assert worst_bias(counts) == worst_bias(counts)
    assert np.isfinite(worst_bias(counts)).all()
