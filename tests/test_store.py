"""Records and the run store: there and back, identity, damage, locks, full and read-only folders."""

import errno
import os
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from filelock import Timeout

from cfa_nb.method.metrics import ClassAccuracy
from cfa_nb.method.train import train
from cfa_nb.runs.measure import _FinishedRun
from cfa_nb.runs.profiles import FASHION
from cfa_nb.runs.record import RecordError, RunRecord, pack_outcomes, unpack_outcomes
from cfa_nb.runs.store import RunStore, StoreError, run_id, write
from tests import tiny


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1, "config": {"speed": 3}}'])
def test_what_is_no_record_is_named(text):
    with pytest.raises(RecordError, match=r"there/record.json is not a run record.*move it away"):
        RunRecord.from_json(text, "there/record.json")


def test_old_records_stay_as_they_are(trained):
    """What was added to the format since is left out where empty, and read where there."""
    _, _, record = trained
    text = record.to_json()
    assert '"attacks"' not in text
    assert '"confusions"' not in text
    assert '"outcomes"' not in text
    more = replace(
        record,
        attacks={"aa": {"kind": "aa", "images": 3}},
        confusions={"live/last:pgd20": ((1, 2), (0, 3))},
        outcomes={"live/last:targeted20": "gA=="},
    )
    again = RunRecord.from_json(more.to_json())
    assert again == more
    assert again.to_json() == more.to_json()
    assert more.to_json().startswith(text.removesuffix("\n}\n"))


def test_outcomes_survive_packing_class_by_class():
    rng = np.random.default_rng(0)
    labels, right = rng.integers(4, size=101), rng.random(101) < 0.4
    text, counts = pack_outcomes(right, labels), np.bincount(labels).tolist()
    assert len(text) < 101 / 4
    assert [c.tolist() for c in unpack_outcomes(text, counts)] == [right[labels == k].tolist() for k in range(4)]


def test_a_record_lies_within_one_that_agrees_and_holds_more(trained):
    some, other = ClassAccuracy((3, 4), (9, 9)), ClassAccuracy((3, 5), (9, 9))
    one = replace(trained[2], evaluations={"live/last": {"pgd20": some}})
    aa = dict(evaluations={"live/last": {"pgd20": some, "aa": some}, "live/best": {"aa": some}}, attacks={"aa": {}})
    assert one.within(one)
    assert one.within(replace(one, **aa))
    assert not replace(one, **aa).within(one)
    assert not one.within(replace(one, evaluations={"live/last": {"pgd20": other}}))
    assert not one.within(replace(one, **aa, data_hash="another"))
    first, *rest = one.epochs
    less = replace(one, epochs=[replace(first, test={"live": None}), *rest], checkpoints={})
    assert less.within(one)
    assert not one.within(less)
    assert not replace(less, epochs=rest).within(one)
    assert not less.within(replace(one, epochs=[replace(first, lr=9.0), *rest]))


def test_identity_follows_every_field_and_the_parent_but_no_average():
    base = tiny.config()
    ids = {run_id(replace(base, **c)) for c in ({}, {"seed": 1}, {"eps": 0.1}, {"epochs": 5}, {"precision": "fp64"})}
    assert len(ids) == 5
    frl = tiny.config("frl")
    assert run_id(frl) != run_id(replace(frl, parent=replace(frl.parent, eps=0.1)))


def test_identity_is_what_it_was():
    """A golden value: if it changes, finished runs are not found again, so change it on purpose only."""
    assert run_id(FASHION.config("at", 40)) == "at-s40-4f90d7b423"


def test_checkpoints_of_one_origin_have_equal_weights(trained):
    """So that a measurement of one stands for the other."""
    store, config, record = trained
    run, weights = _FinishedRun(config, store, "cpu"), {k: store.load_weights(config, k) for k in record.checkpoints}
    assert len({run._origin(k) for k in weights}) < len(weights)
    for one, other in combinations(weights, 2):
        equal = all(torch.equal(weights[one][name], weights[other][name]) for name in weights[one])
        assert equal or run._origin(one) != run._origin(other)


def test_a_damaged_record_is_set_aside_and_never_overwritten(tmp_path):
    store, config = RunStore(tmp_path), tiny.config()
    good = train(config, (), store)
    file = store.path(config) / "record.json"
    file.write_text("{ half a rec")
    assert store.status(config).state == "stale"
    with pytest.raises(RecordError, match=r"record\.json"):
        store.record(config)
    assert train(config, (), store) == good
    assert next(file.parent.glob("record.set-aside-*.json")).read_text() == "{ half a rec"


def test_weights_are_checked_against_the_record(copied):
    store, config = copied
    tensors, file = store.load_weights(config, "live/best"), store.weights_path(config, "live/best")
    assert "linear.weight" in tensors
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(StoreError, match="SHA-256"):
        store.load_weights(config, "live/best")
    with pytest.raises(StoreError, match="kept no 'swa/best'"):
        store.load_weights(config, "swa/best")
    assert set(store.record(config).checkpoints) >= {"live/best", "live/best_val", "live/last"}


def test_a_full_disk_leaves_the_old_file_whole(tmp_path, monkeypatch):
    file = tmp_path / "record.json"
    write(file, b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left on device; free some space"):
        write(file, b"new")
    assert file.read_bytes() == b"old"


def test_a_held_lock_is_waited_for_and_a_dead_owner_s_is_free(tmp_path):
    store, config = RunStore(tmp_path), tiny.config()
    with store.lock(config), pytest.raises(Timeout):
        store.lock(config, timeout=0.05)
    lock = str(store.path(config) / ".lock")
    script = f"import os; from filelock import FileLock; FileLock({lock!r}).acquire(); os._exit(9)"
    subprocess.run([sys.executable, "-c", script], check=False)
    with store.lock(config, timeout=1):
        pass
