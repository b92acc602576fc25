"""PGD and FAT's attack: exact on a linear model, inside the ball, and equal to an independent library."""

import pytest
import torch

from cfa_nb.method.attacks import cross_entropy, friendly_pgd, gaussian_start, pgd, project, uniform_start
from cfa_nb.method.model import build
from tests import tiny

EPS, ALPHA = 0.1, 0.03


def attack(model, x, y, eps=EPS, steps=10, start=None, **kwargs):
    start = uniform_start(x, eps, tiny.generator()) if start is None else start
    return pgd(model, x, cross_entropy(y), eps=eps, alpha=ALPHA, steps=steps, start=start, **kwargs)


def test_pgd_finds_the_known_optimum_of_a_linear_model():
    model, (x, y) = tiny.two_class(), tiny.images()
    direction = (1 - 2 * y.view(-1, 1, 1, 1)) * model.w.detach().sign()  # towards the other class
    best = (x + EPS * direction).clamp(0, 1)
    assert torch.allclose(attack(model, x, y, steps=20), best, atol=1e-6)


@pytest.mark.parametrize("start", [uniform_start, lambda x, eps, g: gaussian_start(x, g)])
def test_every_image_stays_in_its_own_ball_and_in_the_box(start):
    x, y = tiny.images(n=8)
    eps = torch.linspace(0, 0.2, 8)
    x_adv = attack(tiny.two_class(), x, y, eps=eps, start=start(x, eps, tiny.generator()))
    assert ((x_adv - x).abs().amax(dim=(1, 2, 3)) <= eps + 1e-6).all()
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1
    assert torch.equal(x_adv[0], x[0])  # a class with eps_k = 0 stays clean


def test_equal_margins_in_a_vector_a_step_beyond_the_ball_and_no_step():
    model, (x, y) = tiny.two_class(), tiny.images()
    assert torch.equal(attack(model, x, y, eps=EPS), attack(model, x, y, eps=torch.full((len(x),), EPS)))
    assert (attack(model, x, y, eps=ALPHA / 3) - x).abs().max() <= ALPHA / 3 + 1e-7
    assert torch.equal(attack(model, x, y, steps=0, start=x), x)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: dict(eps=-0.1), "eps must not be negative"),
        (lambda x: dict(eps=torch.rand(3)), "one per image"),
        (lambda x: dict(start=torch.rand(12, 3, 4, 5)), "must both be"),
        (lambda x: dict(x=255 * x), r"must lie in \[0, 1\]"),
        (lambda x: dict(x=x * float("nan")), r"must lie in \[0, 1\]"),
    ],
)
def test_bad_input_is_refused_at_the_door(change, message):
    x, y = tiny.images()
    with pytest.raises(ValueError, match=message):
        attack(tiny.two_class(), **{"x": x, "y": y, "start": x, **change(x)})


def test_mode_and_gradients_come_back_as_they_were():
    """In eval mode no buffer moves, in train mode BatchNorm's statistics alone do."""
    model, (x, y) = build(tiny.resnet_config(), 10, (1, 8, 8)).train(), tiny.images(shape=(1, 8, 8), num_classes=10)
    before = tiny.state_of(model)
    attack(model, x, y)
    friendly(model, x, y, tau=1, rule="release")
    assert model.training
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    attack(model.eval(), x, y, mode="train")
    assert not model.training
    moved = {k for k, v in model.state_dict().items() if not torch.equal(v, before[k])}
    assert int(model.bn.num_batches_tracked) == 10
    assert all("running" in k or "num_batches" in k for k in moved)


def friendly(model, x, y, tau, rule, **noise):
    start = uniform_start(x, EPS, tiny.generator())
    kwargs = dict(eps=EPS, alpha=ALPHA, steps=10, start=start, tau=tau, rule=rule, mode="eval", **noise)
    return start, friendly_pgd(model, x, y, **kwargs)


@pytest.mark.parametrize("rule", ["release", "official"])
def test_fat_with_tau_of_all_steps_is_pgd_but_for_noise_if_asked_for(rule):
    model, (x, y) = tiny.two_class(), tiny.images()
    start, x_adv = friendly(model, x, y, 10, rule, generator=tiny.generator(1))
    assert torch.equal(x_adv, attack(model, x, y, start=start))
    assert not torch.equal(x_adv, friendly(model, x, y, 10, rule, omega=0.05, generator=tiny.generator(1))[1])


def test_fat_tau_0_is_no_attack_in_the_release_and_one_in_the_official_code():
    model, (x, y) = tiny.two_class(), tiny.images()
    start, x_adv = friendly(model, x, y, 0, "release")
    assert torch.equal(x_adv, start)
    start, x_adv = friendly(model, x, y, 0, "official")
    right = model(start).argmax(1) == y
    assert right.any()
    assert not torch.equal(x_adv[right], start[right])
    assert torch.equal(x_adv[~right], start[~right])


@pytest.mark.parametrize("tau", [1, 2, 3])
def test_fat_takes_at_most_tau_steps_while_misclassified(tau):
    """Against a loop over single images, written from the rule."""
    model, (x, y) = tiny.two_class(), tiny.images()
    start, together = friendly(model, x, y, tau, "release")
    for i in range(len(x)):
        xi, yi, point, left = x[i : i + 1], y[i : i + 1], start[i : i + 1], tau
        for _ in range(10):
            if left == 0:
                break
            left -= int(model(point).argmax() != yi)
            point = attack(model, xi, yi, steps=1, start=point)
        assert torch.allclose(together[i], point[0], atol=1e-7)


def test_projection_is_idempotent_and_nearest_and_leaves_its_arguments():
    x = torch.rand(5, 1, 2, 2, generator=tiny.generator())
    far = x + torch.randn(x.shape, generator=tiny.generator(1))
    before = x.clone(), far.clone()
    once = project(far, x, EPS)
    assert torch.equal(x, before[0])
    assert torch.equal(far, before[1])
    assert torch.allclose(project(once, x, EPS), once, atol=1e-7)
    low, high = (x - EPS).clamp(0, 1), (x + EPS).clamp(0, 1)
    assert torch.allclose(once, far.clamp(min=low, max=high), atol=1e-7)


def test_foolbox_agrees():
    """The same start and steps through an independent library give the same images."""
    foolbox = pytest.importorskip("foolbox")
    model = build(tiny.config(), 10, (1, 8, 8)).eval()
    x, y = tiny.images(n=32, shape=(1, 8, 8), num_classes=10)
    theirs = foolbox.attacks.LinfPGD(abs_stepsize=ALPHA, steps=10, random_start=False)
    _, clipped, _ = theirs(foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu"), x, y, epsilons=EPS)
    assert torch.allclose(attack(model, x, y, start=x), clipped, atol=1e-6)
