"""Each of the 56 rows of the table of differences, executed: what decides the point, or the behaviour itself.

A test is named after its row's number and carries its topic; the last one asks whether all rows have theirs.
"""

import re
from dataclasses import fields, replace

import pytest
import torch
import torch.nn.functional as F

from cfa_nb import data
from cfa_nb.config import RECIPES, Attack, Average, TrainConfig
from cfa_nb.data.batches import Batches, augment
from cfa_nb.data.dataset import Pool, cut
from cfa_nb.method import averaging, evaluate, objectives
from cfa_nb.method.attacks import cross_entropy, friendly_pgd, pgd, uniform_start
from cfa_nb.method.averaging import WeightAverage
from cfa_nb.method.calibration import class_betas, class_margins, next_calibration, uniform
from cfa_nb.method.evaluate import EpochEvaluation
from cfa_nb.method.metrics import ClassAccuracy, ClassCounts
from cfa_nb.method.model import MODELS, STATISTICS, Normalise, PreActResNet, build
from cfa_nb.method.objectives import OBJECTIVES, Networks, PerImage, kl
from cfa_nb.method.step import Sgd, train_step
from cfa_nb.method.train import Training, train
from cfa_nb.rng import stream
from cfa_nb.runs.profiles import CIFAR10, PROFILES, TINY_IMAGENET, profile_named
from cfa_nb.runs.store import RunStore
from cfa_pages.results.differences import DIFFERENCES, PAPER_THRESHOLD
from cfa_pages.results.stats import mean_std, spread_of
from tests import tiny

SHAPE = (1, 8, 8)
DEFAULT = TrainConfig()
TOPICS = {}


def row(topic):
    """Enters a test under its row's topic; its name must begin with "test_row_<number>"."""

    def enter(test):
        TOPICS[int(re.match(r"test_row_(\d+)", test.__name__)[1])] = topic
        return test

    return enter


def resnet(config):
    return build(config, 10, SHAPE).train()


def batch(n=20):
    return tiny.images(n=n, shape=SHAPE, num_classes=10)


def class_values(config, eps=None):
    """(4, 10) calibration, uniform or with margins of one's own."""
    plain = uniform(config, 10)
    return (plain if eps is None else replace(plain, eps=tuple(eps))).to("cpu")


def loss_and_passes(config, eps=None):
    """One objective on one batch of a small PreActResNet: model, loss, BatchNorm's updates."""
    model, (x, y) = resnet(config), batch()
    image = PerImage(class_values(config, eps), y)
    loss, _ = OBJECTIVES[config.objective](Networks(model), x, y, image, config, tiny.generator())
    return model, loss, int(model.bn.num_batches_tracked)


def seen_by_the_attack(recipe, monkeypatch, **changes):
    """What an objective hands to its attack: (x, y, keyword arguments). The attack itself returns the start."""
    seen = {}

    def spy(model, x, *args, **kwargs):
        seen.update(kwargs, x=x)
        return kwargs["start"]

    for name in ("pgd", "friendly_pgd"):
        monkeypatch.setattr(objectives, name, spy)
    config, (x, y) = tiny.resnet_config(recipe, **changes), batch(200)
    margins = torch.linspace(0.02, 0.2, 10).tolist()
    image = PerImage(class_values(config, margins), y)
    OBJECTIVES[config.objective](Networks(resnet(config)), x, y, image, config, tiny.generator())
    return seen, x, y, torch.tensor(margins)[y]


def a_step(config):
    """One step: the model, and the logits of its passes in order."""
    model, (x, y) = resnet(config), batch()
    logits, robust, clean = [], ClassCounts(10), ClassCounts(10)
    model.register_forward_hook(lambda m, _, out: logits.append((m.training, out.detach())))
    step = (x, y, class_values(config), config, tiny.generator(), robust, clean)
    train_step(Networks(model), Sgd(model, config), *step)
    return model, logits, robust.result(), y


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of four epochs, and its store."""
    store = RunStore(tmp_path_factory.mktemp("runs"))
    return train(tiny.config("at_ccm"), tiny.AVERAGES, store), store


# --- calibration


@row("Start of CCM and CCR")
def test_row_01_calibration_starts_with_epoch_11():
    config = RECIPES["trades_ccm_ccr"]
    assert next_calibration(config, 2, 10, (0.1, 0.9)) == uniform(config, 2)
    assert next_calibration(config, 2, 11, (0.1, 0.9)) != uniform(config, 2)
    algorithm_1 = replace(config, calibration_start=2)
    assert next_calibration(algorithm_1, 2, 2, (0.1, 0.9)) != uniform(config, 2)


@row("Source of t_k")
def test_row_02_t_k_is_counted_in_the_training_pass():
    config = tiny.resnet_config("at", clean_forward="train", eps=0.02, alpha=0.005)
    _, logits, robust, y = a_step(config)
    training, outputs = logits[config.steps]  # after the attack's passes, before the clean one
    assert training
    assert len(logits) == config.steps + 2
    assert robust.hits == tuple(int((outputs.argmax(1) == y)[y == k].sum()) for k in range(10))
    assert robust.n == (2,) * 10
    start, clean = (sum((logits[i][1].argmax(1) == y).tolist()) for i in (0, -1))
    assert 0 < sum(robust.hits) < min(start, clean)


@row("Denominator of t_k")
def test_row_03_each_class_by_its_own_images():
    seen = ClassAccuracy((3, 1), (4, 2))
    assert seen.per_class == (0.75, 0.5)
    assert seen.per_class != tuple(2 * h / 6 for h in seen.hits)  # the release's K hits / N


@row("Alg. 1, line of β")
def test_row_04_beta_scales_beta():
    assert class_betas((0.2,), 6.0, 0.5) == pytest.approx((0.7 * 6.0,))


@row("Alg. 1, index of t")
def test_row_05_a_class_s_margin_follows_its_own_t():
    one, other = class_margins((0.2, 0.7), 0.1, 0.5), class_margins((0.2, 0.1), 0.1, 0.5)
    assert one[0] == other[0]
    assert one[1] != other[1]


@row("Alg. 1, symbols")
def test_row_06_a_name_for_each_of_the_algorithm_s_symbols():
    run, average = ({f.name for f in fields(c)} for c in (TrainConfig, Average))
    assert {"epochs", "batch_size", "alpha", "eps", "beta", "lr"} <= run
    assert {"decay", "threshold"} <= average
    assert not {"N", "m", "decay"} & run
    assert "alpha" not in average


@row("Ball of the inner maximum, Eq. 8")
def test_row_07_class_wise_ball_under_ccm_only():
    t = (0.1, 0.9)
    ccr, both = (next_calibration(RECIPES[r], 2, 11, t) for r in ("trades_ccr", "trades_ccm_ccr"))
    assert ccr.eps == (DEFAULT.eps,) * 2
    assert both.eps == pytest.approx((0.4 * DEFAULT.eps, 1.2 * DEFAULT.eps))
    assert ccr.beta == both.beta


@row("Loss of plain TRADES")
def test_row_08_plain_trades_is_divided_by_1_plus_beta():
    assert RECIPES["trades"].trades_normalized
    config = tiny.resnet_config("trades", beta=6.0)
    eq_8, eq_3 = (loss_and_passes(replace(config, trades_normalized=n))[1].item() for n in (True, False))
    assert 7 * eq_8 == pytest.approx(eq_3, rel=1e-5)


@row("λ₁")
def test_row_09_lambda_1_of_each_method():
    assert [RECIPES[r].lambda_1 for r in ("at_ccm", "trades_ccm", "fat_ccm")] == [0.5, 0.3, 0.7]
    released = profile_named("cifar10+release")
    assert {released.config(r, 0).lambda_1 for r in ("at_ccm", "trades_ccm", "fat_ccm")} == {0.5}


@row("λ₂")
def test_row_10_lambda_2():
    assert {c.lambda_2 for c in RECIPES.values()} == {0.5}


# --- averages


def states(*values):
    return [{"w": torch.tensor([float(v)])} for v in values]


def fed(average, *values, first=1, worst=1.0):
    """An average after epochs `first`, `first` + 1, ... with these weights."""
    for epoch, state in enumerate(states(*values), first):
        average.update(state, epoch, worst)
    return average


@row("Decay of averages")
def test_row_11_an_average_keeps_85_percent():
    assert float(fed(WeightAverage(Average("ema", start=1)), 1, 2).state["w"]) == pytest.approx(0.85 + 0.3)


@row("Threshold δ of FAWA")
def test_row_12_the_threshold_is_0_2_on_cifar10_and_0_is_ema():
    assert next(a.threshold for a in CIFAR10.averages if a.name == "fawa") == PAPER_THRESHOLD
    assert next(a.threshold for a in profile_named("cifar10+release").averages if a.name == "fawa") == 0.24
    ema = WeightAverage(Average("ema", start=1))
    assert ema.accepts(1, 0.0)


@row("Start of averages")
def test_row_13_averages_begin_with_epoch_50():
    average = WeightAverage(Average("ema"))
    assert [average.accepts(epoch, 1.0) for epoch in (1, 49, 50, 51)] == [False, False, True, True]


@row("First value of FAWA")
def test_row_14_no_average_before_the_first_acceptance_which_copies():
    average = WeightAverage(Average("fawa", threshold=0.2, start=1))
    assert fed(average, 1, worst=0.1).state is None
    assert float(fed(average, 3, worst=0.3).state["w"]) == 3
    released = WeightAverage(Average("fawa", start=1, init="random"), states(7)[0])
    assert float(released.state["w"]) == 7
    assert float(fed(released, 3).state["w"]) == 3
    algorithm = WeightAverage(Average("fawa", start=1, init="theta_0"), states(1)[0])
    assert float(fed(algorithm, 3).state["w"]) == pytest.approx(0.85 + 0.45)


@row("Test against δ")
def test_row_15_a_worst_class_at_the_threshold_is_accepted():
    average = WeightAverage(Average("fawa", threshold=0.24, start=1))
    assert average.accepts(1, ClassAccuracy((24, 30), (100, 100)).worst)
    assert not average.accepts(1, ClassAccuracy((23, 30), (100, 100)).worst)


@row("How often averages move")
def test_row_16_an_average_moves_once_an_epoch(tmp_path, monkeypatch):
    epochs, inner = [], WeightAverage.update
    monkeypatch.setattr(averaging.WeightAverage, "update", lambda a, s, e, w: epochs.append(e) or inner(a, s, e, w))
    config = tiny.config("at", batch_size=16)
    assert len(Batches(data.load(config).train, config, 1)) == 10
    train(config, tiny.AVERAGES[:1], RunStore(tmp_path))
    assert epochs == [1, 2, 3, 4]


@row("BatchNorm in averages")
def test_row_17_running_statistics_are_averaged_and_not_recalibrated(tmp_path):
    run = Training(tiny.resnet_config("at"), (Average("ema", start=1),), RunStore(tmp_path), "cpu")
    live = []
    for epoch in (1, 2):
        run.epoch(epoch)
        live.append({k: v.clone() for k, v in run.model.state_dict().items() if "running" in k})
    average = run.averages[0].state
    assert live[0]
    for k in live[0]:
        assert torch.allclose(average[k], 0.85 * live[0][k] + 0.15 * live[1][k])


# --- data and selection


def pool(per_class=10):
    """Images that carry their position in the dataset's order."""
    n = 10 * per_class
    numbered = torch.arange(n).to(torch.uint8).view(n, 1, 1, 1).expand(n, *SHAPE).contiguous()
    split = replace(tiny.split(n), images=numbered, labels=torch.arange(n) % 10)
    return Pool(tuple("abcdefghij"), split, split)


@row("Validation set")
def test_row_18_validation_is_the_first_of_each_class_for_every_seed():
    assert DEFAULT.val_per_class == 100
    for seed in (0, 1):
        val = cut("numbered", pool(), replace(DEFAULT, val_per_class=2, seed=seed)).val
        assert val.images[:, 0, 0, 0].tolist() == list(range(20))


@row("Training set of the baselines")
def test_row_19_every_method_trains_on_what_validation_leaves():
    assert {CIFAR10.config(r, 0).val_per_class for r in RECIPES} == {100}
    parts = [cut("numbered", pool(), CIFAR10.config(r, 0, val_per_class=2)) for r in ("at", "at_ccm", "trades", "fat")]
    assert {p.content_hash for p in parts} == {parts[0].content_hash}
    assert parts[0].train.images[:, 0, 0, 0].tolist() == list(range(20, 100))


@row('Set that chooses "best"')
def test_row_20_both_selections_are_kept(trained):
    record, _ = trained
    assert {"live/best", "live/best_val"} <= set(record.checkpoints)
    for key, split in (("live/best", "test"), ("live/best_val", "val")):
        scores = {e.epoch: getattr(e, split)["live"].score for e in record.epochs if e.epoch >= 3}
        assert scores[record.checkpoints[key].epoch] == max(scores.values())


@row('Rule of "best"')
def test_row_21_the_earliest_of_equals_in_the_second_half(tmp_path, monkeypatch):
    assert DEFAULT.best_from == 101
    same = EpochEvaluation(resnet(tiny.resnet_config()), tiny.split(), tiny.config(), 10, "same")(1)
    monkeypatch.setattr(EpochEvaluation, "__call__", lambda *_: same)
    record = train(tiny.config("at"), (), RunStore(tmp_path))
    assert record.checkpoints["live/best"].epoch == 3


@row("PGD of the evaluation")
def test_row_22_pgd_10_from_a_random_start_seeded(monkeypatch):
    calls, inner = [], evaluate.pgd
    monkeypatch.setattr(evaluate, "pgd", lambda m, x, loss, **k: calls.append(k | {"x": x}) or inner(m, x, loss, **k))
    model, split = build(tiny.config(), 10, SHAPE), tiny.split(50)
    one, same = (EpochEvaluation(model, split, DEFAULT, 10, "evaluate-test")(1) for _ in range(2))
    assert one == same
    assert len(calls) == 2  # one restart each
    first, again = calls
    assert (first["steps"], first["eps"], first["alpha"]) == (10, 8 / 255, 2 / 255)
    assert torch.equal(first["start"], again["start"])
    assert not torch.equal(first["start"], first["x"])


@row("AutoAttack")
def test_row_23_the_tables_attack_is_standard_autoattack_and_says_on_which_images():
    assert CIFAR10.final_attack(CIFAR10.config("at", 0)) == Attack("aa", 8 / 255)
    assert Attack("aa", 8 / 255).label == "AA"
    assert Attack("aa", 8 / 255, per_class=100).label == "AA, 100 images a class"
    assert Attack("aa-fast", 8 / 255).label != "AA"
    with pytest.raises(ValueError, match="10 classes"):
        evaluate.attack_accuracy(resnet(tiny.resnet_config()), tiny.split(), Attack("aa", 0.1), 4, 0)


# --- attack


@row("Steps of the training attack")
def test_row_24_ten_steps_for_all_methods():
    assert {c.steps for c in RECIPES.values()} == {10}


@row("Step size of TRADES")
def test_row_25_trades_steps_by_2_255(monkeypatch):
    assert RECIPES["trades"].alpha == 2 / 255
    assert seen_by_the_attack("trades", monkeypatch, alpha=2 / 255)[0]["alpha"] == 2 / 255


@row("Step size under ε_k")
def test_row_26_the_step_ignores_eps_k_but_frl_s_is_a_quarter_of_the_largest(monkeypatch):
    for recipe in ("at_ccm", "trades_ccm", "fat_ccm"):
        assert seen_by_the_attack(recipe, monkeypatch, alpha=0.01)[0]["alpha"] == 0.01
    assert float(seen_by_the_attack("frl", monkeypatch)[0]["alpha"]) == pytest.approx(0.2 / 4)
    scaled = profile_named("cifar10+scaled-alpha")
    assert scaled.config("at", 0, eps=16 / 255).alpha == pytest.approx(4 / 255)


@row("ε")
def test_row_27_margin_of_training_and_evaluation():
    assert {c.eps for c in RECIPES.values()} == {c.eval_eps for c in RECIPES.values()} == {8 / 255}


@row("Start of the attack")
def test_row_28_uniform_in_the_class_s_ball_or_nearly_clean(monkeypatch):
    for recipe in ("at_ccm", "fat_ccm"):
        seen, x, _, eps = seen_by_the_attack(recipe, monkeypatch)
        reached = (seen["start"] - x).abs().amax(dim=(1, 2, 3))
        assert (reached <= eps + 1e-6).all()
        assert (reached > 0.8 * eps).all()
    seen, x, _, _ = seen_by_the_attack("trades_ccm", monkeypatch)
    assert float((seen["start"] - x).std()) == pytest.approx(0.001, rel=0.05)


@row("BatchNorm during the attack")
def test_row_29_at_and_fat_attack_in_train_mode_trades_and_frl_in_eval_mode():
    steps = tiny.config().steps
    updates = {r: loss_and_passes(tiny.resnet_config(r))[2] for r in ("at", "fat", "trades", "frl")}
    assert updates == {"at": steps + 1, "fat": steps + 1, "trades": 2, "frl": 2}


@row("Clean pass after each step")
def test_row_30_the_clean_pass_moves_batchnorm_s_statistics():
    assert DEFAULT.clean_forward == "train"
    config = tiny.resnet_config("at")
    moved, still, without = (
        a_step(replace(config, clean_forward=mode))[0].state_dict() for mode in ("train", "eval", "off")
    )
    assert int(moved["bn.num_batches_tracked"]) == int(without["bn.num_batches_tracked"]) + 1
    assert not torch.equal(moved["bn.running_mean"], without["bn.running_mean"])
    assert torch.equal(still["bn.running_mean"], without["bn.running_mean"])


@row("Repeated passes of TRADES and FAT")
def test_row_31_a_repeated_pass_changes_the_statistics_not_the_gradient():
    assert not DEFAULT.repeat_forwards
    for recipe in ("trades", "fat"):
        once, twice = (loss_and_passes(tiny.resnet_config(recipe, repeat_forwards=r)) for r in (False, True))
        assert twice[2] == once[2] + 1
        assert torch.equal(once[1], twice[1])
        once[1].backward()
        twice[1].backward()
        assert all(torch.equal(a.grad, b.grad) for a, b in zip(once[0].parameters(), twice[0].parameters()))
        assert not torch.equal(once[0].bn.running_mean, twice[0].bn.running_mean)


def test_row_31_fat_makes_all_its_steps_though_no_image_moves():
    config = tiny.resnet_config("fat", fat_tau=0)
    assert loss_and_passes(config)[2] == config.steps + 1


@row("Parameters' gradients in the attack")
def test_row_32_the_attack_computes_no_gradient_of_parameters():
    model, (x, y) = resnet(tiny.resnet_config()), batch()
    pgd(model, x, cross_entropy(y), eps=0.1, alpha=0.03, steps=2, start=x)
    friendly_pgd(model, x, y, eps=0.1, alpha=0.03, steps=2, start=x, tau=1)
    assert all(p.grad is None for p in model.parameters())


# --- FAT and FRL


def friendly(rule, tau, omega=0.0, seed=0):
    """FAT's attack on a linear model of two classes: start, images, who was right at the start."""
    model, (x, y) = tiny.two_class(), tiny.images()
    start = uniform_start(x, 0.1, tiny.generator())
    own = dict(tau=tau, rule=rule, omega=omega, generator=tiny.generator(seed), mode="eval")
    moved = friendly_pgd(model, x, y, eps=0.1, alpha=0.03, steps=5, start=start, **own)
    return start, moved, model(start).argmax(1) == y


@row("τ of FAT")
def test_row_33_tau_is_3(monkeypatch):
    assert RECIPES["fat"].fat_tau == 3
    assert seen_by_the_attack("fat", monkeypatch)[0]["tau"] == 3


@row("When FAT freezes an image")
def test_row_34_the_release_freezes_once_tau_is_spent():
    assert DEFAULT.fat_rule == "release"
    start, moved, _ = friendly("release", tau=0)
    assert torch.equal(moved, start)
    start, moved, right = friendly("official", tau=0)
    assert right.any()
    assert not torch.equal(moved[right], start[right])


@row("Noise of FAT")
def test_row_35_no_noise_is_added():
    assert DEFAULT.fat_omega == 0
    one, other = (friendly("release", 3, seed=s)[1] for s in (1, 2))
    assert torch.equal(one, other)
    assert not torch.equal(one, friendly("release", 3, omega=0.001, seed=1)[1])


@row("τ of FAT over time")
def test_row_36_tau_is_the_same_in_every_epoch(tmp_path, monkeypatch):
    seen, inner = [], objectives.friendly_pgd
    monkeypatch.setattr(objectives, "friendly_pgd", lambda *a, **k: seen.append(k["tau"]) or inner(*a, **k))
    config = tiny.config("fat")
    train(config, (), RunStore(tmp_path))
    assert len(seen) >= config.epochs
    assert set(seen) == {3}


@row("FRL")
def test_row_37_frl_fine_tunes_the_at_run_of_its_seed():
    assert CIFAR10.config("frl", 3).parent == CIFAR10.config("at", 3)
    with pytest.raises(ValueError, match="parent"):
        TrainConfig(objective="frl")


# --- network, optimiser, data


@row("Padding of the crop")
def test_row_38_crops_reflect():
    x = torch.full((64, 1, 8, 8), 0.5)
    assert DEFAULT.crop_pad_mode == "reflect"
    reflected, zeros = (
        augment(x, replace(DEFAULT, crop_pad_mode=mode), tiny.generator()) for mode in ("reflect", "constant")
    )
    assert torch.equal(reflected, x)
    assert (zeros == 0).any()


@row("Normalisation")
def test_row_39_the_network_normalises_pixels_itself():
    first = next(build(DEFAULT, 10, (3, 32, 32)).children())
    assert isinstance(first, Normalise)
    mean, std = STATISTICS["cifar10"]
    assert torch.allclose(first(torch.ones(1, 3, 1, 1)).flatten(), (1 - torch.tensor(mean)) / torch.tensor(std))


@row("Final BN of PreActResNet-18")
def test_row_40_final_batchnorm_and_number_of_parameters():
    model = PreActResNet(10)
    assert sum(p.numel() for p in model.parameters()) == 11_172_170
    assert model.bn.num_features == model.linear.in_features == 512


@row("When the rate falls")
@pytest.mark.parametrize(("epoch", "rate"), [(1, 0.1), (100, 0.1), (101, 0.01), (150, 0.01), (151, 0.001)])
def test_row_41_the_rate_falls_after_epochs_100_and_150(epoch, rate):
    assert DEFAULT.lr_at(epoch) == pytest.approx(rate)


@row("Seeds")
def test_row_42_every_draw_has_a_key_of_its_own():
    def draw(*key):
        return torch.rand(4, generator=stream(*key)).tolist()

    key = (0, "attack", 1, 1)
    others = [(1, "attack", 1, 1), (0, "order", 1, 1), (0, "attack", 2, 1), (0, "attack", 1, 2)]
    assert draw(*key) == draw(*key)
    assert all(draw(*other) != draw(*key) for other in others)
    assert CIFAR10.seeds == (0, 1, 2, 3, 4)


@row("Batch size")
def test_row_43_the_batch_size_is_what_the_config_says():
    assert DEFAULT.batch_size == 128
    config = replace(DEFAULT, batch_size=32, crop_padding=0)
    assert [len(y) for _, y in Batches(tiny.split(80), config, 1)] == [32, 32, 16]


@row("Wide ResNet")
def test_row_44_no_wide_resnet_but_any_width_and_depth():
    assert set(MODELS) == {"preactresnet", "mlp"}
    with pytest.raises(ValueError, match="unknown model"):
        build(replace(DEFAULT, model="wrn"), 10, (3, 32, 32))
    wide = build(replace(DEFAULT, width=6, depth=3), 10, (3, 32, 32))
    assert (wide.bn.num_features, len(wide.blocks)) == (48, 12)


@row("Schedule of the wide ResNet")
def test_row_45_no_run_has_the_wide_resnet_s_schedule():
    schedules = {(c.epochs, c.milestones) for p in PROFILES.values() for c in p.runs()}
    assert (100, (75, 90)) not in schedules
    assert (200, (100, 150)) in schedules


@row("Other data")
def test_row_46_any_number_of_classes():
    assert DEFAULT.dataset == "cifar10"
    assert {"cifar100", "tiny-imagenet", "folder"} <= set(data.LOADERS)
    model = build(tiny.resnet_config(), 7, SHAPE)
    assert model(torch.rand(2, *SHAPE)).shape == (2, 7)
    assert next_calibration(RECIPES["at_ccm"], 3, 11, (0.1, 0.2, 0.3)).eps == pytest.approx(
        [(0.5 + t) * 8 / 255 for t in (0.1, 0.2, 0.3)]
    )


@row("How the split is stored")
def test_row_47_the_split_is_cut_again_and_hashed(trained):
    record, store = trained
    data._load.cache_clear()
    assert data.load(record.config).content_hash == record.data_hash
    kept = {f.suffix for f in store.root.rglob("*") if f.is_file()}
    assert kept - {".json", ".safetensors", ".lock", ""} == set()


@row("Spelling of the threshold's option")
def test_row_48_threshold_is_spelt_out():
    assert Average("fawa", threshold=0.2).threshold == 0.2
    with pytest.raises(TypeError):
        Average("fawa", thershold=0.2)


# --- what is reported


@row("λ₁ of TRADES + CCM in Table 2")
def test_row_49_lambda_1_of_trades_ccm_in_table_2():
    assert {c.lambda_1 for c in CIFAR10.runs("table2") if c.recipe == "trades_ccm"} == {0.3}


@row("± of the tables")
def test_row_50_sample_standard_deviation():
    assert spread_of([1.0, 3.0]) == pytest.approx(2**0.5)
    assert mean_std((0.1, 0.3)) == "20.0 ± 14.1"


@row("Mode of averaged networks")
def test_row_51_averages_are_judged_in_eval_mode(tmp_path, monkeypatch):
    modes, inner = [], EpochEvaluation.__call__

    def watched(evaluation, epoch):
        hook = evaluation.model.register_forward_hook(lambda m, *_: modes.append(m.training))
        measured = inner(evaluation, epoch)
        hook.remove()
        return measured

    monkeypatch.setattr(EpochEvaluation, "__call__", watched)
    run = Training(tiny.resnet_config(), (Average("ema", start=1),), RunStore(tmp_path), "cpu")
    run.epoch(1)
    assert modes
    assert not any(modes)


@row("Evaluation after each epoch")
def test_row_52_all_weights_each_epoch_but_an_unchanged_average_once(tmp_path, monkeypatch):
    calls, inner = [], EpochEvaluation.__call__
    monkeypatch.setattr(EpochEvaluation, "__call__", lambda e, epoch: calls.append(e.purpose) or inner(e, epoch))
    never = Average("never", threshold=1.01, start=1, init="random")
    record = train(tiny.config(), (Average("ema", start=1), never), RunStore(tmp_path))
    assert all(set(e.test) == set(e.val) == {"live", "ema", "never"} for e in record.epochs)
    assert all(e.test["never"] == record.epochs[0].test["never"] for e in record.epochs)
    assert {split: calls.count(f"evaluate-{split}") for split in ("val", "test")} == {"val": 9, "test": 9}


@row("Weight decay")
def test_row_53_weight_decay_on_all_parameters():
    model = resnet(tiny.resnet_config())
    update = Sgd(model, DEFAULT)
    assert update.weight_decay == 5e-4
    assert len(update.parameters) == len(list(model.parameters()))
    assert any(p is model.bn.bias for p in update.parameters)


@row("Numerics of the KL")
def test_row_54_the_kl_is_finite_where_a_probability_underflows():
    clean = torch.tensor([[300.0, -300.0]], requires_grad=True)
    value = kl(clean, -clean.detach()).sum()
    value.backward()
    assert value.isfinite()
    assert clean.grad.isfinite().all()
    p, q = F.softmax(clean.detach(), 1), F.softmax(-clean.detach(), 1)
    assert not (p * (p / q).log()).sum().isfinite()  # the formula as it stands


@row("Content of a checkpoint")
def test_row_55_the_training_state_holds_all_that_the_next_epoch_needs(tmp_path):
    class StoppedError(Exception):
        pass

    def stop(epoch, _):
        if epoch == 2:
            raise StoppedError

    store, config = RunStore(tmp_path), tiny.config("at_ccm")
    with pytest.raises(StoppedError):
        train(config, tiny.AVERAGES, store, on_epoch=stop)
    tensors, meta = store.load_state(config)
    assert {k.split("/")[0] for k in tensors} == {"model", "momentum", "average"}
    assert meta["epoch"] == 2
    assert {"accepted", "frl", "record"} <= set(meta)
    assert '"train_robust"' in meta["record"]  # t_k
    train(config, tiny.AVERAGES, store)
    assert store.load_state(config) is None


@row("Tiny-ImageNet")
def test_row_56_tiny_imagenet_is_a_profile_with_a_worst_tenth():
    config = TINY_IMAGENET.config("at", 0)
    assert (config.dataset, config.worst_share, DEFAULT.worst_share) == ("tiny-imagenet", 0.1, 0.0)
    measured = ClassAccuracy(tuple(range(20)), (20,) * 20)
    assert measured.worst == 0.0
    assert measured.with_share(config.worst_share).worst == pytest.approx((0 / 20 + 1 / 20) / 2)


def test_every_row_of_the_table_has_its_test():
    assert [TOPICS.get(n) for n in range(1, len(DIFFERENCES) + 1)] == [r.topic for r in DIFFERENCES]
    assert len(TOPICS) == len(DIFFERENCES) == 56
