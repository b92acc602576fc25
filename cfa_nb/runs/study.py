"""Which runs each figure and table needs, at which size: `Profile`; the profiles themselves are in `profiles`.

profile = profile_named("fashion")
profile.runs("table1")   # the TrainConfigs behind Table 1
profile.runs()           # those of the whole paper, each once
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

from cfa_nb.config import LIVE, LOOKS, SELECTED_ON, Attack, Average, TrainConfig
from cfa_nb.recipes import CONTROLS, FRL_PARTS, RECIPES, ROWS, rows_of

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
    CONTROLS: "07_ablations",
    "fair": "09_fair_methods",
    FRL_PARTS: "09_fair_methods",
}

TABLES = ("table1", "table2", "table3", CONTROLS, FRL_PARTS)
#: What of `LOOKS` each shows of its runs; what is not named here shows the checkpoints.
LOOKED_AT = {
    "fig2": ("curve", "best"), "fig3": (), "fig4": ("curve",), "alg1": ("curve",), "fig5": ("best",),
    "lambda_2": ("best",), CONTROLS: ("best",), FRL_PARTS: (),
}  # fmt: skip
CONTRAST = "contrast"  # AT and AT + CCM alone: what a profile trains that another one's page shows in a section
FINAL_STEPS = 20  # of the PGD that every reported checkpoint meets, and of the targeted attack
PUBLISHED_WEIGHTS = {"at": (LIVE, "fawa"), "at_ccm": (LIVE, "fawa"), "trades_ccm_ccr": (LIVE, "fawa"), "plain": (LIVE,)}


@dataclass(frozen=True)
class Profile:
    """One size of the whole study: dataset, network, schedule, seeds, margins, evaluation."""

    name: str
    data_label: str  # how pages name the data
    description: str  # what it shows, and what it does not
    common: dict  # TrainConfig fields, for every run
    by_objective: dict = field(default_factory=dict)  # and for the runs of one objective
    averages: tuple[Average, ...] = ()
    compared_averages: tuple[Average, ...] = ()  # further ones, carried by AT and AT + CCM of the first seed
    figures: tuple[str, ...] = tuple(FIGURES)  # what it trains for; less than all: a section on another profile's pages
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
    final: str = "targeted"  # the tables' robust column: kind of its attack, "targeted", "aa" or "aa-fast"
    final_per_class: int | None = None  # its test images of each class; None: all
    long_steps: int | None = None  # PGD steps of a check on the robust column's images, first seed; None: not run
    large_eps: float = 0.5  # sanity: accuracy must be near 0 there
    sanity_per_class: int = 20
    aa_per_class: int | None = None  # images of standard AutoAttack, at the last epoch; None: not run
    aa_seeds: int = 1  # how many seeds meet it
    aa_rows: tuple[str, ...] = tuple(rows_of(1))  # and which rows

    def config(self, recipe: str, seed: int, **changes) -> TrainConfig:
        """The `TrainConfig` of a recipe at this size; `changes` name further fields, such as `eps` or `lambda_1`."""
        if recipe not in RECIPES:
            raise ValueError(f"unknown method {recipe!r}; there are {', '.join(RECIPES)}")
        base = RECIPES[recipe]
        values = {**self.common, **self.by_objective.get(base.objective, {}), **changes}
        if self.alpha_per_eps is not None and "eps" in values:
            values.setdefault("alpha", self.alpha_per_eps * values["eps"])
        if base.parent is not None:
            values["parent"] = self.config(base.parent.recipe, seed)
        return replace(base, seed=seed, **values)

    @property
    def has_pages(self) -> bool:
        """False for a profile whose results stand in a section of another one's pages."""
        return set(self.figures) == set(FIGURES)

    def runs(self, *figures: str) -> list[TrainConfig]:
        """The configs behind these figures and tables ("fig2", "table1", ...), or, of none, behind all; each once."""
        for name in figures:
            if name not in self.figures:
                raise ValueError(f"unknown figure {name!r}; {self.name} has {', '.join(self.figures)}")
        return list(dict.fromkeys(config for name in figures or self.figures for config in self._configs[name]))

    @cached_property
    def _configs(self):
        """{figure or table: its configs, in the order in which they are shown}."""

        def study(recipe, field, values):
            return [self.config(recipe, s, **{field: v}) for v in values for s in self.study_seeds]

        def each(recipe, seeds):
            return [self.config(recipe, s) for s in seeds]

        def table(number):
            recipes = dict.fromkeys(row.recipe for row in rows_of(number).values())
            return [c for r in recipes for c in each(r, self.seeds if r in main or few is None else few)]

        main, few = {row.recipe for row in rows_of(1).values()}, self.ablation_seeds
        undefended = each("plain", self.study_seeds)  # they tell which classes are hard
        configs = {
            "fig2": study("at", "eps", self.margins),
            "fig3": study("trades", "beta", self.betas),
            "fig4": each("at", self.seeds),
            "alg1": each("at", self.seeds) + each("at_ccm", self.seeds[:1]) + each("trades_ccm_ccr", self.seeds[:1]),
            "table1": table(1),
            "classwise": table(1),
            "table2": table(2),
            "table3": table(3),
            "fig5": each("at", self.study_seeds) + study("at_ccm", "lambda_1", self.lambdas_1),
            "lambda_2": each("trades", self.study_seeds) + study("trades_ccr", "lambda_2", self.lambdas_2),
            CONTROLS: table(CONTROLS),
            "fair": table(1),
            FRL_PARTS: table(FRL_PARTS),
            CONTRAST: each("at", self.seeds) + each("at_ccm", self.seeds),
        }
        return {name: shown + undefended for name, shown in configs.items()}

    def averages_of(self, config: TrainConfig) -> tuple[Average, ...]:
        """The averages that a run carries: those of the table rows it stands for, none for a run of a figure only.

        FRL fine-tunes trained weights, so that its average may begin with its first epoch.
        """
        if config not in self._table_runs:
            return ()
        weights = {row.weights for row in ROWS.values() if row.recipe == config.recipe}
        averages = tuple(a for a in self.averages if a.name in weights)
        averages += self.compared_averages if self.compares_averages(config) else ()
        return tuple(replace(a, start=1) for a in averages) if config.objective == "frl" else averages

    def compares_averages(self, config: TrainConfig) -> bool:
        """True for the two runs in which averages are compared side by side."""
        return config.recipe in ("at", "at_ccm") and config.seed == self.seeds[0] and config in self._table_runs

    def evaluations(self, config: TrainConfig) -> dict[str, tuple[Attack, ...]]:
        """Attacks on the kept checkpoints of a finished run: {"live/last": (Attack, ...)}; tables' runs only."""
        out = {key: self._reported_attacks(config) for key in self.reported(config)}
        if out and config.seed == self.seeds[0]:
            out[f"{LIVE}/last"] += self._sanity_attacks(config)
        if self.aa_per_class and config.seed in self.seeds[: self.aa_seeds]:
            rows = [row for row in map(ROWS.get, self.aa_rows) if row.recipe == config.recipe]
            for key in {f"{row.weights}/last" for row in rows} & out.keys():
                out[key] += self.aa_attacks(config)
        return {key: tuple(dict.fromkeys(attacks)) for key, attacks in out.items()}

    def reported(self, config: TrainConfig) -> tuple[str, ...]:
        """Keys of the checkpoints that are shown, such as "fawa/best_val"; none for a run of a figure only."""
        if config.objective == "plain":
            return (f"{LIVE}/last",)
        if config not in self._table_runs:
            return ()
        weights = (LIVE, *(a.name for a in self.averages_of(config) if a not in self.compared_averages))
        selections = [s for s in SELECTED_ON if s in self.looks(config)]
        return tuple(f"{w}/{s}" for w in weights for s in (*selections, "last"))

    def looks(self, config: TrainConfig) -> tuple[str, ...]:
        """What of `LOOKS` the figures and tables show of a run; all of one that stands behind none of them."""
        wanted = self._looks.get(config, LOOKS)
        return tuple(look for look in LOOKS if look in wanted)

    @cached_property
    def _looks(self):
        looks = {}
        for name in self.figures:
            for config in self._configs[name]:
                looks.setdefault(config, set()).update(LOOKED_AT.get(name, SELECTED_ON))
        return looks

    @cached_property
    def _table_runs(self):
        names = [name for name in (*TABLES, CONTRAST) if name in self.figures]
        return frozenset(c for name in names for c in self._configs[name] if c.objective != "plain")

    def confusions(self, config: TrainConfig) -> tuple[tuple[str, Attack], ...]:
        """(checkpoint key, attack) pairs whose class-by-class confusion a run's record holds: AT's, first seed."""
        first = config.recipe == "at" and config.seed == self.seeds[0] and config in self._table_runs
        return ((f"{LIVE}/last", self.white_box(config)),) if first else ()

    def final_attack(self, config: TrainConfig) -> Attack:
        """The attack of the tables' robust column."""
        if self.final == "targeted":
            return replace(self.white_box(config, self.final_per_class), kind="targeted")
        return Attack(self.final, config.eval_eps, per_class=self.final_per_class)

    def white_box(self, config: TrainConfig, per_class: int | None = None) -> Attack:
        """PGD of 20 steps, which every reported checkpoint meets."""
        return Attack("pgd", config.eval_eps, config.eval_alpha, FINAL_STEPS, per_class)

    def aa_attacks(self, config: TrainConfig) -> tuple[Attack, ...]:
        """Standard AutoAttack, and PGD on the same images; a targeted attack's outcomes of them are known anyway."""
        aa = Attack("aa", config.eval_eps, per_class=self.aa_per_class)
        return (aa,) if self.final == "targeted" else (aa, self.white_box(config, self.aa_per_class))

    def _reported_attacks(self, config):
        final = self.final_attack(config)
        if final.kind == "targeted" and final.per_class:
            return (final,)  # clean and PGD on the same images come by the way, and no table shows them on more
        clean = [Attack("clean", 0.0)] if config.eval_per_class else []  # else the epoch's evaluation has it
        return *clean, self.white_box(config), final, self.white_box(config, final.per_class)

    def published_weights(self, config: TrainConfig) -> list[str]:
        """Keys of the checkpoints whose weights are published with the record: few, of the first seed alone."""
        first = self.commits_weights and config.seed == self.seeds[0]
        shown = first and config in self.runs("alg1", "table1")
        return [f"{weights}/last" for weights in PUBLISHED_WEIGHTS.get(config.recipe, ())] if shown else []

    def _sanity_attacks(self, config):
        n, eps = self.sanity_per_class, config.eval_eps
        large = Attack("pgd", self.large_eps, self.large_eps / 4, FINAL_STEPS, n, nominal_eps=eps)
        checks = [large, Attack("square", eps, steps=200, per_class=n), self.white_box(config, n)]
        if self.long_steps:
            checks.append(replace(self.white_box(config, self.final_per_class), steps=self.long_steps))
        return tuple(checks)
