"""Which runs each figure and table needs, at which size: `Profile`, and the profiles `PROFILES`.

profile = PROFILES["demo"]
profile.runs("table1")   # the TrainConfigs behind Table 1
profile.runs()           # those of the whole paper, each once
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

from cfa_nb.config import LIVE, RECIPES, ROWS, Attack, Average

TABLE_RECIPES = tuple(RECIPES)

#: What each page of the study shows, in the paper's order: figure or table -> notebook.
FIGURES = {
    "fig2": "02_margin_study",
    "fig3": "03_beta_study",
    "fig4": "04_fluctuation",
    "alg1": "05_cfa_step_by_step",
    "table1": "06_main_results",
    "classwise": "06_main_results",
    "table2": "07_ablations",
    "table3": "07_ablations",
    "fig5": "07_ablations",
    "lambda_2": "07_ablations",
}


@dataclass(frozen=True)
class Profile:
    """One size of the whole study: dataset, network, schedule, seeds, margins, evaluation."""

    name: str
    data_label: str  # how pages name the data
    description: str  # what it shows, and what it does not
    common: dict  # TrainConfig fields, for every run
    by_objective: dict = field(default_factory=dict)  # and for the runs of one objective
    averages: tuple[Average, ...] = ()
    seeds: tuple[int, ...] = (0,)  # Tables 1-3
    study_seeds: tuple[int, ...] = (0,)  # Figs. 2, 3, 5 and the lambda_2 study
    margins: tuple[float, ...] = ()  # Fig. 2: training eps
    betas: tuple[float, ...] = ()  # Fig. 3
    lambdas_1: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)  # Fig. 5
    lambdas_2: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)  # Appendix C.3
    early_window: tuple[int, int] = (101, 120)  # Fig. 2(b), epochs from 1, both ends in
    late_window: tuple[int, int] = (181, 200)  # Fig. 2(c)
    beta_window: tuple[int, int] = (151, 170)  # Fig. 3
    alpha_per_eps: float | None = None  # step size of a training attack in units of its run's eps; None: as configured
    final_steps: int = 20  # PGD steps of the robust column
    large_eps: float = 0.5  # sanity: accuracy must be near 0 there
    sanity_per_class: int = 20
    aa_per_class: int | None = None  # images of standard AutoAttack (AT and AT + CFA, first seed); None: not run

    def config(self, recipe, seed, **changes):
        """The `TrainConfig` of a recipe at this size; `changes` name further fields, such as `eps` or `lambda_1`."""
        if recipe not in RECIPES:
            raise ValueError(f"unknown method {recipe!r}; there are {', '.join(RECIPES)}")
        base = RECIPES[recipe]
        own = {**self.common, **self.by_objective.get(base.objective, {}), **changes}
        if self.alpha_per_eps is not None and "eps" in own:
            own.setdefault("alpha", self.alpha_per_eps * own["eps"])
        if base.parent is not None:
            own["parent"] = self.config(base.parent.recipe, seed)
        return replace(base, seed=seed, **own)

    def runs(self, figure=None):
        """The configs behind one figure or table ("fig2", "table1", ...), or behind all of them, each once."""
        if figure is None:
            return list(dict.fromkeys(c for name in FIGURES for c in self.runs(name)))
        if figure not in FIGURES:
            raise ValueError(f"unknown figure {figure!r}; there are {', '.join(FIGURES)}")
        return list(dict.fromkeys(getattr(self, f"_{figure}")()))

    def page_runs(self, page):
        """The configs that one notebook shows."""
        return list(dict.fromkeys(c for name, where in FIGURES.items() if where == page for c in self.runs(name)))

    def averages_of(self, config):
        """The averages that a run carries: those of the table rows it stands for, none for a run of a figure only.

        FRL fine-tunes trained weights, so that its average may begin with its first epoch.
        """
        if config not in self._table_runs:
            return ()
        shown = {row.weights for row in ROWS.values() if row.recipe == config.recipe}
        kept = tuple(a for a in self.averages if a.name in shown)
        return tuple(replace(a, start=1) for a in kept) if config.parent else kept

    def evaluations(self, config):
        """Attacks on the kept checkpoints of a finished run: {"live/last": (Attack, ...)}; tables' runs only."""
        if config not in self._table_runs:
            return {}
        weights = (LIVE, *(a.name for a in self.averages_of(config)))
        out = {f"{w}/{s}": (self.final_attack(config),) for w in weights for s in ("best", "best_val", "last")}
        if config.seed == self.seeds[0]:
            out[f"{LIVE}/last"] += self._sanity_attacks(config)
            if self.aa_per_class and config.recipe in ("at", "at_ccm"):
                shown = f"{LIVE}/last" if config.recipe == "at" else "fawa/last"
                out[shown] += self.aa_attacks(config)
        return out

    @cached_property
    def _table_runs(self):
        return frozenset(self.runs("table1") + self.runs("table2"))

    def final_attack(self, config):
        """The attack of the tables' robust column."""
        return Attack("pgd", config.eval_eps, config.eval_alpha, self.final_steps)

    def aa_attacks(self, config):
        """Standard AutoAttack, and the tables' attack on the same images."""
        n = self.aa_per_class
        return (Attack("aa", config.eval_eps, per_class=n), replace(self.final_attack(config), per_class=n))

    def _sanity_attacks(self, config):
        n, eps = self.sanity_per_class, config.eval_eps
        large = Attack("pgd", self.large_eps, self.large_eps / 4, self.final_steps, n, nominal_eps=eps)
        return large, Attack("square", eps, steps=200, per_class=n), replace(self.final_attack(config), per_class=n)

    def _at(self, seeds):
        return [self.config("at", s) for s in seeds]

    def _fig2(self):
        return [self.config("at", s, eps=eps) for eps in self.margins for s in self.study_seeds]

    def _fig3(self):
        return [self.config("trades", s, beta=beta) for beta in self.betas for s in self.study_seeds]

    def _fig4(self):
        return self._at(self.seeds)

    def _alg1(self):
        return [self.config(r, self.seeds[0]) for r in ("trades", "trades_ccm_ccr")]

    def _table1(self):
        kept = ("at", "at_ccm", "trades", "trades_ccm_ccr", "fat", "fat_ccm", "frl")
        return [self.config(r, s) for r in kept for s in self.seeds]

    def _classwise(self):
        return self._table1()

    def _table2(self):
        kept = ("at", "at_ccm", "trades", "trades_ccm", "trades_ccr", "trades_ccm_ccr", "fat", "fat_ccm")
        return [self.config(r, s) for r in kept for s in self.seeds]

    def _table3(self):
        return [self.config(r, s) for r in ("at", "trades", "fat") for s in self.seeds]

    def _fig5(self):
        calibrated = [self.config("at_ccm", s, lambda_1=v) for v in self.lambdas_1 for s in self.study_seeds]
        return self._at(self.study_seeds) + calibrated

    def _lambda_2(self):
        plain = [self.config("trades", s) for s in self.study_seeds]
        return plain + [self.config("trades_ccr", s, lambda_2=v) for v in self.lambdas_2 for s in self.study_seeds]


_SMALL = dict(crop_padding=0, flip=False, model="mlp", lr=0.1, clean_forward="off", eval_steps=10)

DEMO = Profile(
    name="demo",
    data_label="demo (designed 8x8 images)",
    description="A designed data set that shows the paper's mechanism in minutes; no evidence for CIFAR-10.",
    common=_SMALL
    | dict(
        dataset="demo", train_per_class=400, val_per_class=50, test_per_class=500, width=64, depth=2,
        epochs=20, milestones=(10, 15), calibration_start=5,
        eps=0.15, steps=5, eval_eps=0.15, eval_alpha=0.15 / 4,
    ),
    by_objective={
        "trades": dict(beta=2.0),
        "frl": dict(epochs=10, milestones=(10, 20), lr=0.01),
    },
    averages=(Average("ema", start=6), Average("fawa", start=6, threshold=0.15)),
    seeds=(0, 1, 2, 3, 4),
    study_seeds=(0, 1),
    margins=tuple(0.15 * k / 4 for k in range(1, 9)),
    betas=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
    early_window=(12, 15),
    late_window=(18, 20),
    beta_window=(16, 18),
    alpha_per_eps=0.5,
    aa_per_class=50,
)  # fmt: skip

DIGITS = Profile(
    name="digits",
    data_label="digits (scikit-learn, real 8x8 images)",
    description="Real handwritten digits: classes differ as much, but CCM does not help there; the pages say why.",
    common=_SMALL
    | dict(
        dataset="digits", val_per_class=20, width=128, depth=2,
        epochs=24, milestones=(12, 18), calibration_start=6, batch_size=64,
        eps=0.15, steps=5, eval_eps=0.15, eval_alpha=0.15 / 4,
    ),
    by_objective={"frl": dict(epochs=10, milestones=(10, 20), lr=0.01)},
    averages=(Average("ema", start=7), Average("fawa", start=7, threshold=0.25)),
    seeds=(0, 1, 2),
    study_seeds=(0,),
    margins=tuple(0.15 * k / 4 for k in range(1, 9)),
    betas=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0),
    early_window=(14, 17),
    late_window=(22, 24),
    beta_window=(19, 21),
    alpha_per_eps=0.5,
    aa_per_class=30,
)  # fmt: skip

SMOKE = replace(
    DEMO,
    name="smoke",
    data_label="smoke (a few designed images)",
    description="Seconds, for tests: nothing is learnt.",
    common=DEMO.common
    | dict(train_per_class=16, val_per_class=4, test_per_class=8, width=8, epochs=4, milestones=(2, 3), batch_size=32,
           calibration_start=2),
    by_objective={"trades": dict(beta=2.0), "frl": dict(epochs=2, milestones=(1, 2), lr=0.01)},
    averages=(Average("ema", start=2), Average("fawa", start=2, threshold=0.15)),
    seeds=(0, 1),
    study_seeds=(0,),
    margins=(0.075, 0.15),
    betas=(1.0, 2.0),
    lambdas_1=(0.4, 0.5),
    lambdas_2=(0.4, 0.5),
    early_window=(2, 3),
    late_window=(3, 4),
    beta_window=(3, 4),
    sanity_per_class=2,
    aa_per_class=None,
)  # fmt: skip

PROFILES = {p.name: p for p in (DEMO, DIGITS, SMOKE)}


def profile_named(name):
    """The profile of that name.

    Raises:
        ValueError: if there is none; the message lists them.
    """
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}; there are {', '.join(PROFILES)}")
    return PROFILES[name]
