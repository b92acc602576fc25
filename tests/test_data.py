"""Datasets: splits, contract at the door, batched augmentation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.data import digits
from cfa_nb.data.batches import Batches, augment, random_flip, to_float
from cfa_nb.data.dataset import Dataset, Pool, Split, balanced_split, cut
from cfa_nb.recipes import RECIPES
from cfa_nb.runs.profiles import CIFAR10, DIGITS, SMOKE
from tests import tiny


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


def test_digits_parts_are_disjoint_and_their_hash_is_stable():
    dataset = digits.load(DIGITS.config("at", 0))
    rows = torch.cat([s.images.flatten(1) for s in (dataset.train, dataset.val, dataset.test)])
    assert len(rows.unique(dim=0)) == len(rows)  # no two of the 1,700 digits are alike
    assert dataset.content_hash == "d7ae53b67fd03322"


def test_validation_is_the_first_100_of_each_class_for_every_method_and_seed():
    """On 1,200 images with the shape of CIFAR-10's, classes mixed, by arithmetic: so alike on every machine."""
    position = torch.arange(1200)
    pixels = (position[:, None] * 7919 + torch.arange(3 * 32 * 32) * 31) % 65521 // 257
    train = Split(pixels.to(torch.uint8).view(-1, 3, 32, 32), position * 7 // 3 % 10)
    pool = Pool(tuple(f"class {k}" for k in range(10)), train, train.first_per_class(5))
    splits = [cut("cifar10", pool, CIFAR10.config(recipe, seed)) for recipe in RECIPES for seed in range(2)]
    assert {s.content_hash for s in splits} == {"a979b978111b2822"}  # the same on every machine
    seen, val, train = [0] * 10, [], []
    for i, k in enumerate(pool.train.labels.tolist()):
        (val if seen[k] < 100 else train).append(i)
        seen[k] += 1
    assert torch.bincount(splits[0].val.labels).tolist() == [100] * 10
    for part, positions in (("val", val), ("train", train)):
        assert torch.equal(getattr(splits[0], part).images, pool.train.images[positions])
        assert torch.equal(getattr(splits[0], part).labels, pool.train.labels[positions])


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


def test_too_few_images_and_unknown_names():
    with pytest.raises(ValueError, match=r"class 0 has 3 images, 5"):
        balanced_split(np.repeat([0, 1], 3), (2, 3), np.arange(6))
    with pytest.raises(ValueError, match="class dog has 1 images, 2"):
        balanced_split(np.array([0, 0, 1]), (2,), np.arange(3), ("cat", "dog"))
    with pytest.raises(ValueError, match="unknown dataset 'mnist'"):
        data.load(tiny.config(dataset="mnist"))


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


def test_first_per_class_keeps_the_order():
    part = tiny.split(n=40).first_per_class(2)
    assert part.labels.tolist() == [*range(10)] * 2
