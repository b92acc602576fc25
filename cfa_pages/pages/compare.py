"""How the record of each run compares with the one that was published before: an `Agreement`.

Two machines need not agree in the last bit, and adversarial training amplifies a last bit. So a record that is not
identical is measured by what the pages show: the last epoch's robust accuracy of the live weights on the test set.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cfa_nb.config import LIVE
from cfa_nb.runs.record import RunRecord
from cfa_nb.runs.store import RunStore
from cfa_nb.runs.study import Profile
from cfa_pages.results.published import Published

#: Largest differences, in percentage points, that count as agreement between machines.
OVERALL_POINTS = 3.0
WORST_POINTS = 10.0

IDENTICAL, WITHIN, DIFFERS, NEW = "identical", "within tolerance", "differs", "not published before"
TOLERANCE = (
    f"tolerance: robust test accuracy after the last epoch within {OVERALL_POINTS:g} points overall "
    f"and {WORST_POINTS:g} in the worst class"
)


@dataclass(frozen=True)
class Agreement:
    """How one run compares."""

    run: str
    outcome: str
    detail: str = ""

    def __str__(self):
        return f"{self.run}: {self.outcome}" + (f" ({self.detail})" if self.detail else "")


def compare(run: str, new: RunRecord, old: RunRecord | None) -> Agreement:
    """`Agreement` of a run's record with the published one (None: there was none)."""
    if old is None:
        return Agreement(run, NEW)
    if new.within(old):
        return Agreement(run, IDENTICAL)
    if new.data_hash != old.data_hash:
        return Agreement(run, DIFFERS, "trained on other data")
    now, before = (r.measured(LIVE, "test", r.config.epochs).robust for r in (new, old))
    detail = f"overall {_change(before.overall, now.overall)}, worst class {_change(before.worst, now.worst)}"
    within = _points(before.overall, now.overall) <= OVERALL_POINTS and _points(before.worst, now.worst) <= WORST_POINTS
    return Agreement(run, WITHIN if within else DIFFERS, detail)


def _points(a, b):
    return round(100 * abs(a - b), 9)


def _change(before, now):
    return f"{100 * before:.1f} -> {100 * now:.1f} %"


def compare_all(profile: Profile, store: RunStore, published: Published) -> list[Agreement]:
    """The agreements of all runs of a profile; call it before the new records are published."""
    published_configs = {config for config in profile.runs() if published.status(config).fresh}
    before = {c: published.record(c) if c in published_configs else None for c in profile.runs()}
    return [compare(store.path(c).name, store.record(c), old) for c, old in before.items()]


def closing_lines(profile: Profile, agreements: Sequence[Agreement]) -> Iterator[str]:
    """What is said at the end: the counts, the tolerance, each run that was published before and is not identical."""
    counts = Counter(a.outcome for a in agreements)
    kinds = [kind for kind in (IDENTICAL, WITHIN, DIFFERS, NEW) if counts[kind]]
    yield f"{profile.name}: compared with the records published before ({TOLERANCE})"
    yield "  " + ", ".join(f"{counts[kind]} {kind}" for kind in kinds)
    yield from (f"  {a}" for a in agreements if a.outcome in (WITHIN, DIFFERS))
