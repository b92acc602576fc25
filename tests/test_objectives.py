"""The objectives: limits, Eq. 3 against Eq. 8, batch statistics; tests/test_fidelity.py has the formulas."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from cfa_nb.method.attacks import kl
from cfa_nb.method.calibration import uniform
from cfa_nb.method.model import build
from cfa_nb.method.objectives import OBJECTIVES, Networks, PerImage
from tests import tiny


def loss_of(config, model=None, class_values=None, seed=3):
    model = model or build(config, 10, (1, 8, 8)).train()
    x, y = tiny.images(n=20, shape=(1, 8, 8), num_classes=10)
    class_values = uniform(config, 10).to("cpu") if class_values is None else class_values
    loss, logits = OBJECTIVES[config.objective](
        Networks(model), x, y, PerImage(class_values, y), config, tiny.generator(seed)
    )
    return model, loss, logits, (x, y)


def test_at_with_no_margin_is_cross_entropy():
    model, loss, logits, (x, y) = loss_of(tiny.config("at", eps=0.0))
    assert torch.equal(loss, F.cross_entropy(model(x), y))
    assert torch.equal(logits, model(x))


def test_plain_is_cross_entropy_on_clean_images_without_an_attack():
    config = tiny.config("plain")
    model, (x, y) = build(config, 10, (1, 8, 8)).train(), tiny.images(n=20, shape=(1, 8, 8), num_classes=10)
    networks = Networks(model, lambda _: pytest.fail("attacked"))
    loss, logits = OBJECTIVES[config.objective](networks, x, y, None, config, None)
    assert torch.equal(loss, F.cross_entropy(model(x), y))
    assert torch.equal(logits, model(x))


def test_trades_with_beta_0_is_cross_entropy():
    model, loss, _, (x, y) = loss_of(tiny.config("trades", beta=0.0))
    assert torch.allclose(loss, F.cross_entropy(model(x), y))


def test_eq_8_with_one_beta_is_eq_3_over_1_plus_beta():
    model8, loss8, *_ = loss_of(tiny.config("trades", beta=6.0))
    model3, loss3, *_ = loss_of(tiny.config("trades", beta=6.0, trades_normalized=False))
    (loss8 * 7).backward()
    loss3.backward()
    assert torch.allclose(loss8 * 7, loss3)
    for a, b in zip(model8.parameters(), model3.parameters()):
        assert torch.allclose(a.grad, b.grad, atol=1e-6)


def test_frl_with_equal_weights_is_trades_without_denominator():
    """Its step is a quarter of the largest margin, TRADES' own is not touched by the margins."""
    frl = tiny.config("frl")
    trades = replace(frl, objective="trades", parent=None, trades_normalized=False, alpha=0.2 / 4)
    class_values = uniform(frl, 10).to("cpu")
    class_values[0] = torch.linspace(0.02, 0.2, 10)
    ours, theirs = (loss_of(config, class_values=class_values)[1] for config in (frl, trades))
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_class_weights_count_as_often_as_they_say():
    config = tiny.config("frl", beta=0.0)
    class_values = uniform(config, 10).to("cpu")
    class_values[2] = torch.tensor([1.0] + [0.0] * 9)
    model, loss, _, (x, y) = loss_of(config, class_values=class_values)
    assert torch.allclose(loss, F.cross_entropy(model(x[y == 0]), y[y == 0]), atol=1e-6)


@pytest.mark.parametrize(
    ("recipe", "changes", "updates"),
    [("at", {}, 6), ("fat", {}, 6), ("fat", {"fat_tau": 0}, 6), ("trades", {}, 2), ("frl", {}, 2), ("plain", {}, 1)],
)
def test_what_moves_batch_statistics(recipe, changes, updates):
    """AT and FAT: every attack pass (5, even if no image moves) and the training pass; TRADES and FRL: the two of it;
    an undefended network: its one.

    The logits that are counted carry no graph.
    """
    model, loss, logits, _ = loss_of(tiny.resnet_config(recipe, **changes))
    assert int(model.bn.num_batches_tracked) == updates
    assert model.training
    assert loss.requires_grad
    assert not logits.requires_grad


def test_kl_is_exact_and_finite_where_a_probability_underflows():
    a, b = torch.randn(4, 5), torch.randn(4, 5)
    reference = (a.softmax(1) * (a.softmax(1) / b.softmax(1)).log()).sum(1)
    assert torch.allclose(kl(a, b), reference, atol=1e-6)
    extreme = torch.tensor([[300.0, -300.0]], requires_grad=True)
    value = kl(extreme, -extreme.detach()).sum()
    value.backward()
    assert value.isfinite()
    assert extreme.grad.isfinite().all()
