"""Weights from files: ours with their header, foreign ones without running their code, the released names."""

import json
import pickle
import struct
from dataclasses import replace

import pytest
import torch
import torch.nn as nn
from click import UsageError
from safetensors.torch import save_file

from cfa_nb.card.subject import load_subject
from cfa_nb.card.weights import fill, from_release, is_release, read
from cfa_nb.config import Attack
from cfa_nb.method.model import PreActResNet
from cfa_nb.runs.store import StoreError
from tests import tiny

PLAIN = {"0.weight": torch.ones(2, 3), "0.bias": torch.zeros(2)}


@pytest.mark.parametrize("nest", [(), ("state_dict",), ("model",), ("net",), ("state_dict", "model")], ids=str)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_nests_and_prefixes_come_off(tmp_path, nest, prefix):
    value = {prefix + k: v for k, v in PLAIN.items()}
    for name in nest:
        value = {"epoch": 3, name: value}
    torch.save(value, tmp_path / "w.pth")
    torch.testing.assert_close(read(tmp_path / "w.pth").tensors, PLAIN, rtol=0, atol=0)


def test_safetensors_without_our_header_are_foreign_and_damaged_ones_refused(tmp_path):
    save_file(PLAIN, tmp_path / "w.safetensors", {"format": "pt"})
    assert read(tmp_path / "w.safetensors").header is None
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", 10) + b"x")
    with pytest.raises(StoreError, match="no safetensors file"):
        read(tmp_path / "w.safetensors")


class Bomb:
    def __init__(self, file):
        self.file = str(file)

    def __reduce__(self):
        return open, (self.file, "w")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_code_in_a_file_is_refused_and_never_run(tmp_path):
    torch.save({"state_dict": PLAIN, "x": Bomb(tmp_path / "ran")}, tmp_path / "zip.pt")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    for name in ("zip.pt", "raw.pth"):
        with pytest.raises(ValueError, match=rf"{name} .*refused .*; where you trust it, save model.state_dict\(\)"):
            read(tmp_path / name)
    assert not (tmp_path / "ran").exists()


DAMAGED = r"w\.pt is damaged, or needs code to be read, which is refused"
NO_STATE = "holds no state dict of tensors by name, but "


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", DAMAGED), (b"some text", DAMAGED), (b"PK\x03\x04 half a zip", DAMAGED), ([1], NO_STATE + "list"),
     ({"epoch": 3}, NO_STATE + "epoch"), ({}, NO_STATE + "nothing")],
)  # fmt: skip
def test_damaged_files_and_what_is_no_state_dict_are_named(tmp_path, content, message):
    with pytest.raises(ValueError, match="no file of weights at"):
        read(tmp_path / "w.pt")
    if isinstance(content, bytes):
        (tmp_path / "w.pt").write_bytes(content)
    else:
        torch.save(content, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "w.pt")


def released(model, depth=2):
    """A network's tensors under the names of the released code."""
    names = {"stem.": "conv1.", "bn.": "bn.", "linear.": "linear."}
    names |= {f"blocks.{i}.": f"layer{1 + i // depth}.{i % depth}." for i in range(4 * depth)}
    tensors = {}
    for name, tensor in model.state_dict().items():
        part = next(part for part in names if name.startswith(part))
        tensors[names[part] + name.removeprefix(part).replace("shortcut.", "shortcut.0.")] = tensor
    return tensors


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_released_names_give_the_same_network(depth):
    ours, again = (PreActResNet(10, width=4, depth=depth).eval() for _ in range(2))
    for module in ours.modules():
        if isinstance(module, nn.BatchNorm2d):  # one that does something
            for t in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                t.copy_(0.5 + torch.rand(t.shape))
    theirs = released(ours, depth)
    assert "layer2.0.shortcut.0.weight" in theirs
    assert is_release(theirs)
    fill(again, from_release(theirs), "w.pth")
    x, _ = tiny.images(4, (3, 32, 32))
    with torch.no_grad():
        assert torch.equal(again(x), ours(x))


def test_a_released_file_is_recognised_and_takes_the_papers_setting(tmp_path, monkeypatch):
    tiny.draw_folder(tmp_path / "images", ("cat", "dog"), 3, side=32)
    monkeypatch.setenv("CFA_NB_DATA_DIR", str(tmp_path / "images"))
    torch.save({"state_dict": released(PreActResNet(2)), "epoch": 199}, tmp_path / "FAWA_199.pth")
    for architecture in (None, "preactresnet18"):
        subject = load_subject(tmp_path / "FAWA_199.pth", architecture, "folder:pets")
        assert (subject.network, subject.data.name, subject.config.seed) == ("preactresnet18", "pets", 0)
        assert subject.attacks([("pgd", 20)]) == [Attack("pgd", 8 / 255, 2 / 255, 20, nominal_eps=8 / 255)]
    torch.save(released(PreActResNet(5)), tmp_path / "five.pth")
    with pytest.raises(ValueError, match=r"must give logits \(2, 2\) for 2 images of pets, not \(2, 5\); name the"):
        load_subject(tmp_path / "five.pth", dataset="folder:pets")


def test_only_released_names_are_taken_for_released():
    assert not is_release(PreActResNet(10, width=4).state_dict())
    assert not is_release({"conv1.weight": 0, "layer1.0.bn1.weight": 0, "bn1.weight": 0, "fc.weight": 0})
    uneven = released(PreActResNet(10, width=4))
    uneven |= {"layer3.2.bn1.weight": torch.ones(16)}
    with pytest.raises(ValueError, match="stages have 2, 2, 3, 2 blocks"):
        from_release(uneven)


def test_what_does_not_fit_is_listed():
    tensors = nn.Linear(3, 2).state_dict()
    with pytest.raises(ValueError, match=r"w does not fit the network: .*Missing key.*bias.*Unexpected key.*scale"):
        fill(nn.Linear(3, 2), {"weight": tensors["weight"], "scale": tensors["bias"]}, "w")
    counted = nn.BatchNorm1d(2)
    fill(counted, {k: v for k, v in counted.state_dict().items() if k != "num_batches_tracked"}, "w")


def test_only_ours_without_a_header_ask_for_the_architecture(trained, tmp_path):
    store, config, _ = trained
    save_file(store.load_weights(config, "live/last"), tmp_path / "old.safetensors")
    with pytest.raises(UsageError, match=r"old\.safetensors has no header .* give --architecture package"):
        load_subject(tmp_path / "old.safetensors", dataset="digits")
    with pytest.raises(UsageError, match="leave --architecture out"):
        load_subject(store.weights_path(config, "live/last"), architecture="preactresnet18")


def test_a_header_of_a_config_that_never_was_is_an_error(trained, tmp_path):
    store, config, _ = trained
    file = read(store.weights_path(config, "live/last"))
    for changed, message in (
        ({"speed": 3}, r"unknown field\(s\) speed"),
        (replace(config, width=9).to_dict(), r"size mismatch for hidden\.0\.weight"),
    ):
        header = json.dumps(file.header | {"config": changed})
        save_file(file.tensors, tmp_path / "w.safetensors", {"cfa_nb": header})
        with pytest.raises(ValueError, match=message):
            load_subject(tmp_path / "w.safetensors")
