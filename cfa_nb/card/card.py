"""The card as plain values, ready for JSON, and as text: how each class did, and how sure that is.

card = subject.card(attacks)  # cfa_nb.card.subject
print("\\n".join(lines(card)))
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np

from cfa_nb.config import Attack
from cfa_nb.method.metrics import ClassAccuracy

BAR = 20  # characters that stand for 100 %
STRENGTH = ("clean", "square", "pgd", "targeted", "aa-fast", "aa")  # the order that is expected


def points(value: float) -> str:
    """A difference of fractions in percentage points, signed: "+5.7", "−0.3"."""
    return f"{round(100 * value, 1) + 0.0:+.1f}".replace("-", "−")  # + 0.0: never "−0.0"


def percent(value: float) -> str:
    """A fraction in percent, "56.8"."""
    return f"{100 * value:.1f}"


def summary(attack: Attack, accuracy: ClassAccuracy, class_names: tuple[str, ...]) -> dict:
    """What one attack left, ready for JSON, as fractions; `accuracy.worst_share` adds the mean of that share."""
    single = accuracy.with_share(0)
    bias, spread = worst_bias(single)
    share = {"worst_share": accuracy.worst_share, "worst_of_share": accuracy.worst} if accuracy.worst_share else {}
    return {
        "label": label(attack),
        "hits": list(accuracy.hits),
        "n": list(accuracy.n),
        "interval_95": [list(wilson_interval(*counts)) for counts in zip(accuracy.hits, accuracy.n)],
        "overall": accuracy.overall,
        "worst_class": class_names[single.worst_class],
        "worst": single.worst,
        "worst_bias": bias,
        "worst_spread": spread,
        "gap": accuracy.overall - single.worst,
        **share,
    }


def label(attack: Attack) -> str:
    """Name without the number of images, which the card states once: "PGD-20"."""
    return replace(attack, per_class=None).label


def checks(results: dict[Attack, ClassAccuracy]) -> list[dict]:
    """Whether each stronger attack leaves no more than the next weaker one, within 1.96 standard errors."""
    order = sorted(results, key=lambda attack: (STRENGTH.index(attack.kind), attack.steps))
    found = []
    for weak, strong in pairwise(order):
        before, after = results[weak].overall, results[strong].overall
        excess, p = after - before, (after + before) / 2
        holds = excess <= 1.96 * math.sqrt(2 * p * (1 - p) / sum(results[strong].n))
        verb = "leaves no more" if excess <= 0 else f"leaves more ({points(excess)} points)"
        within = " within noise" if holds and excess > 0 else ""
        numbers = f"{percent(after)} %, {label(weak)} {percent(before)} %"
        found.append({"text": f"{label(strong)} {verb} than {label(weak)}{within}: {numbers}", "holds": holds})
    return found


def lines(card: dict) -> Iterator[str]:
    """The card as text, for a terminal."""
    weights, data, threat = card["weights"], card["data"], card["threat"]
    yield f"weights  {weights['file']}"
    yield f"         SHA-256 {weights['sha256']}"
    if "checkpoint" in weights:
        yield "         {checkpoint} of {recipe}, seed {seed}, trained on {dataset}".format(**weights)
    yield f"network  {card['network']['name']}, {card['network']['parameters']:,} parameters"
    yield f"data     {data['name']}, {data['images']:,} test images, hash {data['hash']}"
    yield f"threat   {threat['norm']}, eps {threat['eps']:g} ({255 * threat['eps']:g}/255), seed {threat['seed']}"
    *_, last = card["results"].values()
    yield from (
        "",
        *_table(card["class_names"], card["results"].values(), last),
        "",
        *_worst_lines(card["class_names"], last),
    )
    yield from (f"{'ok  ' if check['holds'] else 'LOOK'}  {check['text']}" for check in card["checks"])
    yield from (f"note  {note}" for note in card["notes"])


def _table(class_names, results, last):
    widths = [max(8, len(result["label"]) + 2) for result in results]
    indent = max(map(len, (*class_names, "class")))
    header = "".join(f"{result['label']:>{width}}" for result, width in zip(results, widths))
    yield f"{'class':<{indent}}{header}   95 % of {last['label']}"
    rows = [(name, [(r["hits"][k], r["n"][k]) for r in results]) for k, name in enumerate(class_names)]
    for name, counts in (*rows, ("all", [(sum(r["hits"]), sum(r["n"])) for r in results])):
        cells = "".join(f"{percent(h / n):>{width}}" for (h, n), width in zip(counts, widths))
        hits, n = counts[-1]
        low, high = map(percent, wilson_interval(hits, n))
        yield f"{name:<{indent}}{cells}   {low:>5} - {high:<6} {'#' * round(BAR * hits / n)}".rstrip()


def _worst_lines(class_names, result):
    name, worst = result["worst_class"], percent(result["worst"])
    interval = " - ".join(map(percent, result["interval_95"][class_names.index(name)]))
    yield f"worst class under {result['label']}: {name}, {worst} % (95 %: {interval})"
    bias, spread = percent(abs(result["worst_bias"])), percent(result["worst_spread"])
    yield f"  as the least of {len(class_names)} noisy classes it reads about {bias} points low"
    yield f"  (bootstrap of the minimum; standard deviation {spread})"
    if "worst_share" in result:
        mean = percent(result["worst_of_share"])
        yield f"worst {100 * result['worst_share']:g} % of the classes, their mean: {mean} %"
    yield f"gap, all less worst class: {percent(result['gap'])} points"


def wilson_interval(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson score interval of a proportion, 95 % by default; (0, 1) when nothing was counted."""
    if n == 0:
        return 0.0, 1.0
    p, zz = hits / n, z * z / n
    centre = (p + zz / 2) / (1 + zz)
    half = z * math.sqrt(p * (1 - p) / n + zz / (4 * n)) / (1 + zz)
    return max(0.0, centre - half), min(1.0, centre + half)


@lru_cache(maxsize=1024)
def worst_bias(accuracy: ClassAccuracy) -> tuple[float, float]:
    """Bias and standard deviation of the worst of K noisy class accuracies, as fractions: a parametric bootstrap.

    The bias is the mean of the redrawn worst accuracy minus the worst of the accuracies it was drawn from. It is
    negative: the worst of K classes reads low, and the more so the fewer test images there are. If the accuracy has a
    `worst_share`, both are about the mean of that share.
    """
    worst = redrawn(accuracy, "worst", 4000, np.random.default_rng(0))
    source = _worst_of(np.array([[jeffreys(h, n)] for h, n in _counts(accuracy)]), accuracy.worst_share)
    return float(worst.mean() - source[0]), float(worst.std(ddof=1))


def redrawn(accuracy: ClassAccuracy, which: str, draws: int, generator: np.random.Generator) -> np.ndarray:
    """(draws,) "overall" or "worst" accuracies of test sets drawn again, Binomial(n_k, `jeffreys`) for each class."""
    counts = _counts(accuracy)
    hits = [generator.binomial(n, jeffreys(h, n), draws) for h, n in counts]  # per class: its p is set up once
    if which == "overall":
        return np.sum(hits, axis=0) / sum(n for _, n in counts)
    return _worst_of(np.array([drawn / n for drawn, (_, n) in zip(hits, counts)]), accuracy.worst_share)


def jeffreys(hits: int, n: int) -> float:
    """Jeffreys' estimate of a proportion: unlike hits / n never 0 or 1, where a binomial has no width."""
    return (hits + 0.5) / (n + 1)


def _counts(accuracy):
    """(hits, n) of each class that has images."""
    return [(h, n) for h, n in zip(accuracy.hits, accuracy.n) if n]


def _worst_of(accuracies, worst_share):
    """(draws,) worst of (K, draws) accuracies, or the mean of their worst share, as in `ClassAccuracy.worst`."""
    size = max(1, round(worst_share * len(accuracies)))
    return np.partition(accuracies, size - 1, axis=0)[:size].mean(axis=0)
