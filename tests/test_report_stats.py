"""Statistics of the pages, against numbers worked out by hand or by another library."""

import math

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from cfa_nb.card.card import worst_bias
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.runs.record import pack_outcomes
from cfa_pages.results.stats import (
    MANY_SEEDS,
    Paired,
    first_of_each_class,
    holm,
    image_error,
    image_interval,
    mean_std,
    paired,
    statistic_of,
)

VALUES = (0.02, 0.05, -0.01, 0.04, 0.03)


@pytest.mark.parametrize("border", [0.0, 0.02, -0.05])
def test_interval_and_p_value_over_seeds_agree_with_scipy(border):
    expected = ttest_1samp(VALUES, border)
    interval = expected.confidence_interval(0.95)
    assert Paired(VALUES).interval == pytest.approx((interval.low, interval.high))
    assert Paired(VALUES).p_value(border) == pytest.approx(expected.pvalue)


def test_test_images_widen_the_interval_as_welch_and_satterthwaite_say():
    seeds, both = Paired(VALUES), Paired(VALUES, image_error=0.02)
    of_seeds = np.std(VALUES, ddof=1) / math.sqrt(5)
    error = math.sqrt(of_seeds**2 + 0.02**2)
    freedom = error**4 / (of_seeds**4 / 4)  # that of the images is known without end
    half = student.ppf(0.975, freedom) * error
    assert both.interval == pytest.approx((both.mean - half, both.mean + half))
    assert both.p_value() == pytest.approx(2 * student.sf(both.mean / error, freedom))
    assert both.interval[0] < seeds.interval[0] < seeds.interval[1] < both.interval[1]
    assert seeds.p_value() < both.p_value()
    assert Paired(VALUES, image_error=0.0).interval == seeds.interval
    alike = Paired((0.03, 0.03), image_error=0.01)  # what the images add alone is normal
    assert alike.interval == pytest.approx((0.03 - 0.0196, 0.03 + 0.0196), abs=1e-5)


def test_the_smaller_the_effect_the_more_seeds_it_takes_and_images_alone_may_prevent_it():
    spread = np.array((-0.02, 0.0, 0.02))
    needed = [Paired(tuple(mean + spread)).seeds_to_decide() for mean in (0.08, 0.03, 0.02, 0.01)]
    assert needed == sorted(set(needed))
    assert 2 <= needed[0] < 5 < needed[-1] < MANY_SEEDS
    assert Paired(tuple(0.001 + spread)).seeds_to_decide() is None
    assert Paired(tuple(0.03 + spread)).seeds_to_decide(0.03) is None, "on the border itself"
    assert Paired(tuple(0.03 + spread), image_error=0.009).seeds_to_decide() > needed[1]
    assert Paired(tuple(0.03 + spread), image_error=0.011).seeds_to_decide() is None  # 2.8 errors are too many
    assert Paired((0.03,)).seeds_to_decide() is None


def test_holm_by_hand():
    p = {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}
    assert holm(p) == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.6, "b": 0.7}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


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


def test_the_worst_of_equal_classes_reads_low_and_one_far_below_the_others_does_not():
    bias, noise = worst_bias(ClassAccuracy((100,) * 10, (200,) * 10))
    # the least of ten normals lies 1.54 standard deviations below their mean; one class has 0.0354
    assert bias == pytest.approx(-1.54 * 0.0354, abs=0.004)
    assert 0 < noise < 0.0354
    bias, _ = worst_bias(ClassAccuracy((20, *[180] * 9), (200,) * 10))
    assert abs(bias) < 0.002


def test_the_interval_over_test_images_has_the_width_of_two_proportions():
    ours, theirs = ClassAccuracy((600, 600), (1000, 1000)), ClassAccuracy((500, 500), (1000, 1000))
    low, high = image_interval(ours, theirs, "overall")
    half = 1.96 * math.sqrt(0.24 / 2000 + 0.25 / 2000)
    assert (low, high) == pytest.approx((0.1 - half, 0.1 + half), abs=0.003)
    assert image_interval(ours, theirs, "overall") == (low, high)


@pytest.mark.parametrize(("hits", "n"), [(0, 1), (1, 1), (0, 50), (50, 50)])
def test_no_hits_and_all_hits_have_a_width(hits, n):
    same = ClassAccuracy((hits,), (n,))
    for which in ("overall", "worst"):
        low, high = image_interval(same, same, which)
        assert low < 0 < high
        assert high - low > 1 / n  # at 0 of 1 from -100 to +100 points: one image says next to nothing
    assert worst_bias(same)[1] > 0


def test_a_worst_class_that_no_drawing_moves_has_no_interval():
    one_each = ClassAccuracy((0,) * 20, (1,) * 20)
    low, high = image_interval(one_each, one_each, "worst")
    assert Paired((0.0,), images=(low, high)).interval_text == "none (one seed, too few test images)"


# --- chance of the test images, from what became of each of them

N = (400, 400)
ABOUT = ClassAccuracy((0, 0), N)


def packed(*wrong):
    """Outcomes of two classes of 400 images: all right, but for the first `wrong[k]` images of class k."""
    return pack_outcomes(np.concatenate([np.arange(400) >= k for k in wrong]), np.repeat((0, 1), 400))


@pytest.mark.parametrize("statistic", ["overall", "worst", "spread", 0])
def test_equal_outcomes_leave_nothing_to_chance(statistic):
    assert image_error((packed(40, 100),) * 2, (packed(40, 100),) * 2, statistic, ABOUT) == 0


def test_the_error_of_a_difference_is_that_of_the_images_on_which_methods_differ():
    """k of n images are right for one of two methods alone: sqrt(k / n - (k / n)^2) / sqrt(n)."""
    one, other = (packed(40, 40),), (packed(80, 40),)
    share = 40 / 400
    of_class = math.sqrt(share - share**2) / math.sqrt(400)
    assert image_error(one, other, 0, ABOUT) == pytest.approx(of_class, rel=0.1)
    assert image_error(one, other, "overall", ABOUT) == pytest.approx(of_class / 2, rel=0.1)  # half of all images
    assert image_error(one, other, 1, ABOUT) == 0
    unpaired = math.sqrt(0.1 * 0.9 / 400 + 0.2 * 0.8 / 400)
    assert image_error(one, other, 0, ABOUT) < 0.65 * unpaired, "images that both meet alike cancel out"


def test_seeds_share_the_test_images_and_their_error_does_not_shrink():
    one, other = packed(40, 40), packed(80, 40)
    errors = [image_error((one,) * n, (other,) * n, 0, ABOUT) for n in (1, 5)]
    assert errors[0] == pytest.approx(errors[1])
    others = np.concatenate([np.arange(400) < 360, np.ones(400, dtype=bool)])  # the last 40 instead of the first
    halves = packed(40, 0), pack_outcomes(others, np.repeat((0, 1), 400))
    error = image_error((packed(0, 0),) * 2, halves, 0, ABOUT)  # half a hit on each of 80 images
    assert error == pytest.approx(math.sqrt(0.2 / 4 - 0.1**2) / math.sqrt(400), rel=0.1)


def test_statistics_of_class_accuracies_by_hand():
    counts = ClassAccuracy((10, 60, 90, 80), (100, 100, 100, 200))
    rows = np.array([counts.per_class, (0.5, 0.5, 0.5, 0.5)])
    assert statistic_of("overall", counts)(rows) == pytest.approx([counts.overall, 0.5])
    assert statistic_of("worst", counts)(rows) == pytest.approx([0.1, 0.5])
    assert statistic_of("worst", counts.with_share(0.5))(rows) == pytest.approx([(0.1 + 0.4) / 2, 0.5])
    assert statistic_of("spread", counts)(rows) == pytest.approx([np.std(counts.per_class), 0.0])
    assert statistic_of(2, counts)(rows) == pytest.approx([0.9, 0.5])


def test_the_first_images_of_each_class_from_the_outcomes_of_all():
    right = np.array([1, 0, 1, 1, 0, 1, 0, 0], dtype=bool)
    labels = np.array([0, 1, 0, 1, 0, 1, 0, 1])  # class 0: 1 1 0 0, class 1: 0 1 1 0
    found = first_of_each_class(pack_outcomes(right, labels), (4, 4), 3, 0.5)
    assert found == ClassAccuracy((2, 2), (3, 3), 0.5)
    assert first_of_each_class(pack_outcomes(right, labels), (4, 4), 1).hits == (1, 0)
