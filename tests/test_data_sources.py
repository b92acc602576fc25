"""Datasets from files: a folder, CIFAR, Fashion-MNIST, Tiny-ImageNet, and what is refused by name."""

import gzip
import hashlib
import io
import os
import pickle
import shutil
import struct
import urllib.request
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10, FashionMNIST

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.data import downloaded, folder
from tests import tiny

CONFIG = TrainConfig(dataset="folder:made", val_per_class=2, train_per_class=3, test_per_class=2, image_size=8)
CIFAR = TrainConfig(dataset="cifar10", val_per_class=2)
CLOTHES = TrainConfig(dataset="fashion-mnist", val_per_class=1)
TINY = TrainConfig(dataset="tiny-imagenet", val_per_class=1)
ANNOTATIONS = "val/val_annotations.txt"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A data folder that is not there yet; no network; nothing remembered from test to test."""
    monkeypatch.setenv("CFA_NB_DATA", str(tmp_path / "new" / "data"))
    serve(monkeypatch)
    yield tmp_path / "new" / "data"
    data._load.cache_clear()


def serve(monkeypatch, blob=None):
    """A server that sends this to everybody, or no network."""

    def urlopen(request):
        if blob is None:
            raise OSError("name resolution failed")
        response = io.BytesIO(blob)
        response.url, response.length = request.full_url, len(blob)
        return response

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder of 2 classes: 6 training and 3 test images of 9x9 each."""
    for part, n in (("train", 6), ("test", 3)):
        tiny.draw_folder(tmp_path / "images" / part, ("cat", "dog"), n, side=9, seed=n)
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path / "images"))
    return tmp_path / "images"


def pixels(file, size=None):
    """(C, H, W) of one file, read the plain way."""
    image = Image.open(file).convert("RGB")
    image = image.resize((size, size), Image.Resampling.BICUBIC) if size else image
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def leave_only(root, name):
    for path in root.iterdir():
        if path.name != name:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


# --- a folder of images


def test_a_folder_becomes_tensors_and_validation_is_the_first_of_each_class(made):
    dataset = data.load(CONFIG)
    assert dataset.name == "made"
    assert dataset.class_names == ("cat", "dog")
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [6, 4, 4]
    for split, k, i, file in (("val", 0, 0, "cat/0"), ("val", 1, 3, "dog/1"), ("train", 1, 5, "dog/4")):
        part = getattr(dataset, split)
        assert part.labels[i] == k
        assert torch.equal(part.images[i], pixels(made / "train" / f"{file}.png", 8))
    assert data.load(replace(CONFIG, seed=1)) is dataset  # one split for every seed
    assert data.load(replace(CONFIG, dataset="folder")).name == "images"


def test_plain_class_folders_give_their_last_fifth_to_the_test(made, tmp_path, monkeypatch):
    before = data.load(CONFIG)
    tiny.draw_folder(tmp_path / "plain", ("a", "train"), 6, side=9)  # a class may be called "train"
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path / "plain"))
    dataset = data.load(replace(CONFIG, train_per_class=None, test_per_class=None, image_size=None))
    assert dataset.class_names == ("a", "train")
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [4, 4, 4]
    expected = [pixels(tmp_path / "plain" / c / f"{i}.png") for c in ("a", "train") for i in (4, 5)]
    assert torch.equal(dataset.test.images, torch.stack(expected))
    assert data.load(replace(CONFIG, train_per_class=2)).class_names != before.class_names  # another folder, other data


def test_sizes_that_differ_are_refused_unless_resized(made):
    Image.new("RGB", (5, 7)).save(made / "test" / "dog" / "9.png")
    assert len(folder.load(CONFIG).test) == 4
    with pytest.raises(ValueError, match=r"9\.png is 5x7, not 9x9 as others are; give --image-size"):
        folder.load(replace(CONFIG, image_size=None))
    with pytest.raises(ValueError, match="class cat has 6 images, 102"):
        folder.load(replace(CONFIG, val_per_class=99))


def test_grey_and_transparent_images_become_rgb_and_deeper_ones_are_refused(tmp_path):
    Image.new("L", (2, 2), 7).save(tmp_path / "grey.png")
    Image.new("RGBA", (2, 2), (1, 2, 3, 0)).save(tmp_path / "clear.png")
    Image.fromarray(np.full((2, 2), 700, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert folder.read_image(tmp_path / "grey.png")[0, 0].tolist() == [7, 7, 7]
    assert folder.read_image(tmp_path / "clear.png")[0, 0].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match=r"deep\.png has more than 8 bits"):
        folder.read_image(tmp_path / "deep.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: (d / "train/dog/7.png").write_text("no image"), r"dog/7\.png cannot be read as an image"),
        (lambda d: (d / "train/dog/8.png").symlink_to(d / "gone.png"), r"dog/8\.png cannot be read .*No such file"),
        (lambda d: (d / "train/cow").mkdir(), r"train/cow has 0 images and needs 1 \(\.bmp, .*\); fill it or rem"),
        (lambda d: (d / "test/dog").rename(d / "test/fox"), "same class folders; only one of them has dog, fox"),
        (lambda d: leave_only(d / "test", "cat"), "test has only one class folder, cat"),
        (lambda d: shutil.rmtree(d / "test"), "images has only one class folder, train"),
        (lambda d: leave_only(d, ""), "images has no class folders"),
        (lambda d: [shutil.rmtree(d), tiny.draw_folder(d, ("cat", "dog"), 1, 9)], "cat has 1 images and needs 2"),
        (lambda d: shutil.rmtree(d), "images, which CFA_NB_DATA_DIR names, is not a folder"),
        (lambda d: os.environ.pop(folder.VARIABLE), f"give --data-dir DIR or set {folder.VARIABLE}"),
    ],
)
def test_layouts_and_files_that_are_refused_by_name(made, change, message):
    change(made)
    with pytest.raises(ValueError, match=message):
        folder.load(CONFIG)


def test_what_editors_and_file_managers_leave_is_no_class_and_no_image(made):
    before = folder.load(CONFIG).content_hash
    (made / "train" / ".ipynb_checkpoints").mkdir()
    (made / "train" / "cat" / "._0.png").write_text("a resource fork")
    (made / "train" / "cat" / "notes.txt").write_text("no image")
    assert folder.load(CONFIG).content_hash == before


# --- CIFAR


@pytest.fixture
def fake_cifar(elsewhere, monkeypatch):
    """A CIFAR-10 of 50 training and 20 test images in torchvision's layout, its checksums put in place."""
    base = elsewhere / CIFAR10.base_folder
    base.mkdir(parents=True)
    rng = np.random.default_rng(0)

    def put(name, content):
        (base / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((base / name).read_bytes()).hexdigest()]

    def batch(n):
        return {"data": rng.integers(256, size=(n, 3072), dtype=np.uint8), "labels": [i % 10 for i in range(n)]}

    monkeypatch.setattr(CIFAR10, "train_list", [put("data_batch_1", batch(30)), put("data_batch_2", batch(20))])
    monkeypatch.setattr(CIFAR10, "test_list", [put("test_batch", batch(20))])
    name, md5 = put("batches.meta", {"label_names": [f"c{k}" for k in range(10)]})
    monkeypatch.setattr(CIFAR10, "meta", {"filename": name, "key": "label_names", "md5": md5})
    return base


def packed(base, name):
    """(name, MD5) of the folder as an archive of that name beside it; the folder itself goes."""
    file = base.parent / name
    kind = "zip" if file.suffix == ".zip" else "gztar"
    os.replace(shutil.make_archive(base.parent / "made", kind, base.parent, base.name), file)
    shutil.rmtree(base)
    return name, hashlib.md5(file.read_bytes()).hexdigest()


@pytest.fixture
def cifar_archive(fake_cifar, monkeypatch):
    name, md5 = packed(fake_cifar, CIFAR10.filename)
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5)
    return fake_cifar.parent / name


def test_cifar_through_torchvision(fake_cifar):
    dataset = data.load(CIFAR)
    assert dataset.image_shape == (3, 32, 32)
    assert dataset.class_names == tuple(f"c{k}" for k in range(10))
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [30, 20, 20]
    raw = pickle.loads((fake_cifar / "data_batch_1").read_bytes())["data"]
    assert torch.equal(dataset.val.images, torch.from_numpy(raw[:20].reshape(-1, 3, 32, 32)))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: half(d / "data_batch_2"),
        lambda d: shutil.copy(d / "data_batch_1", d / "test_batch"),
        lambda d: (d / "test_batch").write_bytes(b"cos\nabort\n(tR."),
        lambda d: (d / "batches.meta").write_bytes(b"cos\nabort\n(tR."),
        lambda d: leave_only(d, "test_batch"),
    ],
    ids=["truncated", "swapped", "a pickle that ends the process", "another one", "half-unpacked"],
)
def test_damaged_cifar_files_are_refused_before_they_are_opened(fake_cifar, change):
    change(fake_cifar)
    advice = rf"Put cifar-10-python\.tar\.gz \(MD5 c58f.*\) into {fake_cifar.parent}; remove {fake_cifar} if"
    with pytest.raises(ValueError, match=f"cifar10 cannot be downloaded or read.*{advice}"):
        data.load(CIFAR)


@pytest.mark.parametrize(
    ("there", "served", "message"),
    [
        (None, None, r"OSError: name resolution failed"),
        (99, None, r"OSError: name resolution failed"),
        (None, 99, r"RuntimeError: File not found or corrupted"),
        (10**6, None, None),
        (None, 10**6, None),
        (99, 10**6, None),
    ],
)
def test_an_archive_is_used_if_it_is_whole_and_downloaded_if_not(cifar_archive, monkeypatch, there, served, message):
    """`there`, `served`: bytes of the archive in the data folder and on the server."""
    blob = cifar_archive.read_bytes()
    cifar_archive.unlink() if there is None else cifar_archive.write_bytes(blob[:there])
    serve(monkeypatch, served and blob[:served])
    if message:
        with pytest.raises(ValueError, match=rf"{message}.*Put cifar-10-python\.tar\.gz"):
            data.load(CIFAR)
        assert not (cifar_archive.parent / CIFAR10.base_folder).exists()
    else:
        assert len(data.load(CIFAR).train) == 30
        assert cifar_archive.read_bytes() == blob


@pytest.mark.parametrize("config", [CIFAR, CLOTHES, TINY, replace(CIFAR, dataset="cifar100")], ids=lambda c: c.dataset)
def test_what_is_at_hand_needs_no_download(config, elsewhere):
    with pytest.raises(ValueError, match="cannot be downloaded or read"):
        data.load(config)
    for name in downloaded.PLACES[config.dataset]:
        shutil.rmtree(elsewhere)
        assert not data.at_hand(config)
        (elsewhere / name).parent.mkdir(parents=True)
        (elsewhere / name).touch()
        assert data.at_hand(config)


# --- Fashion-MNIST


def test_fashion_mnist_from_its_four_files(elsewhere, monkeypatch):
    """Made-up idx files, brought by hand: 30 training and 20 test images."""
    raw, resources, images = elsewhere / "FashionMNIST" / "raw", [], {}
    raw.mkdir(parents=True)
    for part, n in (("train", 30), ("t10k", 20)):
        images[part] = np.random.default_rng(n).integers(256, size=(n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images[part]), ("labels-idx1", labels)):
            header = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
            (raw / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    resources = [(file.name, hashlib.md5(file.read_bytes()).hexdigest()) for file in raw.iterdir()]
    monkeypatch.setattr(FashionMNIST, "resources", resources)
    dataset = data.load(CLOTHES)
    assert (dataset.image_shape, len(dataset.class_names)) == ((1, 28, 28), 10)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [20, 10, 20]
    assert torch.equal(dataset.val.images[:, 0], torch.from_numpy(images["train"][:10]))
    assert torch.equal(dataset.test.images[:, 0], torch.from_numpy(images["t10k"]))


# --- Tiny-ImageNet


@pytest.fixture
def fake_tiny(elsewhere, monkeypatch):
    """A Tiny-ImageNet of 2 classes with 11 training and 3 test images each, in its own layout."""
    monkeypatch.setattr(downloaded, "TINY_IMAGENET_IMAGES", (22, 6))
    base, lines = elsewhere / downloaded.TINY_IMAGENET, []
    for k, c in enumerate(("n2", "n1")):
        for path in (base / "train" / c / "images", base / "val" / "images"):
            path.mkdir(parents=True, exist_ok=True)
        (base / "train" / c / f"{c}_boxes.txt").write_text("")
        for i in range(11):
            Image.new("RGB", (64, 64), (k, i, 0)).save(base / "train" / c / "images" / f"{c}_{i}.JPEG")
        for i in range(3):
            Image.new("L" if i else "RGB", (64, 64), 90 * i).save(base / "val" / "images" / f"val_{3 * k + i}.JPEG")
            lines.append(f"val_{3 * k + i}.JPEG\t{c}\t0\t0\t63\t63\n")
    (base / "wnids.txt").write_text("n2\nn1\n")
    (base / "words.txt").write_text("n0\tbox\nn1\tnewt, eft\nn2\tbeacon\n")
    (base / ANNOTATIONS).write_text("".join(lines))
    return base


def test_tiny_imagenet_s_odd_layout_from_its_archive(fake_tiny, monkeypatch):
    monkeypatch.setattr(downloaded, "TINY_IMAGENET_ARCHIVE", packed(fake_tiny, "tiny-imagenet-200.zip"))
    dataset = data.load(TINY)
    assert dataset.class_names == ("newt", "beacon")  # sorted by wnid
    assert dataset.image_shape == (3, 64, 64)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [20, 2, 6]
    assert dataset.test.labels.tolist() == [1, 1, 1, 0, 0, 0]  # val_0..2 belong to n2
    assert dataset.test.images[:, :, 0, 0].tolist() == [[v] * 3 for v in (0, 90, 180)] * 2  # grey became RGB


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: (d / "train/n1/images/n1_3.JPEG").unlink(), "has 21 training and 6 test images, not 22 and 6"),
        (lambda d: (d / "val/images/val_3.JPEG").unlink(), r"val_3\.JPEG cannot be read .*No such file"),
        (lambda d: (d / ANNOTATIONS).unlink(), r"No such file or directory.*val_annotations\.txt"),
        (lambda d: shutil.copy(d / "wnids.txt", d / "words.txt"), "ValueError"),
        (lambda d: Image.new("RGB", (32, 64)).save(d / "val/images/val_1.JPEG"), r"val_1\.JPEG is 32x64, not 64x64"),
        (lambda d: half(d / "train/n1/images/n1_2.JPEG"), r"n1_2\.JPEG cannot be read as an image"),
    ],
)
def test_a_tree_that_is_not_whole_is_refused(fake_tiny, change, message):
    change(fake_tiny)
    with pytest.raises(ValueError, match=f"{message}.*Put tiny-imagenet-200.zip.*; remove {fake_tiny}"):
        data.load(TINY)
