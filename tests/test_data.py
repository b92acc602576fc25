"""Datasets: the embedded images are those of the originals, splits, contract at the door, batched augmentation."""

import gzip
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.data import embedded
from cfa_nb.data.batches import Batches, augment, random_flip, to_float
from cfa_nb.data.dataset import Dataset, Split, cut
from cfa_nb.recipes import RECIPES
from cfa_nb.runs.profiles import CIFAR10, DIGITS, SMOKE
from tests import tiny

ORIGINALS = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package dataset-fashion-mnist puts them


def test_the_embedded_file_holds_what_was_cut():
    pool, test, pool_index, test_index = embedded.fashion_arrays()
    assert (len(set(pool_index.tolist())), len(set(test_index.tolist()))) == (8000, 5000)
    assert (pool.shape, test.shape, pool.dtype) == ((8000, 1, 14, 14), (5000, 1, 14, 14), np.uint8)
    assert hashlib.sha256(pool.tobytes()).hexdigest()[:16] == "5803927a9efcb32a"
    assert hashlib.sha256(test.tobytes()).hexdigest()[:16] == "8c48bcca3e6beda1"
    assert "Zalando" in embedded.FASHION_FILE.with_name("fashion-LICENSE.txt").read_text()


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the originals are not installed")
@pytest.mark.parametrize(("part", "per_class"), [("train", 800), ("t10k", 500)])
def test_embedded_pixels_and_classes_are_those_of_the_originals(part, per_class):
    def read(name, header):
        return np.frombuffer(gzip.decompress((ORIGINALS / name).read_bytes()), np.uint8, offset=header)

    images = read(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = read(f"{part}-labels-idx1-ubyte.gz", 8)
    first = np.concatenate([np.flatnonzero(labels == k)[:per_class] for k in range(10)])
    pooled = np.rint(images[first].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))).astype(np.uint8)
    pool, test, pool_index, test_index = embedded.fashion_arrays()
    ours, index = (pool, pool_index) if part == "train" else (test, test_index)
    assert np.array_equal(index, first)
    assert np.array_equal(ours[:, 0], pooled)


@pytest.mark.parametrize("damage", ["one pixel", "half a file", "no file"])
def test_a_damaged_embedded_file_is_named_and_refused(damage, tmp_path):
    file = tmp_path / "fashion.npz"
    if damage == "one pixel":
        arrays = dict(zip(embedded.FASHION_ARRAYS, embedded.fashion_arrays()))
        np.savez(file, **arrays | {"pool": np.where(np.arange(14) == 3, 0, arrays["pool"])})
    elif damage == "half a file":
        file.write_bytes(embedded.FASHION_FILE.read_bytes()[:800_000])
    with pytest.raises(ValueError, match=r"fashion\.npz is damaged; install cfa-nb again"):
        embedded.fashion_arrays(file)


@pytest.mark.parametrize("profile", [SMOKE, DIGITS], ids=["fashion", "digits"])
def test_splits_are_balanced_and_seeded_but_for_the_test_set(profile):
    config = profile.config("at", 0)
    one, other, again = data.load(config), data.load(profile.config("at", 1)), data.LOADERS[config.dataset](config)
    assert one.content_hash == again.content_hash != other.content_hash
    assert torch.equal(one.test.images, other.test.images)
    assert not torch.equal(one.train.images, other.train.images)
    for part in (one.train, one.val, one.test):
        assert len(set(torch.bincount(part.labels).tolist())) == 1
    assert (torch.bincount(one.val.labels) == config.val_per_class).all()


def test_fashion_trains_on_no_validation_image_and_gives_no_more_than_it_has():
    config = TrainConfig(dataset="fashion", val_per_class=200)
    dataset = data.load(config)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [4000, 2000, 5000]
    train, val = ({image.numpy().tobytes() for image in s.images} for s in (dataset.train, dataset.val))
    pool = [image.tobytes() for image in embedded.fashion_arrays()[0]]
    assert not {image for image in train & val if pool.count(image) == 1}
    with pytest.raises(ValueError, match="class T-shirt has 800 images, 1000 are asked for"):
        data.load(replace(config, train_per_class=800))


def test_digits_parts_are_disjoint_and_their_hash_is_stable():
    dataset = embedded.digits(DIGITS.config("at", 0))
    rows = torch.cat([s.images.flatten(1) for s in (dataset.train, dataset.val, dataset.test)])
    assert len(rows.unique(dim=0)) == len(rows)  # no two of the 1,700 digits are alike
    assert dataset.content_hash == "d7ae53b67fd03322"


def test_validation_is_the_first_100_of_each_class_for_every_method_and_seed():
    """On 1,200 images with the shape of CIFAR-10's, classes mixed, by arithmetic: so alike on every machine."""
    position = torch.arange(1200)
    pixels = (position[:, None] * 7919 + torch.arange(3 * 32 * 32) * 31) % 65521 // 257
    train = Split(pixels.to(torch.uint8).view(-1, 3, 32, 32), position * 7 // 3 % 10)
    names, configs = (
        tuple(f"class {k}" for k in range(10)),
        [CIFAR10.config(r, seed) for r in RECIPES for seed in (0, 1)],
    )
    splits = [cut("cifar10", names, train, train.first_per_class(5), config) for config in configs]
    assert {s.content_hash for s in splits} == {"a979b978111b2822"}  # the same on every machine
    first = torch.cat([(train.labels == k).nonzero().flatten()[:100] for k in range(10)]).sort().values
    assert torch.equal(splits[0].val.images, train.images[first])
    assert torch.equal(splits[0].val.labels, train.labels[first])
    assert len(splits[0].train) == len(train) - 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(images=torch.rand(20, 1, 8, 8)), "x/test.*must be uint8"),
        (dict(images=torch.zeros(20, 8, 8, dtype=torch.uint8)), "x/test.*must be uint8"),
        (dict(labels=torch.arange(20) % 10 + 1), r"x/test.*each class 0\.\.9 needs an image, and no.*see \[0, 10\]"),
        (dict(labels=torch.arange(20) % 9), r"x/test.*each class 0\.\.9 needs an image.* see \[9\]"),
        (dict(labels=torch.arange(19) % 10), "x/test.*must be int64"),
        (dict(images=torch.zeros(20, 1, 8, 9, dtype=torch.uint8)), r"x: train, val and test must.*\(1, 8, 9\)"),
    ],
)
def test_bad_data_is_refused_at_the_door(change, message):
    good = tiny.split()
    with pytest.raises(ValueError, match=message):
        Dataset("x", tuple("0123456789"), good, good, replace(good, **change))


def test_batches_cover_an_epoch_once_in_an_order_of_their_own():
    config, split = tiny.config(batch_size=32), tiny.split(n=100)
    first, again, next_epoch = (list(Batches(split, config, e)) for e in (1, 1, 2))
    assert [len(y) for _, y in first] == [32, 32, 32, 4]
    assert len(Batches(split, config, 1)) == 4
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, again))
    assert not all(torch.equal(a[0], b[0]) for a, b in zip(first, next_epoch))
    seen = torch.cat([x for x, _ in first]).flatten(1).unique(dim=0)
    assert torch.equal(seen, to_float(split.images).flatten(1).unique(dim=0))


@pytest.mark.parametrize(("changes", "mode"), [({}, "reflect"), (dict(crop_pad_mode="constant"), "constant")])
def test_every_crop_is_a_window_of_the_padded_image(changes, mode):
    x = torch.arange(36.0).view(1, 1, 6, 6).repeat(200, 2, 1, 1)
    padded = torch.nn.functional.pad(x[:1], (2,) * 4, mode=mode)[0]
    windows = {padded[:, i : i + 6, j : j + 6].numpy().tobytes() for i in range(5) for j in range(5)}
    crops = augment(x, TrainConfig(crop_padding=2, flip=False, **changes), tiny.generator())
    assert {c.numpy().tobytes() for c in crops} == windows  # 25 windows, all of them in 200 draws


def test_half_of_the_images_are_mirrored_if_asked_for():
    x = torch.rand(1, 3, 4, 4).repeat(400, 1, 1, 1)
    flipped = random_flip(x, tiny.generator())
    mirrored = (flipped == x.flip(3)).flatten(1).all(dim=1)
    assert (mirrored | (flipped == x).flatten(1).all(dim=1)).all()
    assert 150 < int(mirrored.sum()) < 250
    assert torch.equal(augment(x, tiny.config(), tiny.generator()), x)  # neither crop nor flip
