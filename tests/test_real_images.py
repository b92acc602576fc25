"""AutoAttack on 200 real images, scikit-learn's handwritten digits, of a network trained for it."""

import math
from itertools import pairwise

import pytest

from cfa_nb import data
from cfa_nb.config import Attack
from cfa_nb.method.evaluate import attack_accuracy
from cfa_nb.method.model import build
from cfa_nb.method.train import train
from cfa_nb.runs.profiles import DIGITS
from cfa_nb.runs.store import RunStore

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """{attack key: `ClassAccuracy`} on the first 20 test images of each digit."""
    config, store = DIGITS.config("at", 0, epochs=10, milestones=(6, 8)), RunStore(tmp_path_factory.mktemp("runs"))
    train(config, (), store)
    dataset = data.load(config)
    model = build(config, dataset.num_classes, dataset.image_shape)
    model.load_state_dict(store.load_weights(config, "live/last"))
    eps = config.eval_eps
    attacks = [Attack(kind, eps, eps / 4, steps, 20) for kind, steps in (("pgd", 10), ("pgd", 100), ("targeted", 20))]
    attacks += [Attack(kind, eps, per_class=20) for kind in ("aa-fast", "aa")]
    return {a.key: attack_accuracy(model, dataset.test, a, dataset.num_classes, seed=0) for a in attacks}


def test_the_class_wise_table_sums_to_the_total(judged):
    for accuracy in judged.values():
        assert accuracy.n == (20,) * 10
        assert accuracy.overall == sum(accuracy.hits) / 200
        assert accuracy.overall == pytest.approx(sum(accuracy.per_class) / 10)


def test_a_stronger_attack_leaves_no_more_beyond_noise(judged):
    """PGD-10, PGD-100, targeted PGD-20, AA-fast and AA leave less and less, within two standard errors of a share."""
    left = [judged[f"{k}[n=20/class]"].overall for k in ("pgd10", "pgd100", "targeted20", "aa-fast", "aa")]
    for weaker, stronger in pairwise(left):
        assert stronger <= weaker + 2 * math.sqrt(weaker * (1 - weaker) / 200)
    assert 0.2 < left[-1] < 0.9, "neither hopeless nor untouched: the comparison says something"
    # class by class, but for an image on the border, which rounding may put on either side
    assert all(a <= b + 1 for a, b in zip(judged["aa[n=20/class]"].hits, judged["aa-fast[n=20/class]"].hits))
