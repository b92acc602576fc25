"""Class accuracies: unbalanced and missing classes, and intervals against scipy."""

import math

import pytest
import torch
from scipy.stats import binomtest

from cfa_nb.card.card import wilson_interval
from cfa_nb.method.metrics import ClassAccuracy, ClassCounts
from tests import tiny


def test_counts_agree_with_a_naive_loop_on_unbalanced_and_missing_classes():
    g = tiny.generator()
    logits, y = torch.randn(500, 5, generator=g), torch.randint(0, 4, (500,), generator=g) ** 2 % 5  # 0, 1, 4 only
    counts = ClassCounts(5)
    for a, b in zip(logits.split(64), y.split(64)):
        counts.add(a, b)
    result = counts.result()
    for k in range(5):
        assert result.n[k] == sum(int(v) == k for v in y)
        assert result.hits[k] == sum(int(v) == k and int(z.argmax()) == k for z, v in zip(logits, y))
    assert result.n[2] == 0
    assert math.isnan(result.per_class[2])
    assert result.worst == min(h / n for h, n in zip(result.hits, result.n) if n)
    assert result.overall == sum(result.hits) / 500


def test_worst_class_is_the_first_of_equals():
    assert ClassAccuracy((3, 1, 1), (4, 4, 4)).worst_class == 1


def test_nothing_counted_is_nan_not_a_crash_and_can_be_everything():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    empty = ClassCounts(3).result()
    assert math.isnan(empty.overall)
    assert math.isnan(empty.worst)


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (7, 20), (20, 20), (137, 500)])
def test_wilson_agrees_with_scipy(hits, n):
    reference = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(hits, n, 1.959963985) == pytest.approx((reference.low, reference.high), abs=1e-9)


@pytest.mark.parametrize(("hits", "n"), [((1, 2), (3,)), ((4,), (3,)), ((-1,), (3,))])
def test_impossible_counts_are_refused(hits, n):
    with pytest.raises(ValueError, match="hits"):
        ClassAccuracy(hits, n)
