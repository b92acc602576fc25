"""The code that docs/ shows runs as it stands."""

import re

import pytest

from cfa_nb.files import ROOT


def test_cfa_in_your_own_training_loop(capsys):
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs/own_training.md").read_text(), re.S)[1]
    names: dict = {}
    exec(code.replace("train_per_class=400", "train_per_class=200"), names)
    assert len(capsys.readouterr().out.splitlines()) == names["epochs"]
    margins, t = names["class_eps"], names["robust"].per_class
    assert margins.tolist() == pytest.approx([(0.3 + k) * 11 / 255 for k in t])
    assert names["average"].accepted > 0
