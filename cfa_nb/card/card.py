"""The class-wise robustness card of finished weights: what was attacked, on which images, how, and how each class did.

card = subject.card(attacks)  # cfa_nb.card.subject
print("\\n".join(card.lines()))
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from cfa_nb.card.uncertainty import percent, points, worst_bias
from cfa_nb.config import Attack
from cfa_nb.method.metrics import ClassAccuracy, wilson_interval

BAR = 20  # characters that stand for 100 %
STRENGTH = {"square": 0, "pgd": 1, "targeted": 2, "aa-fast": 3, "aa": 4}  # the order that is expected


@dataclass(frozen=True)
class Result:
    """One attack's outcome: `made` says how it was made, ready for JSON."""

    attack: Attack
    accuracy: ClassAccuracy
    made: dict

    @property
    def label(self) -> str:
        """Name without the number of images, which the card states once: "PGD-20"."""
        return replace(self.attack, per_class=None).label


class Check(NamedTuple):
    """Something that must hold for the card to be believed."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Card:
    """Everything that is said of one file of weights.

    weights: "file" and "sha256"; of ours also "checkpoint", "recipe", "seed", "dataset". network: "name", "parameters".
    data: "name", "hash" (of the attacked images and labels), "images". threat: "norm", "eps" in pixel units, "seed".
    results: at least one, in the order asked for; interval, bar, worst class and gap of the text are about the last.
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

    def checks(self) -> Iterator[Check]:
        """Each stronger attack leaves no more than the next weaker one, beyond noise; all images are counted."""
        order = sorted(self.results, key=lambda r: (STRENGTH[r.attack.kind], r.attack.steps))
        chain = [("no attack", self.clean), *((r.label, r.accuracy) for r in order)]
        yield from (_leaves_no_more(*strong, *weak) for weak, strong in pairwise(chain))
        images = self.data["images"]
        yield Check(f"the classes' images add up to {images}", all(sum(a.n) == images for _, a in chain))

    def to_dict(self) -> dict:
        """The card as data, ready for JSON; accuracies are fractions, and follow from the hits."""
        accuracies = {"clean": self.clean, **{r.attack.key: r.accuracy for r in self.results}}
        return {
            "format": 1,
            **{name: getattr(self, name) for name in ("weights", "network", "data", "threat")},
            "class_names": list(self.class_names),
            "attacks": {r.attack.key: r.made for r in self.results},
            "results": {key: self._summary(accuracy) for key, accuracy in accuracies.items()},
            "checks": [check._asdict() for check in self.checks()],
            "notes": list(self.notes),
        }

    def _summary(self, accuracy):
        single, share = accuracy.with_share(0), accuracy.worst_share
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
            **({"worst_share": share, "worst_of_share": accuracy.worst} if share else {}),
        }

    def lines(self) -> Iterator[str]:
        """The card as text, for a terminal."""
        weights, data, eps = self.weights, self.data, self.threat["eps"]
        yield f"weights  {weights['file']}"
        yield f"         SHA-256 {weights['sha256']}"
        if "checkpoint" in weights:
            yield "         {checkpoint} of {recipe}, seed {seed}, trained on {dataset}".format(**weights)
        yield f"network  {self.network['name']}, {self.network['parameters']:,} parameters"
        yield f"data     {data['name']}, {data['images']:,} test images, hash {data['hash']}"
        yield f"threat   {self.threat['norm']}, eps {eps:g} ({255 * eps:g}/255), seed {self.threat['seed']}"
        yield from ("", *self._table(), "", *self._worst())
        yield from (f"{'ok  ' if check.holds else 'LOOK'}  {check.text}" for check in self.checks())
        yield from (f"note  {note}" for note in self.notes)

    def _table(self):
        columns = {"clean": self.clean, **{r.label: r.accuracy for r in self.results}}
        widths = [max(8, len(label) + 2) for label in columns]
        indent = max(map(len, (*self.class_names, "class")))
        header = "".join(f"{label:>{width}}" for label, width in zip(columns, widths))
        yield f"{'class':<{indent}}{header}   95 % of {self.results[-1].label}"
        rows = [(name, [(a.hits[k], a.n[k]) for a in columns.values()]) for k, name in enumerate(self.class_names)]
        for name, counts in (*rows, ("all", [(sum(a.hits), sum(a.n)) for a in columns.values()])):
            cells = "".join(f"{percent(h / n) if n else '-':>{width}}" for (h, n), width in zip(counts, widths))
            hits, n = counts[-1]
            low, high = map(percent, wilson_interval(hits, n))
            yield f"{name:<{indent}}{cells}   {low:>5} - {high:<6} {'#' * round(BAR * hits / max(n, 1))}".rstrip()

    def _worst(self):
        name, accuracy = self.results[-1].label, self.results[-1].accuracy
        summary = self._summary(accuracy)
        bias, spread = percent(abs(summary["worst_bias"])), percent(summary["worst_spread"])
        interval = " - ".join(map(percent, accuracy.wilson()[accuracy.worst_class]))
        yield f"worst class under {name}: {summary['worst_class']}, {percent(summary['worst'])} % (95 %: {interval})"
        yield f"  as the least of {len(self.class_names)} noisy classes it reads about {bias} points low"
        yield f"  (bootstrap of the minimum; standard deviation {spread})"
        if accuracy.worst_share:
            yield f"worst {100 * accuracy.worst_share:g} % of the classes, their mean: {percent(accuracy.worst)} %"
        yield f"gap, all less worst class: {percent(summary['gap'])} points"


def _leaves_no_more(strong_name, strong, weak_name, weak):
    """`Check` that the stronger attack leaves no more, within 1.96 standard errors of the difference."""
    excess, p = strong.overall - weak.overall, (strong.overall + weak.overall) / 2
    noise = 1.96 * math.sqrt(2 * p * (1 - p) / sum(strong.n))
    verb = "leaves no more" if excess <= 0 else f"leaves more ({points(excess)} points)"
    within = " within noise" if 0 < excess <= noise else ""
    numbers = f"{percent(strong.overall)} %, {weak_name} {percent(weak.overall)} %"
    return Check(f"{strong_name} {verb} than {weak_name}{within}: {numbers}", excess <= noise)
