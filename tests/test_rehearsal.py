"""A study on a folder of images: profile `cifar10-rehearsal` through every page, by the command line.

On a folder of generated PNGs always, where all runs but those of AT + CCM are made up, since training takes minutes; on
real images, with all runs, where REAL_IMAGES names a folder of them.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cfa_nb.files import ROOT
from cfa_nb.method.model import build
from cfa_nb.recipes import rows_of
from cfa_nb.runs.profiles import REHEARSAL, profile_named
from cfa_nb.runs.record import Checkpoint
from cfa_nb.runs.store import RunStore
from tests.factories import all_runs, class_names

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

REAL = os.environ.get("REAL_IMAGES")


def draw_folder(root, names):
    """29 noisy images of each class around a picture of its own."""
    rng = np.random.default_rng(0)
    for name, picture in zip(names, rng.integers(40, 215, size=(10, 8, 8, 3))):
        (root / name).mkdir(parents=True)
        for i in range(29):
            pixels = (picture + rng.normal(0, 25, size=picture.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i:02}.png")


def make_up(runs, images, monkeypatch):
    """Enters all runs but those of AT + CCM into a store, with networks that learnt nothing."""
    monkeypatch.setenv("CFA_NB_DATA_DIR", str(images))
    store = RunStore(runs)
    for made in all_runs(profile_named("cifar10-rehearsal@drawn images")):
        if made.config.recipe != "at_ccm":
            state = build(made.config, 10, (3, 8, 8)).state_dict()
            for key, checkpoint in made.record.checkpoints.items():
                made.record.checkpoints[key] = Checkpoint(checkpoint.epoch, store.save_weights(made.config, key, state))
            store.write_record(made.config, made.record, made.provenance)


def reproduce(images, name, tmp_path):
    """Runs the command; (its output, folder of the pages)."""
    command = [sys.executable, "-m", "cfa_pages", "reproduce", "--profile", "cifar10-rehearsal"]
    command += ["--data-dir", str(images), "--data-name", name]
    command += ["--runs", str(tmp_path / "runs"), "--outputs", str(tmp_path / "outputs")]
    env = os.environ | {"CFA_NB_DATA": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (pages,) = (p for p in (tmp_path / "outputs").iterdir() if p.name.startswith("cifar10-rehearsal"))
    return done.stdout, pages


def assert_complete(pages, name):
    records = [f for f in (pages / "records").glob("*.json") if not f.name.endswith(".provenance.json")]
    assert len(records) == len(REHEARSAL.runs()) == 35
    assert {json.loads(file.read_text())["config"]["dataset"] for file in records} == {f"folder:{name}"}
    notebooks = sorted((pages / "notebooks").glob("*.ipynb"))
    assert [n.name[:2] for n in notebooks] == ["00", "02", "03", "04", "05", "06", "07", "09", "10"]
    assert all(f"**Data:** {name}" in notebook.read_text(encoding="utf-8") for notebook in notebooks)
    table = pd.read_csv(pages / "tables" / "table1_best.csv")
    assert list(table["Method"]) == [row.label for row in rows_of(1).values()]
    assert any(column.startswith("AA-fast") for column in table.columns)
    verdicts = pd.read_csv(pages / "tables" / "claims.csv")["Verdict"]
    assert not verdicts.str.contains("reproduced").any(), "another data set cannot settle the paper's claims"


def test_a_folder_of_generated_images_goes_through_every_page(tmp_path, monkeypatch):
    draw_folder(tmp_path / "images", class_names(REHEARSAL))
    make_up(tmp_path / "runs", tmp_path / "images", monkeypatch)
    shutil.copytree(ROOT / "outputs" / "theory", tmp_path / "outputs" / "theory")  # these pages show no run
    said, pages = reproduce(tmp_path / "images", "drawn images", tmp_path)
    assert "5 runs trained" in said
    assert pages.name == "cifar10-rehearsal@drawn-images"
    assert_complete(pages, "drawn images")


@pytest.mark.skipif(REAL is None, reason="set REAL_IMAGES to a folder of images with at least 10 classes")
def test_real_images_go_through_every_page(tmp_path):
    said, pages = reproduce(Path(REAL), "real images", tmp_path)
    assert "35 runs trained" in said
    assert_complete(pages, "real images")
