"""The class-wise robustness card of finished weights: what was judged, on what, how, and how each class did.

card = bench.judge(attacks)                  # cfa_nb.card.bench
print("\\n".join(card.lines()))
card.to_dict()                               # the same as data, ready for JSON
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from cfa_nb.card.uncertainty import percent, points, worst_bias
from cfa_nb.config import Attack
from cfa_nb.method.metrics import ClassAccuracy, wilson_interval

FORMAT = 1
BAR = 20  # characters that stand for 100 %
STRENGTH = {"square": 0, "pgd": 1, "aa-fast": 2, "aa": 3}  # from the weakest attack that is expected to the strongest


@dataclass(frozen=True)
class Result:
    """One attack's outcome: `made` says how it was made, ready for JSON."""

    attack: Attack
    accuracy: ClassAccuracy
    made: dict

    @property
    def label(self):
        """Name without the number of images, which the card states once: "PGD-20"."""
        return replace(self.attack, per_class=None).label


@dataclass(frozen=True)
class Check:
    """Something that must hold for the card to be believed."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Card:
    """Everything that is said of one file of weights.

    weights: "file" and "sha256"; of our own also "checkpoint", "recipe", "seed", "dataset".
    network: "name", "parameters" (a number).
    data: "name", "hash" (of the judged images and labels), "images".
    threat: "norm", "eps" in pixel units, "seed" of the attacks.
    results: in the order asked for; at least one.
    notes: sentences that a reader must know, such as other data than the weights were trained for.
    """

    weights: dict
    network: dict
    data: dict
    threat: dict
    class_names: tuple[str, ...]
    clean: ClassAccuracy
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()

    @property
    def last(self):
        """The attack that interval, bar, worst class and gap are about: the last one asked for."""
        return self.results[-1]

    def checks(self):
        """Each stronger attack leaves no more than the next weaker one, beyond noise; all images are counted."""
        order = sorted(self.results, key=lambda r: (STRENGTH[r.attack.kind], r.attack.steps))
        chain = [("no attack", self.clean), *((r.label, r.accuracy) for r in order)]
        yield from (_no_more(*weak, *strong) for weak, strong in pairwise(chain))
        counted = {sum(a.n) for _, a in chain}
        yield Check(f"the classes' images add up to {self.data['images']}", counted == {self.data["images"]})

    def to_dict(self):
        """The card as data, ready for JSON; accuracies are fractions, and follow from the hits."""
        return {
            "format": FORMAT,
            "weights": self.weights,
            "network": self.network,
            "data": self.data,
            "threat": self.threat,
            "class_names": list(self.class_names),
            "attacks": {r.attack.key: r.made for r in self.results},
            "results": {
                "clean": self._summary(self.clean),
                **{r.attack.key: self._summary(r.accuracy) for r in self.results},
            },
            "checks": [vars(check) for check in self.checks()],
            "notes": list(self.notes),
        }

    def _summary(self, accuracy):
        single = accuracy.with_share(0)
        bias, spread = worst_bias(single)
        return {
            "hits": list(accuracy.hits),
            "n": list(accuracy.n),
            "interval_95": [list(pair) for pair in accuracy.wilson()],
            "overall": accuracy.overall,
            "worst_class": self.class_names[single.worst_class],
            "worst": single.worst,
            "worst_bias": bias,
            "worst_spread": spread,
            "gap": accuracy.overall - single.worst,
            **({"worst_share": accuracy.worst_share, "worst_of_share": accuracy.worst} if accuracy.worst_share else {}),
        }

    def lines(self):
        """The card as text, for a terminal."""
        yield from self._head()
        yield ""
        yield from self._table()
        yield ""
        yield from self._worst()
        yield from (f"{'ok  ' if c.holds else 'LOOK'}  {c.text}" for c in self.checks())
        yield from (f"note  {note}" for note in self.notes)

    def _head(self):
        weights, data, threat = self.weights, self.data, self.threat
        yield f"weights  {weights['file']}"
        yield f"         SHA-256 {weights['sha256']}"
        if "checkpoint" in weights:
            run = f"{weights['recipe']}, seed {weights['seed']}"
            yield f"         {weights['checkpoint']} of {run}, trained on {weights['dataset']}"
        yield f"network  {self.network['name']}, {self.network['parameters']:,} parameters"
        yield f"data     {data['name']}, {data['images']:,} test images, hash {data['hash']}"
        yield f"threat   {threat['norm']}, eps {threat['eps']:g} ({255 * threat['eps']:g}/255), seed {threat['seed']}"

    def _table(self):
        wide = max(map(len, (*self.class_names, "class")))
        columns = {"clean": self.clean, **{r.label: r.accuracy for r in self.results}}
        heads = "".join(f"{name:>{_width(name)}}" for name in columns)
        yield f"{'class':<{wide}}{heads}   95 % of {self.last.label}"
        for k, name in enumerate(self.class_names):
            counts = {label: (a.hits[k], a.n[k]) for label, a in columns.items()}
            yield _row(f"{name:<{wide}}", counts)
        yield _row(f"{'all':<{wide}}", {label: (sum(a.hits), sum(a.n)) for label, a in columns.items()})

    def _worst(self):
        name, summary = self.last.label, self._summary(self.last.accuracy)
        low, spread = percent(abs(summary["worst_bias"])), percent(summary["worst_spread"])
        interval = " - ".join(map(percent, self.last.accuracy.wilson()[self.last.accuracy.worst_class]))
        yield f"worst class under {name}: {summary['worst_class']}, {percent(summary['worst'])} % (95 %: {interval})"
        yield f"  as the least of {len(self.class_names)} noisy classes it reads about {low} points low"
        yield f"  (bootstrap of the minimum; standard deviation {spread})"
        if "worst_share" in summary:
            share = f"{100 * summary['worst_share']:g} %"
            yield f"worst {share} of the classes, their mean: {percent(summary['worst_of_share'])} %"
        yield f"gap, all less worst class: {percent(summary['gap'])} points"


def _width(name):
    return max(8, len(name) + 2)


def _row(name, counts):
    """One line: accuracies in percent, then interval and bar of the last column. counts: {label: (hits, n)}."""
    cells = "".join(f"{_percent_of(*c):>{_width(label)}}" for label, c in counts.items())
    hits, n = list(counts.values())[-1]
    low, high = wilson_interval(hits, n)
    return f"{name}{cells}   {percent(low):>5} - {percent(high):<6} {'#' * round(BAR * hits / max(n, 1))}".rstrip()


def _percent_of(hits, n):
    return percent(hits / n) if n else "-"


def _no_more(weak_name, weak, strong_name, strong):
    """`Check` that the stronger attack leaves no more, within 1.96 standard errors of the difference."""
    excess, p = strong.overall - weak.overall, (strong.overall + weak.overall) / 2
    noise = 1.96 * math.sqrt(2 * p * (1 - p) / sum(strong.n))
    told = f"{percent(strong.overall)} %, {weak_name} {percent(weak.overall)} %"
    words = "leaves no more" if excess <= 0 else f"leaves more ({points(excess)} points)"
    more = " within noise" if 0 < excess <= noise else ""
    return Check(f"{strong_name} {words} than {weak_name}{more}: {told}", excess <= noise)
