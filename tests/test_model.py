"""Networks: size, normalisation inside, modes, seeded weights."""

import hashlib

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from cfa_nb.config import TrainConfig
from cfa_nb.method.linear import Linear
from cfa_nb.method.model import PreActResNet, build, in_mode
from cfa_nb.processor import LEVEL, level
from tests import tiny


def test_the_paper_s_network_has_11172170_parameters():
    with torch.device("meta"):
        model = PreActResNet(10)
    assert sum(p.numel() for p in model.parameters()) == 11_172_170


@pytest.mark.parametrize(("side", "stem_stride"), [(8, 1), (28, 2), (64, 1)])
def test_any_image_size_and_a_stem_that_halves_it(side, stem_stride):
    model = build(TrainConfig(width=4, depth=1, stem_stride=stem_stride), 7, (3, side, side))
    x = torch.rand(2, 3, side, side)
    assert model(x).shape == (2, 7)
    assert model.stem(x).shape == (2, 4, side // stem_stride, side // stem_stride)
    last = model.blocks(model.stem(x)).shape[-1]
    assert last == -(-side // (8 * stem_stride))


def test_initial_weights_depend_on_seed_and_purpose_and_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    a, again, b, c = (build(tiny.config(seed=s), 10, (1, 8, 8), p).linear.weight for s, p in
                      [(0, "init"), (0, "init"), (1, "init"), (0, "average")])  # fmt: skip
    assert torch.equal(a, again)
    assert not torch.equal(a, b)
    assert not torch.equal(a, c)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize("training", [True, False])
def test_mode_comes_back_even_after_an_error(training):
    model = build(tiny.config(), 10, (1, 8, 8)).train(training)
    with pytest.raises(ZeroDivisionError), in_mode(model, "eval" if training else "train"):
        1 / (model.training is training)
    assert model.training is training


def test_unknown_model():
    with pytest.raises(ValueError, match="preactresnet, mlp"):
        build(tiny.config(model="vit"), 10, (1, 8, 8))


def test_the_linear_layer_is_torchs_to_rounding():
    layer = Linear(5, 3).double()
    x = torch.rand(4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.allclose(layer(x), F.linear(x, layer.weight, layer.bias))
    called = lambda x, weight, bias: functional_call(layer, {"weight": weight, "bias": bias}, x)  # noqa: E731
    assert torch.autograd.gradcheck(called, (x, layer.weight, layer.bias))


@pytest.mark.skipif(level() != LEVEL, reason="another processor: other bits")
def test_the_linear_layer_has_the_same_bits_on_every_processor():
    g = torch.Generator().manual_seed(0)
    layer = Linear(196, 128)
    x = torch.randn(100, 196, generator=g).requires_grad_()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(128, 196, generator=g))
        layer.bias.zero_()
    out = layer(x)
    tensors = out, *torch.autograd.grad((out * out).sum(), (x, layer.weight))
    digest = hashlib.sha256(b"".join(t.detach().numpy().tobytes() for t in tensors)).hexdigest()
    assert digest[:16] == "2e2853826bdef489"
