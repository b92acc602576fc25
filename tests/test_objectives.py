"""The four objectives: limits, Eq. 3 against Eq. 8, batch statistics, and a naive transcription."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from cfa_nb.method.calibration import uniform
from cfa_nb.method.model import build
from cfa_nb.method.objectives import OBJECTIVES, Networks, PerImage, kl
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


@pytest.mark.parametrize("normalized", [True, False])
def test_trades_with_beta_0_is_cross_entropy(normalized):
    model, loss, _, (x, y) = loss_of(tiny.config("trades", beta=0.0, trades_normalized=normalized))
    assert torch.allclose(loss, F.cross_entropy(model(x), y))


def test_eq_8_with_one_beta_is_eq_3_over_1_plus_beta():
    eq8, eq3 = tiny.config("trades", beta=6.0), tiny.config("trades", beta=6.0, trades_normalized=False)
    model8, loss8, *_ = loss_of(eq8)
    model3, loss3, *_ = loss_of(eq3)
    (loss8 * 7).backward()
    loss3.backward()
    assert torch.allclose(loss8 * 7, loss3)
    for a, b in zip(model8.parameters(), model3.parameters()):
        assert torch.allclose(a.grad, b.grad, atol=1e-6)


def test_eq_8_class_by_class_against_a_loop():
    config = tiny.config("trades", beta=2.0, alpha=0.0)  # no attack steps to speak of: x_adv is the start
    class_values = uniform(config, 10).to("cpu")
    class_values[1] = torch.linspace(0, 9, 10)
    model, loss, logits, (x, y) = loss_of(config, class_values=class_values)
    clean, total = model(x), 0.0
    for i in range(len(x)):
        p, q = clean[i].softmax(0), logits[i].softmax(0)
        beta = float(class_values[1, y[i]])
        total += (-p[y[i]].log() + beta * (p * (p / q).log()).sum()) / (1 + beta)
    assert torch.allclose(loss, total / len(x), atol=1e-5)


def test_fat_with_patience_for_all_steps_is_at():
    at, fat = tiny.config("at"), tiny.config("fat", fat_tau=5)
    assert torch.equal(loss_of(at)[1], loss_of(fat)[1])


def test_frl_with_equal_weights_is_trades_without_denominator():
    frl = tiny.config("frl")
    trades = replace(frl, objective="trades", parent=None, trades_normalized=False, alpha=frl.eps / 4)
    assert torch.allclose(loss_of(frl)[1], loss_of(trades)[1], atol=1e-6)


def test_class_weights_count_as_often_as_they_say():
    config = tiny.config("frl", beta=0.0)
    class_values = uniform(config, 10).to("cpu")
    class_values[2] = torch.tensor([1.0] + [0.0] * 9)
    model, loss, _, (x, y) = loss_of(config, class_values=class_values)
    assert torch.allclose(loss, F.cross_entropy(model(x[y == 0]), y[y == 0]), atol=1e-6)


@pytest.mark.parametrize(("recipe", "updates"), [("at", 6), ("fat", 6), ("trades", 2), ("frl", 2)])
def test_what_moves_batch_statistics(recipe, updates):
    """AT and FAT: every attack pass (5) and the training pass; TRADES and FRL: the two training passes alone."""
    config = replace(tiny.config(recipe), model="preactresnet", width=4, depth=1)
    model, *_ = loss_of(config)
    assert int(model.bn.num_batches_tracked) == updates
    assert model.training


def test_adversarial_logits_carry_no_graph():
    for recipe in ("at", "trades", "fat", "frl"):
        _, loss, logits, _ = loss_of(tiny.config(recipe))
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
