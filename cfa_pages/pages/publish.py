"""Publishes the records of a profile's finished runs, and says how they compare with those published before.

Two machines need not agree in the last bit, and adversarial training amplifies a last bit. So a record that is not
identical is measured by what the pages show: the last epoch's robust accuracy of the live weights on the test set.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cfa_nb.config import LIVE, TrainConfig
from cfa_nb.files import StoreError, make_folder
from cfa_nb.runs.record import RunRecord
from cfa_nb.runs.store import RunStore, run_id
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


def publish(profile: Profile, store: RunStore, folder: Path) -> list[str]:
    """Publishes the finished runs of a profile below `folder`, then removes what no run of it claims any more.

    Returns:
        Names of the removed files: records and weights that are named as those of runs.
    Raises:
        StoreError: if the folder cannot be written; each file is whole, old or new.
    """
    published, names = Published(folder), set()
    for config in profile.runs():
        weights = profile.published_weights(config)
        if store.status(config).fresh:
            published.publish(store, config, [key for key in weights if key in store.record(config).checkpoints])
        suffixes = [".json", ".provenance.json", *([".safetensors"] if weights else [])]
        names |= {run_id(config) + suffix for suffix in suffixes}
    present_files = [*(folder / "records").glob("*.json"), *(folder / "weights").glob("*.safetensors")]
    obsolete = [file for file in sorted(present_files) if file.name not in names]
    for file in obsolete:
        file.unlink()
    return [file.name for file in obsolete]


def unpublished(profile: Profile, folder: Path) -> list[TrainConfig]:
    """The runs of a profile that have no record below `folder`."""
    published = Published(folder)
    return [c for c in profile.runs() if not published.status(c).fresh]


def require_published(profile: Profile, folder: Path) -> None:
    """Raises `StoreError` that names the first missing record or provenance below `folder`."""
    if missing := unpublished(profile, folder):
        example = f"{missing[0].recipe}, seed {missing[0].seed}"
        raise StoreError(
            f"{len(missing)} of {len(profile.runs())} records of profile {profile.name} are missing in "
            f"{folder} (the first: {example}); `make reproduce PROFILE={profile.name}` makes them"
        )
    published = Published(folder)
    try:
        for config in profile.runs():
            published.provenance(config)
    except FileNotFoundError as error:
        raise StoreError(f"{error.filename} is missing; restore it, or `reproduce` publishes it again") from error


def require_writable(folder: Path) -> None:
    """Raises `StoreError` at the door if nothing can be written into this folder; it is made if it is not there."""
    make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0" * 65536)
    except OSError as error:
        advice = "free some space or name another --outputs"
        raise StoreError(f"cannot write into {folder}: {error.strerror}; {advice}") from error


@dataclass(frozen=True)
class Agreement:
    """How the record of one run compares with the one that was published before."""

    run: str
    outcome: str
    detail: str = ""

    def __str__(self):
        return f"{self.run}: {self.outcome}" + (f" ({self.detail})" if self.detail else "")


def compare(run: str, new: RunRecord, old: RunRecord | None) -> Agreement:
    """`Agreement` of a run's record with the published one (None: there was none)."""
    if old is None:
        return Agreement(run, NEW)
    if new.within(old) or old.within(new):  # one of them may have been evaluated further
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
    before = {c: published.record(c) if published.status(c).fresh else None for c in profile.runs()}
    return [compare(store.path(c).name, store.record(c), old) for c, old in before.items()]


def closing_lines(profile: Profile, agreements: Sequence[Agreement]) -> Iterator[str]:
    """What is said at the end: the counts, the tolerance, each run that was published before and is not identical."""
    counts = Counter(a.outcome for a in agreements)
    kinds = [kind for kind in (IDENTICAL, WITHIN, DIFFERS, NEW) if counts[kind]]
    yield f"{profile.name}: compared with the records published before ({TOLERANCE})"
    yield "  " + ", ".join(f"{counts[kind]} {kind}" for kind in kinds)
    yield from (f"  {a}" for a in agreements if a.outcome in (WITHIN, DIFFERS))
