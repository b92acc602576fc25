"""Datasets from files: a folder, CIFAR, Fashion-MNIST, Tiny-ImageNet; their cache, and what is refused by name."""

import gzip
import hashlib
import io
import os
import pickle
import shutil
import struct
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import CIFAR10, CIFAR100, FashionMNIST
from torchvision.datasets import utils as torchvision_utils

from cfa_nb import data
from cfa_nb.config import TrainConfig
from cfa_nb.data import cifar, fashion_mnist, folder, storage, tiny_imagenet
from cfa_nb.data.dataset import Pool
from cfa_nb.files import StoreError
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
    data._content_hash.cache_clear()


def serve(monkeypatch, blob=None):
    """A server that sends this to everybody, or no network; the addresses that are asked for, one by one."""
    asked = []

    def urlopen(request):
        if blob is None:
            raise OSError("name resolution failed")
        asked.append(request.full_url)
        response = io.BytesIO(blob)
        response.url, response.length = request.full_url, len(blob)
        return response

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def draw(root, classes=("cat", "dog"), n=6, seed=0):
    """`n` PNGs of 9x9 a class."""
    rng = np.random.default_rng(seed)
    for c in classes:
        (root / c).mkdir(parents=True)
        for i in range(n):
            Image.fromarray(rng.integers(256, size=(9, 9, 3), dtype=np.uint8)).save(root / c / f"{i}.png")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder of 2 classes: 6 training and 3 test images of 9x9 each."""
    draw(tmp_path / "images" / "train")
    draw(tmp_path / "images" / "test", n=3, seed=1)
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
    draw(tmp_path / "plain", ("a", "train"), n=6)  # a class may be called "train"
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path / "plain"))
    dataset = data.load(replace(CONFIG, train_per_class=None, test_per_class=None, image_size=None))
    assert dataset.class_names == ("a", "train")
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [4, 4, 4]
    expected = [pixels(tmp_path / "plain" / c / f"{i}.png") for c in ("a", "train") for i in (4, 5)]
    assert torch.equal(dataset.test.images, torch.stack(expected))
    assert data.load(replace(CONFIG, train_per_class=2)).class_names != before.class_names  # another folder, other data


@pytest.mark.parametrize(("n", "held_out"), [(2, 1), (5, 1), (6, 2), (10, 2), (11, 3)])
def test_a_fifth_is_rounded_up(tmp_path, n, held_out):
    draw(tmp_path, n=n)
    listing = folder.listing(tmp_path)
    for label, c in enumerate(("cat", "dog")):
        files = sorted((str(file), label) for file in (tmp_path / c).iterdir())
        assert [pair for pair in listing.train if pair[1] == label] == files[:-held_out]
        assert [pair for pair in listing.test if pair[1] == label] == files[-held_out:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(image_size=None), r"9\.png is 5x7, not 9x9 as others are; give --image-size"),
        (dict(image_size=0), "image_size must be at least 1"),
        (dict(val_per_class=99), "class cat has 6 images, 102"),
    ],
)
def test_sizes_that_differ_are_refused_unless_resized_and_those_that_a_folder_cannot_give(made, change, message):
    Image.new("RGB", (5, 7)).save(made / "test" / "dog" / "9.png")
    assert len(folder.load(CONFIG).test) == 4
    with pytest.raises(ValueError, match=message):
        folder.load(replace(CONFIG, **change))


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
        (lambda d: (d / "train/dog/8.png").symlink_to(d / "gone.png"), r"dog/8\.png cannot be read \(No such file"),
        (lambda d: (d / "train/cow").mkdir(), r"train/cow has 0 images and needs 1 \(\.bmp, .*\); fill it or rem"),
        (lambda d: (d / "test/dog").rename(d / "test/fox"), "same class folders; only one of them has dog, fox"),
        (lambda d: leave_only(d / "test", "cat"), "test has only one class folder, cat"),
        (lambda d: shutil.rmtree(d / "test"), "holds class folders in train/ alone; bring both"),
        (lambda d: leave_only(d, ""), "images has no class folders"),
        (lambda d: [shutil.rmtree(d), draw(d, n=1)], "images/cat has 1 images and needs 2"),
        (lambda d: shutil.rmtree(d), "images, which CFA_NB_DATA_DIR names, is not a folder"),
        (lambda d: os.environ.pop(folder.VARIABLE), f"give --data-dir DIR or set {folder.VARIABLE}"),
    ],
)
def test_layouts_and_files_that_are_refused_by_name(made, change, message):
    change(made)
    with pytest.raises(ValueError, match=message):
        folder.load(CONFIG)


def test_what_editors_and_file_managers_leave_is_no_class_and_no_image(made):
    before = data.content_hash(CONFIG)
    (made / "train" / ".ipynb_checkpoints").mkdir()
    (made / "train" / "cat" / "._0.png").write_text("a resource fork")
    (made / "train" / "cat" / "notes.txt").write_text("no image")
    assert folder.load(CONFIG).content_hash == before


@pytest.mark.parametrize(("delay_s", "runner", "shown"), [(1, "", False), (0, "", True), (0, "1", False)])
def test_slow_reading_shows_a_bar_but_not_in_a_saved_page(made, monkeypatch, capsys, delay_s, runner, shown):
    monkeypatch.setattr(folder, "DELAY_S", delay_s)
    monkeypatch.setenv("CFA_NB_RUNNER", runner)
    folder.load(CONFIG)
    assert ("reading images: 100%" in capsys.readouterr().err) == shown


# --- the cache


def touch(file):
    """Other pixels under the same name, of the same length, with the time of modification set back."""
    stat = file.stat()
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: touch(d / "test/dog/2.png"),
        lambda d: (d / "train/cat/5.png").unlink(),
        lambda d: shutil.copy(d / "train/cat/5.png", d / "train/cat/6.png"),
        lambda d: (d / "train/cat/5.png").rename(d / "train/dog/a.png"),
        lambda d: (d / "train/cat/5.png").rename(d / "test/cat/5.png"),
        lambda d: [(d / part / "cat").rename(d / part / "ant") for part in ("train", "test")],
    ],
    ids=["altered", "removed", "added", "other class", "other part", "class renamed"],
)
def test_the_second_reading_comes_from_the_cache_until_something_changes(made, monkeypatch, change):
    before = folder.load(CONFIG).content_hash
    monkeypatch.setattr(folder, "read_image", lambda *_: pytest.fail("read again"))
    assert folder.load(CONFIG).content_hash == before
    change(made)
    with pytest.raises(pytest.fail.Exception, match="read again"):
        folder.load(CONFIG)


def test_size_decoder_and_place_are_part_of_what_a_cache_was_made_from(made, tmp_path, monkeypatch):
    listing = folder.listing(made)
    prints = {listing.fingerprint(None), listing.fingerprint(8)}
    monkeypatch.setattr(folder.PIL, "__version__", "0")
    prints.add(listing.fingerprint(8))
    prints.add(folder.listing(made.rename(tmp_path / "moved")).fingerprint(8))
    assert len(prints) == 4


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:999], lambda b: b[:-900] + bytes([b[-900] ^ 1]) + b[-899:], lambda b: b"", lambda b: b"{}" * 9],
    ids=["truncated", "one bit", "empty", "another file"],
)
def test_a_damaged_cache_is_made_anew(made, elsewhere, damage):
    before = folder.load(CONFIG).content_hash
    (cached,) = (elsewhere / "cache").glob("folder-made-*.npz")
    whole = cached.read_bytes()
    cached.write_bytes(damage(whole))
    assert storage._read(cached) is None
    assert folder.load(CONFIG).content_hash == before
    assert cached.read_bytes() == whole  # byte for byte: the file follows from the pool


def a_pool(seed=0):
    return Pool(tuple("abcdefghij"), tiny.split(seed=seed), tiny.split(seed=seed + 1))


def test_one_makes_a_pool_and_the_others_wait_for_it():
    calls = []

    def make():
        calls.append(1)
        time.sleep(0.1)  # long enough for the others to come for it
        return a_pool()

    with ThreadPoolExecutor(4) as threads:  # each takes the file lock of its own, as processes do
        pools = list(threads.map(lambda _: storage.cached("x", "y", make), range(4)))
    assert len(calls) == 1
    assert all(torch.equal(p.train.images, a_pool().train.images) for p in pools)


def test_a_cache_that_others_write_meanwhile_is_one_of_theirs_and_no_mixture(elsewhere):
    file, pools = elsewhere / "cache" / "x.npz", [a_pool(seed) for seed in range(60)]
    written = {(p.train.images.numpy().tobytes(), p.test.images.numpy().tobytes()) for p in pools}
    storage._write(file, pools[0])
    with ThreadPoolExecutor(4) as threads:
        writes = [threads.submit(storage._write, file, p) for p in pools]
        while not all(w.done() for w in writes):
            pool = storage._read(file)
            assert (pool.train.images.numpy().tobytes(), pool.test.images.numpy().tobytes()) in written
        assert all(w.result() for w in writes)
    assert [f.name for f in file.parent.iterdir()] == [file.name]


def test_a_data_folder_that_cannot_be_written_to_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CFA_NB_DATA", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="cannot make the folder"):
        storage.cached("x", "y", lambda: pytest.fail("read in vain"))


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


def packed(base, published):
    """The folder as an archive beside it, with the archive's MD5 put in place; the folder itself goes."""
    file = base.parent / published.filename
    kind = "zip" if file.suffix == ".zip" else "gztar"
    os.replace(shutil.make_archive(base.parent / "made", kind, base.parent, base.name), file)
    shutil.rmtree(base)
    return file, replace(published, md5=hashlib.md5(file.read_bytes()).hexdigest())


@pytest.fixture
def cifar_archive(fake_cifar, monkeypatch):
    file, archive = packed(fake_cifar, cifar.ARCHIVES["cifar10"])
    monkeypatch.setitem(cifar.ARCHIVES, "cifar10", archive)
    return file


@pytest.mark.parametrize(("name", "source"), [("cifar10", CIFAR10), ("cifar100", CIFAR100)])
def test_archives_are_those_that_torchvision_expects(name, source):
    archive = cifar.ARCHIVES[name]
    assert (archive.filename, archive.site + archive.filename) == (source.filename, source.url)
    assert (archive.md5, archive.folder) == (source.tgz_md5, source.base_folder)


def test_cifar_through_torchvision(fake_cifar):
    dataset = cifar.load(CIFAR)
    assert dataset.image_shape == (3, 32, 32)
    assert dataset.class_names == tuple(f"c{k}" for k in range(10))
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [30, 20, 20]
    raw = pickle.loads((fake_cifar / "data_batch_1").read_bytes())["data"]
    assert torch.equal(dataset.val.images, torch.from_numpy(raw[:20].reshape(-1, 3, 32, 32)))
    shutil.rmtree(fake_cifar)
    assert cifar.load(CIFAR).content_hash == dataset.content_hash  # from the cache


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: half(d / "data_batch_2"), "batches-py: data_batch_2 is damaged"),
        (lambda d: shutil.copy(d / "data_batch_1", d / "test_batch"), "test_batch is damaged"),
        (lambda d: (d / "test_batch").write_bytes(b"cos\nabort\n(tR."), "test_batch is damaged"),
        (lambda d: leave_only(d, "test_batch"), "data_batch_1 is missing; data_batch_2 is missing; batches.meta is mi"),
    ],
    ids=["truncated", "swapped", "a pickle that ends the process", "half-unpacked"],
)
def test_damaged_cifar_files_are_refused_by_name_before_they_are_opened(fake_cifar, elsewhere, change, message):
    change(fake_cifar)
    advice = r"Remove this folder\. Put cifar-10-python\.tar\.gz \(MD5 c58f.*, from https://www\.cs\.toronto\.edu"
    with pytest.raises(ValueError, match=f"{message}.*{advice}"):
        cifar.load(CIFAR)
    assert not list(elsewhere.glob("cache/*.npz"))


def test_an_unpacking_that_breaks_off_leaves_nothing_half_done(cifar_archive, elsewhere, monkeypatch):
    extract = torchvision_utils.extract_archive

    def breaks_off(file, to):
        extract(file, to)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torchvision_utils, "extract_archive", breaks_off)
    with pytest.raises(StoreError, match=r"cannot unpack .*No space left"):
        cifar.load(CIFAR)
    assert not list(elsewhere.rglob("test_batch"))


def test_an_archive_is_given_its_name_by_one_rename(cifar_archive, elsewhere):
    """A process killed just before leaves no folder, and what it leaves under another name goes with the next one."""
    if (child := os.fork()) == 0:
        storage.os.replace = lambda *_: os._exit(7)
        cifar.load(CIFAR)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert [file.parts[-3] for file in elsewhere.rglob("test_batch")] == [".cifar-10-batches-py.unpacking"]
    assert len(cifar.load(CIFAR).train) == 30
    assert list(elsewhere.rglob("test_batch")) == [elsewhere / CIFAR10.base_folder / "test_batch"]


@pytest.mark.parametrize(
    ("there", "served", "message"),
    [
        (None, None, r"missing and could not be downloaded \(OSError: name resolution failed"),
        (99, None, r"damaged and could not be downloaded \(OSError: name resolution failed"),
        (None, 99, r"damaged and could not be downloaded \(RuntimeError: File not found or corrupted"),
        (10**6, None, None),
        (None, 10**6, None),
        (99, 10**6, None),
    ],
)
def test_an_archive_is_used_if_it_is_whole_and_downloaded_if_not(cifar_archive, monkeypatch, there, served, message):
    """`there`, `served`: bytes of the archive in the data folder and on the server."""
    blob = cifar_archive.read_bytes()
    cifar_archive.unlink() if there is None else cifar_archive.write_bytes(blob[:there])
    asked = serve(monkeypatch, served and blob[:served])
    if message:
        with pytest.raises(ValueError, match=rf"cifar-10-python\.tar\.gz is {message}.*Put cifar-10"):
            cifar.load(CIFAR)
        assert not (cifar_archive.parent / CIFAR10.base_folder).exists()
    else:
        assert len(cifar.load(CIFAR).train) == 30
        shutil.rmtree(cifar_archive.parent / "cache")
        assert len(cifar.load(CIFAR).train) == 30
        assert asked == [CIFAR10.url] * (2 if served else 0)  # its headers, for redirections, and the file once
        assert cifar_archive.read_bytes() == blob


@pytest.mark.parametrize("config", [CIFAR, TINY, replace(CIFAR, dataset="cifar100")], ids=lambda c: c.dataset)
def test_offline_says_what_to_bring_and_where(config, elsewhere):
    archive = tiny_imagenet.ARCHIVE if config is TINY else cifar.ARCHIVES[config.dataset]
    with pytest.raises(ValueError, match="could not be downloaded") as error:
        data.load(config)
    for word in ("name resolution failed", archive.filename, archive.md5, f"from {archive.site}", f"into {elsewhere}"):
        assert word in str(error.value)
    assert not [f for f in elsewhere.rglob("*") if f.is_file() and not f.name.endswith(".lock")]


@pytest.mark.parametrize("config", [CIFAR, TINY], ids=lambda c: c.dataset)
def test_what_is_at_hand_needs_no_download(config, elsewhere):
    archive = tiny_imagenet.ARCHIVE if config is TINY else cifar.ARCHIVES["cifar10"]
    for name in (archive.filename, f"{archive.folder}/x", f"cache/{config.dataset}-x.npz"):
        assert not data.at_hand(config)
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).touch()
        assert data.at_hand(config) == (config is CIFAR or not name.startswith("cache"))
        shutil.rmtree(elsewhere)


# --- Fashion-MNIST


def test_fashion_mnist_from_its_four_files(elsewhere, monkeypatch):
    """Made-up idx files, brought by hand: 30 training and 20 test images."""
    raw, resources, images = elsewhere / "FashionMNIST" / "raw", [], {}
    for part, n in (("train", 30), ("t10k", 20)):
        images[part] = np.random.default_rng(n).integers(256, size=(n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images[part]), ("labels-idx1", labels)):
            header = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
            blob = gzip.compress(header + array.tobytes())
            resources.append((f"{part}-{kind}-ubyte.gz", hashlib.md5(blob).hexdigest(), blob))
    monkeypatch.setattr(FashionMNIST, "resources", [(name, md5) for name, md5, _ in resources])
    assert not data.at_hand(CLOTHES)
    with pytest.raises(ValueError, match=rf"could not be downloaded.*Put train-images-idx3-ubyte\.gz, .* into {raw}"):
        data.load(CLOTHES)
    raw.mkdir(parents=True, exist_ok=True)
    for name, _, blob in resources:
        (raw / name).write_bytes(blob)
    assert data.at_hand(CLOTHES)
    dataset = data.load(CLOTHES)
    assert (dataset.image_shape, len(dataset.class_names)) == ((1, 28, 28), 10)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [20, 10, 20]
    assert torch.equal(dataset.val.images[:, 0], torch.from_numpy(images["train"][:10]))
    assert torch.equal(dataset.test.images[:, 0], torch.from_numpy(images["t10k"]))
    shutil.rmtree(raw)
    assert data.at_hand(CLOTHES)
    assert fashion_mnist.load(CLOTHES).content_hash == dataset.content_hash  # from the cache


# --- Tiny-ImageNet


@pytest.fixture
def fake_tiny(elsewhere, monkeypatch):
    """A Tiny-ImageNet of 2 classes with 11 training and 3 test images each, in its own layout."""
    for name, value in (("CLASSES", 2), ("TRAIN_PER_CLASS", 11), ("TEST_PER_CLASS", 3)):
        monkeypatch.setattr(tiny_imagenet, name, value)
    base, lines = elsewhere / tiny_imagenet.ARCHIVE.folder, []
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


def test_tiny_imagenet_s_odd_layout(fake_tiny):
    dataset = tiny_imagenet.load(TINY)
    assert dataset.class_names == ("newt", "beacon")  # sorted by wnid
    assert dataset.image_shape == (3, 64, 64)
    assert [len(s) for s in (dataset.train, dataset.val, dataset.test)] == [20, 2, 6]
    files = [file for file, _ in tiny_imagenet.listing(fake_tiny).train]
    assert files == sorted(str(file) for file in fake_tiny.glob("train/*/images/*"))
    assert dataset.test.labels.tolist() == [1, 1, 1, 0, 0, 0]  # val_0..2 belong to n2
    assert dataset.test.images[:, :, 0, 0].tolist() == [[v] * 3 for v in (0, 90, 180)] * 2  # grey became RGB


def edit(file, old, new):
    file.write_text(file.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: (d / "train/n1/images/n1_3.JPEG").unlink(), r"n1_3\.JPEG cannot be read \(No such file"),
        (lambda d: (d / "words.txt").unlink(), r"No such file or directory.*words\.txt"),
        (lambda d: (d / "wnids.txt").unlink(), r"No such file or directory.*wnids\.txt"),
        (lambda d: (d / ANNOTATIONS).unlink(), r"No such file or directory.*val_annotations\.txt"),
        (lambda d: shutil.copy(d / "wnids.txt", d / "words.txt"), r"words\.txt has no words for class n1"),
        (lambda d: shutil.copy(d / "words.txt", d / "wnids.txt"), r"wnids\.txt lists 3 classes, not 2"),
        (lambda d: shutil.copy(d / "words.txt", d / ANNOTATIONS), r"val_annotations\.txt must name 3 images of each"),
        (lambda d: edit(d / ANNOTATIONS, "5.JPEG\tn1", "5.JPEG\tn7"), "of each class, but n1 has 2, n7 has 1"),
        (lambda d: edit(d / ANNOTATIONS, "val_5", "val_4"), "of each class, but n1 has 2"),
        (lambda d: Image.new("RGB", (32, 64)).save(d / "val/images/val_0.JPEG"), r"val_0\.JPEG is 32x64, not 64x64"),
        (lambda d: half(d / "train/n1/images/n1_2.JPEG"), r"n1_2\.JPEG cannot be read as an image"),
    ],
)
def test_a_tree_that_is_not_whole_is_refused_by_name(fake_tiny, change, message):
    tiny_imagenet.load(TINY)  # the cache does not hide what happens later
    change(fake_tiny)
    with pytest.raises(ValueError, match=f"{message}.*remove {fake_tiny}. Put tiny-imagenet-200.zip"):
        tiny_imagenet.load(TINY)


def test_tiny_imagenet_s_archive_is_unpacked(fake_tiny, monkeypatch, capsys):
    monkeypatch.setattr(tiny_imagenet, "ARCHIVE", packed(fake_tiny, tiny_imagenet.ARCHIVE)[1])
    assert len(tiny_imagenet.load(TINY).test) == 6
    assert "unpacking" in capsys.readouterr().err
