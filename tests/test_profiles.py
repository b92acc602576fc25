"""Profiles by name: variants, folders, counts, schedules, and which runs are the same in two of them."""

from dataclasses import replace

import pytest

from cfa_nb.config import LOOKS, Average, TrainConfig
from cfa_nb.recipes import RECIPES, ROWS, rows_of
from cfa_nb.runs.profiles import CIFAR10, EPS, FASHION, PROFILES, QUICK, SMALL, profile_named
from cfa_nb.runs.study import FIGURES, LOOKED_AT
from cfa_pages.results.rows import added_rows

NATURAL = [name for name, p in PROFILES.items() if p.common.get("model") != "mlp"]
NAMES = [
    *PROFILES,
    *(f"{name}+release" for name in PROFILES),
    *(f"{name}+scaled-alpha" for name in NATURAL),
    "cifar10-quick@my images",
    "cifar10-quick@CIFAR-10 (JPEG q75):32",
    "cifar10+release+scaled-alpha@x_1.y:64",
]


ADDED = {ROWS[key].recipe for key in added_rows()}  # a method that somebody adds changes no count below


def runs_of(profile, *figures):
    return [config for config in profile.runs(*figures) if config.recipe not in ADDED]


def shape(config):
    """A config without its seed."""
    return replace(config, seed=0, parent=config.parent and replace(config.parent, seed=0)).canonical()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_finds_its_profile_again_whose_configs_survive_json(name):
    profile = profile_named(name)
    assert profile.name == name
    assert profile == profile_named(name)
    for config in profile.runs():
        assert TrainConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cifar", "unknown profile 'cifar'; there are fashion, digits"),
        ("cifar10+released", "unknown variant 'released' of a profile; there are release, scaled-alpha"),
        ("fashion@images", "fashion has a network for small images; take cifar10-small, cifar10-quick or cifar10-r"),
        ("cifar10-quick@", "a folder's name takes letters"),
        ("cifar10-quick@a/b", "a folder's name takes letters"),
        ("cifar10-quick@images+release", "a folder's name takes letters"),
        ("cifar10-quick@images:0", "its images' side, such as images:32"),
        ("cifar10-quick@images:32x32", "its images' side, such as images:32"),
    ],
)
def test_a_wrong_name_says_what_would_be_right(name, message):
    with pytest.raises(ValueError, match=message):
        profile_named(name)


@pytest.mark.parametrize(
    ("name", "runs", "configurations"),
    [
        ("cifar10", 66, 38),  # 55 for the paper's 27 configurations, 4 for lambda_2, 6 controls, an undefended network
        ("cifar10+release", 66, 38),
        ("cifar10-quick", 38, 38),
        ("cifar10-rehearsal", 38, 38),
        ("fashion", 129, 33),
        ("digits", 43, 3),
        ("cifar10-small", 22, 8),
        ("fashion-full", 3, 3),
    ],
)
def test_the_number_of_runs(name, runs, configurations):
    counted = runs_of(profile_named(name))
    assert len(counted) == runs
    assert len({shape(c) for c in counted}) == configurations


@pytest.mark.parametrize("name", NAMES)
def test_what_begins_at_an_epoch_begins_within_a_run_and_windows_where_the_rate_has_fallen(name):
    profile = profile_named(name)
    config = profile.config("at_ccm", profile.seeds[0])
    assert 2 <= config.calibration_start < config.epochs
    assert all(1 <= a.start <= config.epochs for a in (*profile.averages, *profile.compared_averages))
    begin = 1 if name.startswith("smoke") else config.milestones[0] + 1  # smoke has two epochs after its first fall
    for first, last in (profile.early_window, profile.late_window, profile.beta_window):
        assert begin <= first <= last <= config.epochs or not profile.has_pages  # without pages none is shown
    assert profile.early_window[0] <= profile.late_window[0]
    assert (
        profile.beta_window[0] >= config.best_from or not profile.has_pages
    )  # Fig. 3's runs meet no test image before


def test_a_run_is_evaluated_for_what_is_shown_of_it():
    def looks(recipe, seed=40, **changes):
        return FASHION.looks(FASHION.config(recipe, seed, **changes))

    assert looks("at") == looks("at_ccm") == looks("at", seed=99) == LOOKS
    assert looks("fat") == looks("at_ccm", seed=41) == ("best", "best_val")
    assert looks("at", eps=EPS / 2) == ("curve", "best")
    assert looks("at_ccm", lambda_1=0.6) == looks("trades_ccr", lambda_2=0.3) == looks("at_mean_margin") == ("best",)
    assert looks("trades", beta=2.0) == looks("frl_no_weights") == ()
    assert FASHION.reported(FASHION.config("frl_no_weights", 40)) == ("live/last",)
    assert LOOKED_AT.keys() <= FIGURES.keys()
    assert set().union(*LOOKED_AT.values()) <= set(LOOKS)


def test_quick_is_the_paper_s_protocol_on_a_fifth_of_the_epochs():
    for recipe in RECIPES:
        ours, paper = QUICK.config(recipe, 0), CIFAR10.config(recipe, 0)
        assert (5 * ours.epochs, tuple(5 * m for m in ours.milestones)) == (paper.epochs, paper.milestones)
        schedule = ("epochs", "milestones", "calibration_start", "parent")
        assert replace(ours, **{k: getattr(paper, k) for k in schedule}) == paper


@pytest.mark.parametrize("name", NAMES)
def test_parents_are_the_runs_of_the_same_seed(name):
    profile = profile_named(name)
    for recipe, parent in (("frl", "at"), ("at_mean_margin", "at_ccm"), ("at_shuffled_margins", "at_ccm")):
        for seed in profile.seeds:
            assert profile.config(recipe, seed).parent == profile.config(parent, seed)


def test_no_profile_that_is_published_has_a_seed_on_which_settings_were_chosen():
    for name in ("fashion", "digits", "cifar10-small", "fashion-full"):
        assert min(config.seed for config in profile_named(name).runs()) > 9, name


@pytest.mark.parametrize(
    ("name", "seeds", "side_studies"),
    [("fashion", 1, 1), ("fashion", 3, 2), ("fashion", 10, 6), ("fashion", 20, 12), ("cifar10", 10, 2)],
)
def test_seeds_begin_with_the_first_and_side_studies_grow_in_proportion(name, seeds, side_studies, monkeypatch):
    before = profile_named(name)
    monkeypatch.setenv("CFA_NB_SEEDS", str(seeds))
    after = profile_named(name)
    assert after.seeds == tuple(range(before.seeds[0], before.seeds[0] + seeds))
    assert after.study_seeds == after.seeds[:side_studies]
    assert after.ablation_seeds == (before.ablation_seeds and before.seeds[:1])
    assert (after.name, after.common) == (name, before.common)
    few, many = sorted((set(before.runs()), set(after.runs())), key=len)
    assert few <= many, "runs that are there already are used"


def test_other_seeds_are_named(monkeypatch):
    monkeypatch.setenv("CFA_NB_SEEDS", "50-59")
    assert profile_named("fashion").seeds == tuple(range(50, 60))
    assert profile_named("fashion").study_seeds == tuple(range(50, 56))


@pytest.mark.parametrize("number", ["0", "21", "x", "-1", "2.5", " 3", "5-4", "10-30", "50-"])
def test_a_number_of_seeds_that_cannot_be_is_refused(number, monkeypatch):
    monkeypatch.setenv("CFA_NB_SEEDS", number)
    with pytest.raises(ValueError, match="seeds: a number of them from 1 to 20, or which"):
        profile_named("fashion")


@pytest.mark.parametrize("name", PROFILES)
def test_few_weights_are_published_and_only_kept_ones(name):
    profile = profile_named(name)
    keys = {config: published for config in profile.runs() if (published := profile.published_weights(config))}
    small = name in ("fashion", "smoke")
    assert {c.recipe: len(k) for c, k in keys.items()} == (
        {"at": 2, "at_ccm": 2, "trades_ccm_ccr": 2, "plain": 1} if small else {}
    )
    assert all(set(k) <= set(profile.reported(c)) and c.seed == profile.seeds[0] for c, k in keys.items())


@pytest.mark.parametrize(
    ("profile", "rows", "seeds"),
    [(FASHION, rows_of(1), 1), (replace(FASHION, aa_seeds=2), rows_of(1), 2), (SMALL, ("at", "at_cfa"), 3)],
)
def test_autoattack_meets_these_rows_at_the_last_epoch_on_the_first_seeds(profile, rows, seeds):
    attacked = {
        (config.recipe, key, config.seed)
        for config in profile.runs()
        for key, attacks in profile.evaluations(config).items()
        if any(attack.kind == "aa" for attack in attacks)
    }
    shown = [ROWS[key] for key in rows]
    assert attacked == {(r.recipe, f"{r.weights}/last", seed) for r in shown for seed in profile.seeds[:seeds]}


@pytest.mark.parametrize("name", PROFILES)
def test_no_run_of_the_release_is_one_of_the_profile_itself(name):
    """Even AT's, which trains alike: its averages differ, and one run in a store cannot carry both."""
    plain, released = (set(profile_named(n).runs()) for n in (name, f"{name}+release"))
    assert not plain & released


def test_a_scaled_step_makes_new_runs_of_the_other_margins_alone():
    plain, scaled = (set(profile_named(n).runs()) for n in ("cifar10", "cifar10+scaled-alpha"))
    assert {round(255 * c.eps) for c in scaled - plain} == {2, 4, 6, 10, 12, 14, 16}
    assert len(scaled - plain) == 7
    assert all(c.alpha == pytest.approx(c.eps / 4) for c in scaled if c.objective == "at")


def test_a_folder_and_its_size_are_part_of_every_run():
    profiles = [profile_named(f"cifar10-quick{folder}") for folder in ("", "@a", "@b", "@a:32")]
    assert len(set().union(*(runs_of(p) for p in profiles))) == 4 * 38
    assert (profiles[3].data_label, *map(profiles[3].common.get, ("dataset", "image_size"))) == ("a", "folder:a", 32)


def test_only_the_paper_s_own_protocol_settles_its_claims():
    assert [name for name in NAMES if profile_named(name).paper_protocol] == ["cifar10"]


@pytest.mark.parametrize("name", PROFILES)
def test_the_release_s_numbers_are_its_own_on_every_profile(name):
    """Its options know nothing of a run's length; a rehearsal of fewer than 11 epochs alone keeps its own start."""
    plain, released = profile_named(name), profile_named(f"{name}+release")
    averages = [(a.decay, a.start, a.threshold, a.init) for a in released.averages]
    assert averages == [(0.88, 1, 0.0, "first"), (0.88, 1, 0.24, "random")]
    for recipe in RECIPES:
        config = released.config(recipe, released.seeds[0])
        assert (config.lambda_1, config.lambda_2, config.repeat_forwards) == (0.5, 0.5, True)
    own = plain.config("at", plain.seeds[0])
    assert released.config("at", 0).calibration_start == (11 if own.epochs >= 11 else own.calibration_start)


def test_the_release_s_runs_carry_the_paper_s_averages_for_comparison():
    released = profile_named("cifar10+release")
    by_name = {a.name: a for a in released.averages_of(released.config("at", 0))}
    assert set(by_name) == {"ema", "fawa", "ema_paper", "fawa_paper"}
    assert by_name["fawa_paper"] == Average("fawa_paper", decay=0.85, threshold=0.2, start=50, init="first")
