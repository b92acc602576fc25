"""`fashion`: the embedded images are those of the originals, drawn by the seed; a damaged file is refused."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.data import fashion
from cfa_nb.runs.profiles import FASHION

ORIGINALS = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package dataset-fashion-mnist puts them


def config(seed=0, **sizes):
    return TrainConfig(dataset="fashion", seed=seed, **{"val_per_class": 200, **sizes})


def test_the_file_holds_what_was_cut():
    pool, test, pool_index, test_index = fashion.arrays()
    assert (pool.shape, test.shape, pool.dtype) == ((8000, 1, 14, 14), (5000, 1, 14, 14), np.uint8)
    assert hashlib.sha256(pool.tobytes()).hexdigest()[:16] == "5803927a9efcb32a"
    assert hashlib.sha256(test.tobytes()).hexdigest()[:16] == "8c48bcca3e6beda1"
    assert (len(set(pool_index.tolist())), len(set(test_index.tolist()))) == (8000, 5000)
    assert "Zalando" in fashion.FILE.with_name("fashion-LICENSE.txt").read_text()


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the originals are not installed")
@pytest.mark.parametrize(("part", "per_class"), [("train", 800), ("t10k", 500)])
def test_pixels_and_classes_are_those_of_the_originals(part, per_class):
    def read(name, header):
        return np.frombuffer(gzip.decompress((ORIGINALS / name).read_bytes()), np.uint8, offset=header)

    images = read(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = read(f"{part}-labels-idx1-ubyte.gz", 8)
    first = np.concatenate([np.flatnonzero(labels == k)[:per_class] for k in range(10)])
    pooled = np.rint(images[first].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))).astype(np.uint8)
    pool, test, pool_index, test_index = fashion.arrays()
    ours, index = (pool, pool_index) if part == "train" else (test, test_index)
    assert np.array_equal(index, first)
    assert np.array_equal(ours[:, 0], pooled)


def test_the_seed_draws_train_and_validation_and_never_the_test_set():
    one, other = data.load(config(1)), data.load(config(2))
    assert [len(s) for s in (one.train, one.val, one.test)] == [4000, 2000, 5000]
    assert torch.equal(one.test.images, other.test.images)
    rows = {image.numpy().tobytes() for image in one.train.images}
    pool = [image.tobytes() for image in fashion.arrays()[0]]
    twice = {image for image in pool if pool.count(image) > 1} if len(set(pool)) < len(pool) else set()
    assert not {image.numpy().tobytes() for image in one.val.images} & rows - twice


def test_sizes_are_what_the_config_asks_for():
    small = fashion.load(config(train_per_class=3, val_per_class=2, test_per_class=4))
    assert [len(s) for s in (small.train, small.val, small.test)] == [30, 20, 40]
    assert small.test.labels.tolist() == sorted(list(range(10)) * 4)
    with pytest.raises(ValueError, match="class T-shirt has 800 images, 1000 are asked for"):
        fashion.load(config(train_per_class=800))


@pytest.mark.parametrize("damage", ["one pixel", "half a file", "no file"])
def test_a_damaged_file_is_named_and_refused(damage, tmp_path):
    file = tmp_path / "fashion.npz"
    if damage == "one pixel":
        images = dict(zip(fashion.ARRAYS, fashion.arrays()))
        np.savez(file, **images | {"pool": np.where(np.arange(14) == 3, 0, images["pool"])})
    elif damage == "half a file":
        file.write_bytes(fashion.FILE.read_bytes()[:800_000])
    with pytest.raises(ValueError, match=r"fashion\.npz is damaged; install cfa-nb again"):
        fashion.arrays(file)


def test_the_robust_column_is_the_targeted_attack_on_all_test_images():
    attack = FASHION.final_attack(FASHION.config("at", 40))
    assert (attack.key, attack.label) == ("targeted20", "targeted PGD-20")
    assert attack in FASHION.evaluations(FASHION.config("at_ccm", 41))["fawa/best_val"]
