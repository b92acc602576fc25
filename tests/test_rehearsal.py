"""A study on a folder of images: profile `cifar10-rehearsal` through every page, by the command line.

All runs but those of AT + CCM are made up, since training takes minutes.
"""

import json
import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from cfa_nb.files import ROOT
from cfa_nb.method.model import build
from cfa_nb.recipes import rows_of
from cfa_nb.runs.profiles import REHEARSAL, profile_named
from cfa_nb.runs.record import Checkpoint
from cfa_nb.runs.store import RunStore
from tests import tiny
from tests.factories import all_runs, class_names

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


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


def test_a_folder_of_generated_images_goes_through_every_page(tmp_path, monkeypatch):
    tiny.draw_folder(tmp_path / "images", class_names(REHEARSAL), 29, side=8)
    make_up(tmp_path / "runs", tmp_path / "images", monkeypatch)
    shutil.copytree(ROOT / "outputs" / "theory", tmp_path / "outputs" / "theory")  # these pages show no run
    command = [sys.executable, "-m", "cfa_pages", "reproduce", "--profile", "cifar10-rehearsal"]
    command += ["--data-dir", str(tmp_path / "images"), "--data-name", "drawn images"]
    command += ["--runs", str(tmp_path / "runs"), "--outputs", str(tmp_path / "outputs")]
    env = os.environ | {"CFA_NB_DATA": str(tmp_path / "data"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "5 runs trained" in done.stdout
    pages = tmp_path / "outputs" / "cifar10-rehearsal@drawn-images"
    records = [f for f in (pages / "records").glob("*.json") if not f.name.endswith(".provenance.json")]
    assert len(records) == len(REHEARSAL.runs()) == 38
    assert {json.loads(file.read_text())["config"]["dataset"] for file in records} == {"folder:drawn images"}
    notebooks = sorted((pages / "notebooks").glob("*.ipynb"))
    assert [n.name[:2] for n in notebooks] == ["00", "02", "03", "04", "05", "06", "07", "09", "10"]
    assert all("**Data:** drawn images" in notebook.read_text(encoding="utf-8") for notebook in notebooks)
    table = pd.read_csv(pages / "tables" / "table1_best.csv")
    assert list(table["Method"]) == [row.label for row in rows_of(1).values()]
    assert any(column.startswith("AA-fast") for column in table.columns)
    verdicts = pd.read_csv(pages / "tables" / "claims.csv")["Verdict"]
    assert not verdicts.str.contains("reproduced").any(), "another data set cannot settle the paper's claims"
