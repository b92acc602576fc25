"""Golden records: a change that moves a run's numbers fails here until `RECIPE_VERSION` is raised.

`python -m tests.test_golden` writes them anew, for a version raised on purpose; with names those alone: a new recipe's.
With the pinned torch and numpy they are equal byte for byte on every processor held at AVX2. The PreActResNet, whose
last layer is MKL's, has one a maker (docs/reproducibility.md). Elsewhere rounding moves signs of gradients near zero,
and counts drift.
"""

import cfa_nb  # noqa: F401, I001  # before numpy and torch: fixes the level of their CPU kernels

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch

from cfa_nb import processor
from cfa_nb.method.train import train
from cfa_nb.recipes import RECIPES
from cfa_nb.runs.record import RunRecord
from cfa_nb.runs.store import RunStore
from tests import tiny

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).parent / "golden"


PINS = (Path(__file__).parent.parent / "constraints.txt").read_text().splitlines()
PINNED = {f"torch=={torch.__version__.split('+')[0]}", f"numpy=={numpy.__version__}"} <= set(PINS)
AS_PUBLISHED = processor.level() == processor.LEVEL and PINNED
MAKERS = [f"preactresnet-{maker}" for maker in ("GenuineIntel", "AuthenticAMD")]
RUNS = (*RECIPES, *MAKERS)


def golden_config(name):
    """A run of a second or two that learns something, so that a change shows."""
    if name in MAKERS:
        return tiny.resnet_config("trades_ccm_ccr")  # convolutions, BatchNorm, both calibrations
    changes, parent = dict(train_per_class=40, width=32, epochs=6, milestones=(4, 5)), RECIPES[name].parent
    return replace(tiny.config(name), parent=parent and tiny.config(parent.recipe, **changes), **changes)


def run(name, folder):
    store, config = RunStore(folder), golden_config(name)
    if config.parent:
        train(config.parent, tiny.AVERAGES, store)
    return train(config, tiny.AVERAGES, store)


@pytest.mark.parametrize("name", RUNS)
def test_a_run_gives_the_numbers_that_it_gave(name, tmp_path):
    file = FOLDER / f"{name}.json"
    assert file.exists(), f"{name} has no golden record: `python -m tests.test_golden {name}` writes it"
    text = file.read_text()
    expected, record = RunRecord.from_json(text), run(name, tmp_path)
    assert expected.recipe_version == record.config.recipe_version, "write the golden records anew"
    assert record.config == expected.config
    assert record.data_hash == expected.data_hash
    if not AS_PUBLISHED or (name in MAKERS and not name.endswith(processor.cpuinfo("vendor_id"))):
        pytest.skip("another processor or torch: counts drift by chance")
    assert record.to_json() == text, "the numbers moved: raise RECIPE_VERSION?"


if __name__ == "__main__":
    torch.set_num_threads(1)  # as workers and tests do: sums over several threads round otherwise
    for name in sys.argv[1:] or RUNS:
        with tempfile.TemporaryDirectory() as scratch:
            (FOLDER / f"{name}.json").write_text(run(name, scratch).to_json())
