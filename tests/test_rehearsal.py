"""The whole study on a folder of images: profile `cifar10-rehearsal` through every page, by the command line.

On a folder of generated PNGs in every run; on real images too where REAL_IMAGES names a folder of them.
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

from cfa_nb.paths import ROOT
from cfa_nb.recipes import ROWS
from cfa_nb.runs.profiles import REHEARSAL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CLASSES = tuple(f"kind {k}" for k in range(10))
REAL = os.environ.get("REAL_IMAGES")
NO_ATTACK = """
class AutoAttack:  # stands for the library, which takes minutes here and has tests of its own
    def __init__(self, model, **options):
        self.apgd = self.square = self
    def run_standard_evaluation(self, x, y, batch_size):
        return x, y
"""


def draw_folder(root, side=8):
    """10 classes, 29 noisy images each around a picture of the class's own."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(40, 215, size=(10, side, side, 3))
    for k, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for i in range(29):
            pixels = (pictures[k] + rng.normal(0, 25, size=(side, side, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i:02}.png")
    return root


def reproduce(images, name, tmp_path, libraries=""):
    """Runs the command; (its output, folder of the pages)."""
    command = [sys.executable, "-m", "cfa_pages", "reproduce", "--profile", "cifar10-rehearsal"]
    command += ["--data-dir", str(images), "--data-name", name]
    command += ["--runs", str(tmp_path / "runs"), "--outputs", str(tmp_path / "outputs")]
    env = os.environ | {"CFA_NB_DATA": str(tmp_path / "data"), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(libraries)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (pages,) = (p for p in (tmp_path / "outputs").iterdir() if p.name.startswith("cifar10-rehearsal"))
    return done.stdout, pages


def assert_complete(pages, name):
    records = [f for f in (pages / "records").glob("*.json") if not f.name.endswith(".provenance.json")]
    assert len(records) == len(REHEARSAL.runs()) == 35
    for file in records:
        assert json.loads(file.read_text())["config"]["dataset"] == f"folder:{name}"
    notebooks = sorted((pages / "notebooks").glob("*.ipynb"))
    assert [n.name[:2] for n in notebooks] == ["00", "02", "03", "04", "05", "06", "07", "09", "10"]
    for notebook in notebooks:
        assert f"**Data:** {name}" in notebook.read_text(encoding="utf-8")
    table = pd.read_csv(pages / "tables" / "table1_best.csv")
    assert list(table["Method"]) == [ROWS[k].label for k in ("at", "at_ema", "at_cfa", "trades", "trades_ema",
                                     "trades_cfa", "fat", "fat_ema", "fat_cfa", "frl", "frl_ema")]  # fmt: skip
    assert any(column.startswith("AA-fast") for column in table.columns)
    verdicts = pd.read_csv(pages / "tables" / "claims.csv")["Verdict"]
    assert not verdicts.str.contains("reproduced").any(), "another data set cannot settle the paper's claims"


def test_a_folder_of_generated_images_goes_through_every_page(tmp_path):
    (tmp_path / "libraries" / "pyautoattack").mkdir(parents=True)
    (tmp_path / "libraries" / "pyautoattack" / "__init__.py").write_text(NO_ATTACK)
    shutil.copytree(ROOT / "outputs" / "theory", tmp_path / "outputs" / "theory")  # its pages need no run
    said, pages = reproduce(draw_folder(tmp_path / "images"), "drawn images", tmp_path, tmp_path / "libraries")
    assert "35 runs trained" in said
    assert pages.name == "cifar10-rehearsal@drawn-images"
    assert_complete(pages, "drawn images")
    said, _ = reproduce(tmp_path / "images", "drawn images", tmp_path, tmp_path / "libraries")
    assert "0 runs trained" in said
    assert "11 of 11 pages are up to date" in said


@pytest.mark.skipif(REAL is None, reason="set REAL_IMAGES to a folder of images with at least 10 classes")
def test_real_images_go_through_every_page(tmp_path):
    _, pages = reproduce(Path(REAL), "real images", tmp_path)
    assert_complete(pages, "real images")
