"""Datasets from files: a folder of images, CIFAR and Tiny-ImageNet layouts, and what is refused by name."""

import hashlib
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.data import cifar, folder, tiny_imagenet

CONFIG = TrainConfig(dataset="folder:made", val_per_class=2, train_per_class=3, test_per_class=2, image_size=8)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("CFA_NB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(data, "_cache", {})
    monkeypatch.setattr(data, "_hashes", {})


@pytest.fixture
def images(tmp_path, monkeypatch):
    """A folder of 2 classes: 6 training and 3 test images of 9x9 each."""
    rng = np.random.default_rng(0)
    for part, n in (("train", 6), ("test", 3)):
        for c in ("cat", "dog"):
            (tmp_path / "images" / part / c).mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(256, size=(9, 9, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "images" / part / c / f"{i}.png")
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path / "images"))
    return tmp_path / "images"


def test_a_folder_becomes_tensors_and_validation_is_the_first_of_each_class(images):
    dataset = data.load(CONFIG)
    assert dataset.name == "made"
    assert dataset.class_names == ("cat", "dog")
    assert dataset.image_shape == (3, 8, 8)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [6, 4, 4]
    first = torch.from_numpy(folder.read_image(images / "train" / "cat" / "0.png", 8).copy()).permute(2, 0, 1)
    assert torch.equal(dataset.val.images[0], first)
    assert data.load(replace(CONFIG, seed=1)).content_hash == dataset.content_hash  # one split for every seed


def test_the_second_reading_comes_from_the_cache_until_a_file_changes(images, monkeypatch):
    before = folder.load(CONFIG).content_hash
    monkeypatch.setattr(folder, "_read", lambda *_: pytest.fail("read again"))
    assert folder.load(CONFIG).content_hash == before
    monkeypatch.undo()


def test_a_damaged_cache_is_made_anew(images, tmp_path):
    before = folder.load(CONFIG).content_hash
    (cached,) = (tmp_path / "data" / "cache").glob("*.safetensors")
    cached.write_bytes(b"half")
    assert folder.load(CONFIG).content_hash == before


def test_sizes_that_differ_are_refused_unless_resized(images):
    Image.new("RGB", (5, 7)).save(images / "test" / "dog" / "9.png")
    with pytest.raises(ValueError, match=r"9\.png is 5x7, others are 9x9; give --image-size"):
        folder.load(replace(CONFIG, image_size=None))
    assert len(folder.load(CONFIG).test) == 4


def test_a_text_file_named_png_is_named(images):
    (images / "train" / "dog" / "7.png").write_text("no image")
    with pytest.raises(ValueError, match=r"dog/7\.png cannot be read as an image"):
        folder.load(CONFIG)


def test_layouts_that_are_not_one(images, monkeypatch):
    with pytest.raises(ValueError, match="class 0 has 6 images, 102"):
        folder.load(replace(CONFIG, val_per_class=99))
    (images / "test" / "dog").rename(images / "test" / "fox")
    with pytest.raises(ValueError, match="test: cat, fox"):
        folder.load(CONFIG)
    monkeypatch.setenv(folder.VARIABLE, str(images / "train"))
    with pytest.raises(ValueError, match=r"must hold train/<class>/ and test/<class>/"):
        folder.load(CONFIG)
    monkeypatch.delenv(folder.VARIABLE)
    with pytest.raises(ValueError, match="--data-dir"):
        folder.load(CONFIG)


def fake_cifar(root, monkeypatch):
    """A CIFAR-10 of 20 training and 10 test images in torchvision's layout, its checksums put in place."""
    from torchvision.datasets import CIFAR10

    base = root / CIFAR10.base_folder
    base.mkdir(parents=True)
    rng = np.random.default_rng(0)

    def put(name, content):
        (base / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((base / name).read_bytes()).hexdigest()]

    def batch(n):
        return {"data": rng.integers(256, size=(n, 3072), dtype=np.uint8), "labels": [i % 10 for i in range(n)]}

    monkeypatch.setattr(CIFAR10, "train_list", [put("data_batch_1", batch(50))])
    monkeypatch.setattr(CIFAR10, "test_list", [put("test_batch", batch(20))])
    names = {"label_names": [f"c{k}" for k in range(10)]}
    monkeypatch.setattr(
        CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": put("batches.meta", names)[1]}
    )
    return base


CIFAR = TrainConfig(dataset="cifar10", val_per_class=2)


def test_cifar_through_torchvision(tmp_path, monkeypatch):
    base = fake_cifar(tmp_path / "data", monkeypatch)
    dataset = cifar.load(CIFAR)
    assert dataset.image_shape == (3, 32, 32)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [30, 20, 20]
    raw = pickle.loads((base / "data_batch_1").read_bytes())["data"]
    assert torch.equal(dataset.val.images[0], torch.from_numpy(raw[0].reshape(3, 32, 32)))


@pytest.mark.parametrize("damage", ["truncated", "swapped", "missing"])
def test_damaged_cifar_files_are_refused(tmp_path, monkeypatch, damage):
    base = fake_cifar(tmp_path / "data", monkeypatch)
    if damage == "truncated":
        (base / "data_batch_1").write_bytes((base / "data_batch_1").read_bytes()[:-100])
    elif damage == "swapped":
        (base / "batches.meta").write_bytes((base / "test_batch").read_bytes())
    else:
        (base / "test_batch").unlink()
    with pytest.raises(ValueError, match=r"CIFAR10 is not to be had.*cifar-10-python\.tar\.gz \(MD5"):
        cifar.load(CIFAR)
    assert not list((tmp_path / "data").glob("cache/*"))


def test_cifar_offline_says_what_to_bring(monkeypatch):
    from torchvision.datasets import CIFAR10

    def offline(*_):
        raise OSError("name resolution failed")

    monkeypatch.setattr(CIFAR10, "download", offline)
    with pytest.raises(ValueError, match=r"name resolution failed.*Bring cifar-10-python\.tar\.gz"):
        cifar.load(CIFAR)


def fake_tiny_imagenet(root, monkeypatch):
    monkeypatch.setattr(tiny_imagenet, "TRAIN_PER_CLASS", 4)
    monkeypatch.setattr(tiny_imagenet, "TEST_IMAGES", 6)
    base = root / tiny_imagenet.FOLDER
    wnids = ["n2", "n1"]
    (base / "val" / "images").mkdir(parents=True)
    (base / "wnids.txt").write_text("\n".join(wnids) + "\n")
    (base / "words.txt").write_text("n1\tnewt, eft\nn2\tbeacon\n")
    lines = []
    for k, c in enumerate(wnids):
        (base / "train" / c / "images").mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (64, 64), (k, i, 0)).save(base / "train" / c / "images" / f"{c}_{i}.JPEG")
        for i in range(3):
            Image.new("RGB", (64, 64), (200, k, i)).save(base / "val" / "images" / f"val_{3 * k + i}.JPEG")
            lines.append(f"val_{3 * k + i}.JPEG\t{c}\t0\t0\t63\t63")
    (base / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    return base


TINY = TrainConfig(dataset="tiny-imagenet", val_per_class=1)


def test_tiny_imagenet_s_odd_layout(tmp_path, monkeypatch):
    fake_tiny_imagenet(tmp_path / "data", monkeypatch)
    dataset = tiny_imagenet.load(TINY)
    assert dataset.class_names == ("newt", "beacon")  # sorted by wnid
    assert dataset.image_shape == (3, 64, 64)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [6, 2, 6]
    assert dataset.test.labels.tolist() == [1, 1, 1, 0, 0, 0]  # val_0..2 belong to n2


def test_a_half_unpacked_archive_is_named(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"bring tiny-imagenet-200\.zip"):
        tiny_imagenet.load(TINY)
    base = fake_tiny_imagenet(tmp_path / "data", monkeypatch)
    (base / "train" / "n1" / "images" / "n1_3.JPEG").unlink()
    with pytest.raises(ValueError, match="n1: 3 of 4 images"):
        tiny_imagenet.load(TINY)
