"""Which runs each figure and table needs, at which size: `Profile`; the profiles themselves are in `profiles`.

profile = profile_named("demo")
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
    variants: tuple[Average, ...] = ()  # further averages, carried by AT and AT + CCM of the first seed
    paper_protocol: bool = False  # True: dataset, network, schedule and attack are the paper's, so claims are settled
    commits_weights: bool = True  # False: too large to be published with the records
    seeds: tuple[int, ...] = (0,)  # Tables 1-3
    ablation_seeds: tuple[int, ...] | None = None  # Table 2's runs that are not in Table 1; None: `seeds`
    study_seeds: tuple[int, ...] = (0,)  # Figs. 2, 3, 5 and the lambda_2 study
    margins: tuple[float, ...] = ()  # Fig. 2: training eps
    betas: tuple[float, ...] = ()  # Fig. 3
    lambdas_1: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)  # Fig. 5
    lambdas_2: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7)  # Appendix C.3
    early_window: tuple[int, int] = (101, 120)  # Fig. 2(b), epochs from 1, both ends in
    late_window: tuple[int, int] = (181, 200)  # Fig. 2(c)
    beta_window: tuple[int, int] = (151, 170)  # Fig. 3
    alpha_per_eps: float | None = None  # step size of a training attack in units of its run's eps; None: as configured
    final: str = "pgd"  # the tables' robust column: kind of its attack, "pgd", "aa" or "aa-fast"
    final_per_class: int | None = None  # its test images of each class; None: all
    final_steps: int = 20  # PGD steps of every reported checkpoint; the robust column's where `final` is "pgd"
    long_steps: int | None = None  # PGD steps of a check on the robust column's images, first seed; None: not run
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
        kept += self.variants if self.carries_variants(config) else ()
        return tuple(replace(a, start=1) for a in kept) if config.parent else kept

    def carries_variants(self, config):
        """True for the two runs in which averages are compared side by side."""
        return config.recipe in ("at", "at_ccm") and config.seed == self.seeds[0] and config in self._table_runs

    def evaluations(self, config):
        """Attacks on the kept checkpoints of a finished run: {"live/last": (Attack, ...)}; tables' runs only."""
        out = {key: tuple(dict.fromkeys(self._reported_attacks(config))) for key in self.reported(config)}
        if out and config.seed == self.seeds[0]:
            out[f"{LIVE}/last"] += self._sanity_attacks(config)
            if self.aa_per_class and config.recipe in ("at", "at_ccm"):
                shown = f"{LIVE}/last" if config.recipe == "at" else "fawa/last"
                out[shown] += self.aa_attacks(config)
        return {key: tuple(dict.fromkeys(attacks)) for key, attacks in out.items()}

    def reported(self, config):
        """Keys of the checkpoints that tables show, such as "fawa/best_val"; none for a run of a figure only."""
        if config not in self._table_runs:
            return ()
        weights = (LIVE, *(a.name for a in self.averages_of(config) if a not in self.variants))
        return tuple(f"{w}/{s}" for w in weights for s in ("best", "best_val", "last"))

    @cached_property
    def _table_runs(self):
        return frozenset(self.runs("table1") + self.runs("table2"))

    def confusions(self, config):
        """(checkpoint key, attack) pairs whose class-by-class confusion a run's record holds: AT's, first seed."""
        plain = config.recipe == "at" and config.seed == self.seeds[0] and config in self._table_runs
        return ((f"{LIVE}/last", self.white_box(config)),) if plain else ()

    def final_attack(self, config):
        """The attack of the tables' robust column."""
        if self.final == "pgd":
            return self.white_box(config)
        return Attack(self.final, config.eval_eps, per_class=self.final_per_class)

    def white_box(self, config, per_class=None):
        """PGD of `final_steps` steps, which every reported checkpoint meets."""
        return Attack("pgd", config.eval_eps, config.eval_alpha, self.final_steps, per_class)

    def aa_attacks(self, config):
        """Standard AutoAttack, and PGD on the same images."""
        return Attack("aa", config.eval_eps, per_class=self.aa_per_class), self.white_box(config, self.aa_per_class)

    def _reported_attacks(self, config):
        final = self.final_attack(config)
        return self.white_box(config), final, self.white_box(config, final.per_class)

    def _sanity_attacks(self, config):
        n, eps = self.sanity_per_class, config.eval_eps
        large = Attack("pgd", self.large_eps, self.large_eps / 4, self.final_steps, n, nominal_eps=eps)
        checks = [large, Attack("square", eps, steps=200, per_class=n), self.white_box(config, n)]
        if self.long_steps:
            checks.append(replace(self.white_box(config, self.final_per_class), steps=self.long_steps))
        return tuple(checks)

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
        only_here = ("trades_ccm", "trades_ccr")
        few = self.seeds if self.ablation_seeds is None else self.ablation_seeds
        return [self.config(r, s) for r in kept for s in (few if r in only_here else self.seeds)]

    def _table3(self):
        return [self.config(r, s) for r in ("at", "trades", "fat") for s in self.seeds]

    def _fig5(self):
        calibrated = [self.config("at_ccm", s, lambda_1=v) for v in self.lambdas_1 for s in self.study_seeds]
        return self._at(self.study_seeds) + calibrated

    def _lambda_2(self):
        plain = [self.config("trades", s) for s in self.study_seeds]
        return plain + [self.config("trades_ccr", s, lambda_2=v) for v in self.lambdas_2 for s in self.study_seeds]
