"""Statistics of the pages, against numbers worked out by hand or by another library."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from cfa_nb.card.uncertainty import image_interval, jeffreys, percent, points, redrawn, worst_bias
from cfa_nb.method.metrics import ClassAccuracy
from cfa_pages.results.stats import Paired, count, epoch_span, extreme, mean_std, paired


def test_t_interval_agrees_with_scipy():
    values = (0.02, 0.05, -0.01, 0.04, 0.03)
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert Paired(values).interval == pytest.approx((expected.low, expected.high))


def test_the_interval_of_no_seed_and_of_one_and_its_text():
    assert Paired((0.1,)).interval == (-math.inf, math.inf)
    assert math.isnan(Paired(()).mean)
    assert str(Paired(())) == "not run"
    assert Paired((0.1, 0.1)).interval_text == "+10.0 to +10.0"
    assert Paired((0.1,)).interval_text == "none (one seed)"
    assert Paired(()).interval_text is None
    assert Paired((0.1,), images=(0.05, 0.15)).interval_text == "+5.0 to +15.0 (test images, one seed)"


def test_pairing_uses_the_seeds_that_both_have_and_counts_seeds_up():
    comparison = paired({0: 0.5, 1: 0.2, 2: 0.3, 3: 0.9}, {0: 0.4, 1: 0.3, 2: 0.1, 4: 0.1})
    assert (comparison.n, comparison.up) == (3, 2)
    assert comparison.mean == pytest.approx(0.2 / 3)
    assert "2 of 3 seeds up" in str(comparison)


@pytest.mark.parametrize(
    ("values", "text"), [([0.5, 0.6], "55.0 ± 7.1"), ([0.5], "50.0"), ([], "–"), ([None, 0.25], "25.0")]
)
def test_mean_std_uses_the_sample_deviation(values, text):
    assert mean_std(values) == text


def test_points_and_percent():
    assert points(-0.0001) == "+0.0"
    assert (points(0.057), points(-0.003), percent(0.5678)) == ("+5.7", "−0.3", "56.8")


def test_the_worst_of_equal_classes_reads_low_and_one_far_below_the_others_does_not():
    bias, noise = worst_bias(ClassAccuracy((100,) * 10, (200,) * 10))
    # the least of ten normals lies 1.54 standard deviations below their mean; one class has 0.0354
    assert bias == pytest.approx(-1.54 * 0.0354, abs=0.004)
    assert 0 < noise < 0.0354
    bias, _ = worst_bias(ClassAccuracy((20, *[180] * 9), (200,) * 10))
    assert abs(bias) < 0.002


def test_the_bias_repeats_and_ignores_empty_classes():
    counts = ClassAccuracy((10, 0, 12), (20, 0, 20))
    assert worst_bias(counts) == worst_bias(counts)
    assert np.isfinite(worst_bias(counts)).all()


def test_the_interval_over_test_images_has_the_width_of_two_proportions():
    ours, theirs = ClassAccuracy((600, 600), (1000, 1000)), ClassAccuracy((500, 500), (1000, 1000))
    low, high = image_interval(ours, theirs, "overall")
    half = 1.96 * math.sqrt(0.24 / 2000 + 0.25 / 2000)
    assert (low, high) == pytest.approx((0.1 - half, 0.1 + half), abs=0.003)
    assert image_interval(ours, theirs, "overall") == (low, high)


def test_the_interval_of_a_worst_class_is_centred_on_what_was_measured():
    even, steep = ClassAccuracy((100,) * 10, (200,) * 10), ClassAccuracy((40, *[150] * 9), (200,) * 10)
    low, high = image_interval(even, steep, "worst")
    assert (low + high) / 2 == pytest.approx(0.3, abs=0.004)  # the minimum of ten equal classes alone reads 5 low
    assert high - low > 0.05


def test_the_worst_tenth_is_drawn_again_as_it_is_measured():
    hits = (*[40] * 10, *[60] * 90)
    one, tenth = (ClassAccuracy(hits, (100,) * 100, share) for share in (0.0, 0.1))
    assert worst_bias(tenth)[1] < worst_bias(one)[1]  # a mean of ten is less noisy than a minimum
    assert worst_bias(one)[0] < worst_bias(tenth)[0] < 0


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 50), (50, 50)])
def test_no_hits_and_all_hits_have_a_width(hits, n):
    same = ClassAccuracy((hits,), (n,))
    for which in ("overall", "worst"):
        low, high = image_interval(same, same, which)
        assert low < 0 < high
        assert high - low > 1 / n  # at 0 of 1 from -100 to +100 points: one image says next to nothing
    assert worst_bias(same)[1] > 0


def test_a_class_accuracy_is_drawn_from_jeffreys_estimate():
    drawn = redrawn(ClassAccuracy((0,), (1,)), "overall", 20000, np.random.default_rng(0))
    assert drawn.mean() == pytest.approx(0.25, abs=0.01)
    assert (jeffreys(1, 1), jeffreys(50, 100)) == (0.75, 0.5)


def test_a_worst_class_that_no_drawing_moves_has_no_interval():
    one_each = ClassAccuracy((0,) * 20, (1,) * 20)
    low, high = image_interval(one_each, one_each, "worst")
    assert Paired((0.0,), images=(low, high)).interval_text == "none (one seed, too few test images)"


def test_counts_spans_and_ties_are_said_in_words():
    assert [count(n, "seed") for n in (1, 2)] == ["1 seed", "2 seeds"]
    assert [epoch_span(*w) for w in ((2, 2), (101, 120))] == ["epoch 2", "epochs 101–120"]
    assert extreme({"a": 0.1, "b": 0.3}) == ("b", "")
    assert extreme({"a": 0.3, "b": 0.1, "c": 0.1 + 0.2}) == ("a", " (tied)")
    assert extreme({"a": 0.1, "b": 0.3, "c": 0.1}, least=True) == ("a", " (tied)")
    assert extreme({"a": 0.1, "b": 0.1}) == ("a", "all equal")
