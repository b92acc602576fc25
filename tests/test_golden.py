"""Golden records: a change that moves a run's numbers fails here until `RECIPE_VERSION` is raised.

`python -m tests.test_golden` writes them anew, for a version raised on purpose. Hits may differ by a few images between
processors (rounding moves the sign of a near-zero gradient); a changed recipe differs by far more.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from cfa_nb.config import RECIPE_VERSION, RECIPES
from cfa_nb.record import RunRecord
from cfa_nb.store import RunStore
from cfa_nb.train import train
from tests import tiny

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "golden"


def golden_config(recipe):
    """A run of a second or two that learns something, so that a change shows."""
    changes = dict(train_per_class=40, width=32, epochs=6, milestones=(4, 5))
    config = tiny.config(recipe, **changes)
    return replace(config, parent=tiny.config("at", **changes)) if config.parent else config


def run(recipe, folder):
    store, config = RunStore(folder), golden_config(recipe)
    if config.parent:
        train(config.parent, tiny.AVERAGES, store)
    return train(config, tiny.AVERAGES, store)


def hits(record):
    """Everything counted, in order."""
    for e in record.epochs:
        yield from e.train_robust.hits
        for split in (e.val, e.test):
            for m in split.values():
                yield from (*m.clean.hits, *m.robust.hits) if m else (0,) * 20


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_gives_the_numbers_that_it_gave(recipe, tmp_path):
    expected = RunRecord.from_json((FOLDER / f"{recipe}.json").read_text())
    assert expected.recipe_version == RECIPE_VERSION, "write the golden records anew"
    record = run(recipe, tmp_path)
    assert record.config == expected.config
    assert record.data_hash == expected.data_hash
    ours, theirs = list(hits(record)), list(hits(expected))
    assert len(ours) == len(theirs)
    differing = sum(a != b for a, b in zip(ours, theirs))
    assert differing <= 0.03 * len(ours), f"{differing} of {len(ours)} counts differ: raise RECIPE_VERSION?"


if __name__ == "__main__":
    for name in RECIPES:
        with tempfile.TemporaryDirectory() as scratch:
            (FOLDER / f"{name}.json").write_text(run(name, scratch).to_json())
