"""Every place where the paper's text, its released code and this companion could part ways: `differences.csv`.

The column "here" is read from the default of the config field that decides the point; where none does, it states what
the code does. Epochs count from 1. "release" is PKU-ML/CFA at commit 071f333; – means that the source is silent. A
profile's variant "+release" takes the release's side wherever a field decides. Each row names its test.
"""

from dataclasses import fields
from pathlib import Path

import pandas as pd

from cfa_nb.config import KINDS, Average, TrainConfig
from cfa_nb.recipes import RECIPES
from cfa_nb.runs.study import Profile
from cfa_pages.results.paper import RUNS as PAPER_RUNS
from cfa_pages.results.rows import attack_label, eps_text

PAPER_THRESHOLD = 0.2  # delta of FAWA on CIFAR-10, Sec. 5.1
PAPER_ATTACK = KINDS["aa"]  # the robust column of Tables 1-3

#: "here": what the code does, in words; `{}` stands for the default of "field", the field of `TrainConfig` (or
#: "Average.<name>") that decides; "" where none does. "test": what fails if the point were decided otherwise.
#: "part": "small print" where no number of ours changes.
DIFFERENCES = pd.read_csv(Path(__file__).with_suffix(".csv"), keep_default_na=False)


def default_of(field: str) -> object:
    """The default of a field of `TrainConfig`, or of `Average` for "Average.<name>"; an error if there is none."""
    owner = Average if field.startswith("Average.") else TrainConfig
    return getattr(owner, field.removeprefix("Average."))


def text_of(value: object, field: str = "") -> str:
    """A field's value as a reader writes it: a margin or a step as 8/255, a tuple as a list."""
    if isinstance(value, float) and field.partition(",")[0] in ("eps", "eval_eps", "alpha", "eval_alpha"):
        return eps_text(value)
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def differences_table() -> pd.DataFrame:
    """DataFrame: topic, what the paper says, what its release does, what happens here, and the field that decides."""
    points = zip(DIFFERENCES["here"], DIFFERENCES["field"])
    here = [words.replace("{}", text_of(default_of(field), field)) if field else words for words, field in points]
    table = DIFFERENCES.assign(here=here, field=DIFFERENCES["field"].replace("", "–")).drop(columns="test")
    names = ["Topic", "The paper says", "Its released code does", "Default here", "Field", "Part"]
    return table.set_axis(names, axis="columns")


def profile_changes(profile: Profile) -> pd.DataFrame:
    """DataFrame: where a profile departs from the defaults above, and in any case the attack of Tables 1-3."""
    changes = [*_field_changes(profile), *_step_change(profile), *_average_changes(profile), *_protocol(profile)]
    changes = [(field, text_of(default, field), text_of(value, field)) for field, default, value in changes]
    return pd.DataFrame(changes, columns=["Field", "default (the paper's or its release's)", profile.name])


def _field_changes(profile):
    """(field, default, value) of all that AT's runs change, then of what another objective's change differently."""
    changed = {r.objective: _changed_fields(RECIPES[r.objective], profile) for r in RECIPES.values()}
    shared = changed.pop("at")
    yield from ((k, *pair) for k, pair in shared.items())
    for objective, changes in changed.items():
        yield from ((f"{k}, {objective} only", *pair) for k, pair in changes.items() if pair != shared.get(k))


def _changed_fields(default, profile):
    """{field: (default, value)} of what differs; the step has a row of its own, seed and parent need none."""
    config = profile.config(default.recipe, profile.seeds[0])
    names = [f.name for f in fields(TrainConfig) if f.name not in ("seed", "parent", "alpha")]
    pairs = {k: (getattr(default, k), getattr(config, k)) for k in names}
    return {k: pair for k, pair in pairs.items() if text_of(pair[0]) != text_of(pair[1])}


def _step_change(profile):
    """The training attack's step, where it is another one or follows a run's eps."""
    alpha, share = profile.config("at", profile.seeds[0]).alpha, profile.alpha_per_eps
    if alpha != default_of("alpha") or share is not None:
        yield "alpha", default_of("alpha"), eps_text(alpha) + (f" ({share:g} of a run's eps)" if share else "")


def _average_changes(profile):
    """Decay, start and beginning of the tables' averages, and FAWA's threshold."""
    for spec in profile.averages:
        for k in ("decay", "start", "init"):
            if getattr(spec, k) != default_of(f"Average.{k}"):
                yield f"Average.{k}, {spec.name}", default_of(f"Average.{k}"), getattr(spec, k)
        if spec.name == "fawa" and spec.threshold != PAPER_THRESHOLD:
            yield "Average.threshold, fawa", PAPER_THRESHOLD, spec.threshold


def _protocol(profile):
    """Runs of a method in Tables 1-3, where they are fewer, and the attack of the robust column."""
    few = profile.ablation_seeds or profile.seeds
    if len(profile.seeds) != PAPER_RUNS:
        yield "runs of a method, Tables 1-3", PAPER_RUNS, len(profile.seeds)
    if len(few) != len(profile.seeds):
        yield "runs of TRADES + CCM and TRADES + CCR, Table 2", PAPER_RUNS, len(few)
    yield "attack of Tables 1-3", PAPER_ATTACK, attack_label(profile)
