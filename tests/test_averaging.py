"""EMA and FAWA: closed form, thresholds, first acceptance, and that training never notices."""

import pytest
import torch

from cfa_nb.config import Average
from cfa_nb.method.averaging import WeightAverage
from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.method.train import train
from cfa_nb.runs.store import RunStore
from tests import tiny


def state(value, counter=0):
    w, mean = torch.tensor([float(value)]), torch.tensor([2.0 * value])
    return {"w": w, "bn.running_mean": mean, "n": torch.tensor(counter)}


def test_closed_form_of_an_average_that_accepts_every_epoch():
    average = WeightAverage(Average("ema", decay=0.85, start=1, threshold=0.0))
    for epoch in range(1, 21):
        assert average.update(state(epoch, epoch), epoch, 0.0)
    weights = [0.85 ** (20 - 1)] + [0.15 * 0.85 ** (20 - e) for e in range(2, 21)]
    expected = sum(w * e for w, e in zip(weights, range(1, 21)))
    assert float(average.state["w"]) == pytest.approx(expected, rel=1e-5)
    assert float(average.state["bn.running_mean"]) == pytest.approx(2 * expected, rel=1e-5)
    assert int(average.state["n"]) == 20


def test_a_rejected_epoch_leaves_the_average_as_it_was():
    average = WeightAverage(Average("fawa", threshold=0.24, start=1))
    average.update(state(1), 1, 0.5)
    average.update(state(9), 2, ClassAccuracy((23, 30), (100, 100)).worst)
    assert float(average.state["w"]) == 1
    average.update(state(2), 3, ClassAccuracy((24, 30), (100, 100)).worst)  # Algorithm 1: >=
    assert float(average.state["w"]) == pytest.approx(0.85 * 1 + 0.15 * 2)


def test_first_acceptance_from_epoch_50_copies_and_does_not_alias():
    average, live = WeightAverage(Average("fawa")), state(3)
    assert not any(average.update(live, epoch, 1.0) for epoch in (1, 49))
    assert average.state is None
    assert average.update(live, 50, 1.0)
    live["w"].add_(1)
    assert float(average.state["w"]) == 3


def test_the_algorithm_s_and_the_release_s_beginnings():
    algorithm = WeightAverage(Average("a", init="theta_0", start=1), state(1))
    release = WeightAverage(Average("r", init="random", start=1), state(7))
    assert float(algorithm.state["w"]) == 1
    assert float(release.state["w"]) == 7
    for average in (algorithm, release):
        average.update(state(2), 1, 1.0)
    assert float(algorithm.state["w"]) == pytest.approx(0.85 + 0.3)
    assert float(release.state["w"]) == 2


def test_an_average_that_never_accepted_is_null_and_its_row_shows_the_live_weights(tmp_path):
    record = train(tiny.config(), (Average("fawa", threshold=1.01, start=1),), RunStore(tmp_path))
    assert all(e.test["fawa"] is None and not e.accepted["fawa"] for e in record.epochs)
    assert record.never_accepted("fawa")
    assert record.reported("fawa", "last") == "live/last"


@pytest.mark.parametrize("bad", [dict(decay=1.0), dict(init="zero"), dict(name="live"), dict(name="a b")])
def test_bad_averages_are_refused(bad):
    with pytest.raises(ValueError, match="must"):
        Average(**{"name": "fawa", **bad})
