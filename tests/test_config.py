"""Configs, profiles and the conventions of counting epochs."""

import pytest

from cfa_nb.config import Attack, TrainConfig
from cfa_nb.recipes import RECIPES, ROWS
from cfa_nb.runs.profiles import FASHION, PROFILES, profile_named


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(eps=-0.1), "eps must not be negative"),
        (dict(eps=8), "pixels lie in"),
        (dict(ccm=True, calibrator="mine"), "ccm, ccr"),
        (dict(attack_bn="frozen"), "attack_bn must be one of"),
        (dict(epochs=0), "epochs must be at least 1"),
        (dict(eval_per_class=0), "eval_per_class must be at least 1"),
        (dict(ccr=True), "ccr"),
        (dict(objective="frl"), "parent"),
        (dict(calibrator="shuffled_margins"), "parent"),
        (dict(parent=TrainConfig()), "parent"),
        (dict(calibrator="damped_ccm", parent=TrainConfig(ccm=True)), "parent"),
        (dict(calibrator="mean_margin", parent=TrainConfig(ccm=True, epochs=150)), "parent.*fewer epochs"),
        (dict(objective="frl", parent=TrainConfig(), ccm=True), "ccm"),
    ],
)
def test_a_wrong_value_raises_where_the_config_is_made(change, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**change)


def test_the_paper_s_lambda_1():
    assert [RECIPES[r].lambda_1 for r in ("at_ccm", "trades_ccm_ccr", "fat_ccm")] == [0.5, 0.3, 0.7]


@pytest.mark.parametrize(("epoch", "lr"), [(1, 0.1), (100, 0.1), (101, 0.01), (150, 0.01), (151, 0.001), (200, 0.001)])
def test_milestones_are_the_last_epochs_at_the_old_rate(epoch, lr):
    assert TrainConfig().lr_at(epoch) == pytest.approx(lr)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_each_run_exists_once_and_each_row_has_its_run(profile):
    runs = profile.runs()
    assert all(c.eval_steps * c.eval_alpha >= 2.5 * c.eval_eps - 1e-12 for c in runs), "the attack crosses its ball"
    assert len({c.canonical() for c in runs}) == len(runs)
    shown = {row.recipe for row in ROWS.values()} if profile.has_pages else {"at", "at_ccm"}
    assert shown | {"plain"} <= {c.recipe for c in runs}
    assert all(c.parent is None or c.parent in runs for c in runs)


SCALED = [name for name, p in PROFILES.items() if p.alpha_per_eps]
SCALED += ["cifar10+scaled-alpha", "cifar10-quick+scaled-alpha"]


def under_attacked(profile):
    """Margins of runs whose K steps of alpha cover less than 2.5 times eps: a weaker attack fakes robustness."""
    own_step = [c for c in profile.runs() if c.objective != "frl"]  # FRL's step is a quarter of its largest margin
    return sorted({c.eps for c in own_step if c.steps * c.alpha < 2.5 * c.eps - 1e-12})


@pytest.mark.parametrize("name", SCALED)
def test_attack_steps_can_cross_the_ball(name):
    assert not under_attacked(profile_named(name))


@pytest.mark.parametrize(("name", "margins"), [("cifar10", (10, 12, 14, 16)), ("cifar10-quick", (10, 12, 14, 16)),
                                               ("cifar100", (12,))])  # fmt: skip
def test_the_paper_s_step_under_attacks_the_margins_above_8_255(name, margins):
    """Ten steps of 2/255 cover 20/255 whatever eps is: Fig. 2's larger margins alone meet a weaker attack."""
    assert under_attacked(profile_named(name)) == pytest.approx([k / 255 for k in margins])


def test_only_shown_averages_are_carried():
    names = {r: [a.name for a in FASHION.averages_of(FASHION.config(r, 41))] for r in RECIPES}
    assert names["at"] == ["ema", "fawa"]
    assert names["at_ccm"] == ["fawa"]
    assert names["trades_ccr"] == names["plain"] == names["at_mean_margin"] == []
    assert FASHION.averages_of(FASHION.config("at", 41, eps=0.3)) == ()


def test_the_first_seed_of_at_with_and_without_ccm_carries_the_compared_averages_too():
    carried, compared = {r: FASHION.averages_of(FASHION.config(r, 40)) for r in RECIPES}, FASHION.compared_averages
    assert compared
    assert {r for r, averages in carried.items() if set(compared) <= set(averages)} == {"at", "at_ccm"}
    assert {r for r, averages in carried.items() if set(compared) & set(averages)} == {"at", "at_ccm"}


def test_unknown_names_list_what_there_is():
    with pytest.raises(ValueError, match="at_ccm"):
        FASHION.config("at_cfa", 0)
    with pytest.raises(ValueError, match="fig2"):
        FASHION.runs("fig9")
    with pytest.raises(ValueError, match="digits has contrast"):
        profile_named("digits").runs("fig2")


def test_attack_keys_say_what_was_done():
    assert Attack("pgd", 0.15, 0.04, 20).key == "pgd20"
    assert Attack("pgd", 0.5, 0.1, 20, 7, nominal_eps=0.15).key == "pgd20@eps=0.5[n=7/class]"
    assert Attack("aa", 0.15, per_class=20).key == "aa[n=20/class]"
    with pytest.raises(ValueError, match="kind"):
        Attack("fgsm", 0.1)
