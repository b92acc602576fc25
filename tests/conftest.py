"""One thread, no settings of the user's, the same random numbers every time."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
for _name in [name for name in os.environ if name.startswith("CFA_NB_")]:
    del os.environ[_name]

import cfa_nb  # noqa: E402, F401, I001  # before torch computes: fixes the level of its CPU kernels

import random  # noqa: E402
import shutil  # noqa: E402

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from cfa_nb import data  # noqa: E402
from cfa_nb.method.train import train  # noqa: E402
from cfa_nb.runs.store import RunStore  # noqa: E402
from tests import tiny  # noqa: E402

torch.set_num_threads(1)
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=50)
hypothesis.settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    """The longest file first: with a file a process, it would keep one core waiting at the end."""
    items.sort(key=lambda item: item.path.name != "test_smoke_reproduce.py")


@pytest.fixture(autouse=True)
def _seeded():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch):
    """The files of a test need not outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """(outputs, runs) below a temporary folder, for everything that asks `cfa_nb.files`."""
    monkeypatch.setenv("CFA_NB_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setenv("CFA_NB_RUNS", str(tmp_path / "runs"))
    return tmp_path / "outputs", tmp_path / "runs"


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A finished run with calibration and averages: its store, config and record. No test writes to the store."""
    store, config = RunStore(tmp_path_factory.mktemp("runs")), tiny.config("at_ccm")
    return store, config, train(config, tiny.AVERAGES, store)


@pytest.fixture(scope="session")
def learnt(tmp_path_factory):
    """A run that has learnt something: its store, config, network and 200 test images. No test writes to the store."""
    size = dict(train_per_class=60, test_per_class=20, eval_per_class=None, width=32)
    store, config = RunStore(tmp_path_factory.mktemp("runs")), tiny.config(epochs=12, milestones=(9, 11), **size)
    train(config, (), store)
    return store, config, tiny.network(store, config, "live/last"), data.load(config).test


@pytest.fixture
def judged(learnt):
    """Its network and test images."""
    return learnt[2:]


@pytest.fixture
def copied(learnt, tmp_path):
    """The same run in a store of its own, so that a test may add to its record: the store and the config."""
    shutil.copytree(learnt[0].root, tmp_path / "copied")
    return RunStore(tmp_path / "copied"), learnt[1]


@pytest.fixture
def theme():
    """The pages' style of figures; none stays open."""
    from matplotlib import pyplot

    from cfa_pages import report

    report.use_style()
    yield
    pyplot.close("all")
