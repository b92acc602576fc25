"""A new method is one function and two entries: this does what CONTRIBUTING says, step by step."""

import inspect
import re
from dataclasses import replace
from itertools import pairwise

import pytest
import torch.nn.functional as F
from factories import all_runs

from cfa_nb import recipes
from cfa_nb.method.attacks import cross_entropy, pgd, uniform_start
from cfa_nb.method.calibration import CALIBRATORS, calibrator, uniform
from cfa_nb.method.objectives import OBJECTIVES, objective
from cfa_nb.method.train import train
from cfa_nb.recipes import RECIPES, ROWS, Row, check_names
from cfa_nb.runs.profiles import SMOKE
from cfa_nb.runs.store import RunStore
from cfa_nb.runs.sweep import _outcome
from cfa_pages import report

LABELS = {"smooth": "Label smoothing", "at_inverse": "AT + inverse margins"}


def smooth(networks, x, y, image, config, generator):
    """AT with label smoothing."""
    start = uniform_start(x, image.eps, generator)
    x_adv = pgd(networks.attacked, x, cross_entropy(y), eps=image.eps, alpha=config.alpha, steps=3, start=start)
    logits = networks.trained(x_adv)
    return F.cross_entropy(logits, y, label_smoothing=0.1), logits.detach()


def inverse(config, past):
    """The opposite of CCM: the worse a class does, the larger its margin."""
    return replace(uniform(config, len(past.t)), eps=tuple((1.5 - t) * config.eps for t in past.t))


@pytest.fixture
def profile():
    """The smoke profile of a project to which both methods were added; they are gone afterwards."""
    # 1. the functions
    objective(smooth)
    calibrator(inverse)
    # 2. their runs
    RECIPES["smooth"] = replace(RECIPES["at"], objective="smooth")
    RECIPES["at_inverse"] = replace(RECIPES["at"], calibrator="inverse")
    # 3. their rows
    ROWS["smooth"] = Row("Label smoothing", "smooth")
    ROWS["at_inverse"] = Row("AT + inverse margins", "at_inverse")
    check_names()
    yield replace(SMOKE)
    for registry in (OBJECTIVES, CALIBRATORS, RECIPES, ROWS):
        for name in ("smooth", "inverse", "at_inverse"):
            registry.pop(name, None)


def test_it_trains_with_what_it_says(profile, tmp_path):
    runs = {r: profile.config(r, 0) for r in ("at", "smooth", "at_inverse")}
    records = {r: train(c, (), RunStore(tmp_path)) for r, c in runs.items()}
    assert len({records[r].epochs[0].train_robust for r in ("at", "smooth")}) == 2
    for before, after in pairwise(records["at_inverse"].epochs):
        expected = [(1.5 - t) * runs["at"].eps for t in before.train_robust.per_class]
        assert after.class_eps == pytest.approx(expected)


def test_it_has_its_row_in_every_table_and_comparison(profile):
    runs = all_runs(profile)
    for table in (report.table1(runs), report.table2(runs), report.table3(runs)):
        added = table[table["Method"].isin(LABELS.values())]
        assert len(added) == 2
        assert (added[[c for c in table if c.startswith("paper")]] == "–").all(axis=None)
        assert not (added[[c for c in table if c.startswith("PGD-20")]] == "–").any(axis=None)
    for number in (1, 2, 3):
        comparisons = report.comparisons(runs, report.pairs(number))
        for label in LABELS.values():
            assert f"{label} − AT" in set(comparisons["Comparison"])


def test_it_stands_in_the_class_wise_figure_and_in_the_picture_of_table_1(profile, theme):
    runs = all_runs(profile)
    titles = [ax.get_title(loc="left") for ax in report.classwise_bars(runs).axes]
    assert titles[:3] == ["AT", "TRADES", "FAT"]
    assert titles[-2:] == list(LABELS.values())
    texts = {text.get_text() for text in report.tradeoff(runs).axes[0].texts}
    assert set(LABELS.values()) <= texts


def test_a_taken_name_is_refused(profile):
    for enter, function in ((objective, smooth), (calibrator, inverse)):
        with pytest.raises(ValueError, match="name yours otherwise"):
            enter(function)
    source = inspect.getsource(recipes)
    for name, first in (("RECIPES", "at=_AT,"), ("ROWS", 'at=Row("AT", "at", tables=(1, 2, CONTROLS)),')):
        assert f"{name} = dict(\n    {first}" in source
        with pytest.raises(SyntaxError, match="keyword argument repeated: at"):
            compile(source.replace(f"{name} = dict(\n", f"{name} = dict(\n    at=0,\n"), "recipes.py", "exec")


def test_a_recipe_bears_the_name_of_what_it_trains(profile, monkeypatch):
    RECIPES["better_at"] = replace(RECIPES["at"], eps=0.1)
    try:
        with pytest.raises(ValueError, match=r"RECIPES\['better_at'\] trains what is called 'at'"):
            check_names()
    finally:
        del RECIPES["better_at"]
    for row, message in (
        (Row("Lost", "nowhere"), "which RECIPES lacks"),
        (Row("Lost", "at", "emma"), "live, ema and fa"),
    ):
        monkeypatch.setitem(ROWS, "lost", row)
        with pytest.raises(ValueError, match=message):
            check_names()


def test_a_mistake_in_a_function_is_said_with_its_place(profile, tmp_path, monkeypatch):
    monkeypatch.setitem(CALIBRATORS, "inverse", lambda config, past: (1.0,))
    monkeypatch.setitem(OBJECTIVES, "smooth", lambda networks, x, y, *_: F.cross_entropy(networks.trained(x), y[1:]))
    for recipe, place in (
        ("at_inverse", r"calibrator 'inverse' must give a Calibration, not tuple \(calibration\.py, line \d+\)"),
        ("smooth", r"\(test_new_method\.py, line \d+\)"),  # where torch was called, no line of its own
    ):
        outcome = _outcome(profile.config(recipe, 0), averages=(), store=RunStore(tmp_path))
        assert re.search(f"{place}$", outcome[1]), outcome
