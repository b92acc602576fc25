"""The level of the CPU kernels: fixed by `import cfa_nb`, said where it cannot be, part of every provenance."""

import json
import os
import subprocess
import sys

import pytest

from cfa_nb import processor
from cfa_nb.runs.provenance import Provenance

needs_avx2 = pytest.mark.skipif(not processor.has_level(), reason="the processor has no AVX2")
LEVEL = "from cfa_nb.processor import level; print(level())"


def python(code, **variables):
    """(stdout, stderr) of a fresh interpreter without the level in its environment, but for `variables`."""
    env = {k: v for k, v in os.environ.items() if k not in processor.VARIABLES} | variables
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr.strip()


@needs_avx2
def test_importing_the_package_fixes_the_level():
    assert python(f"import cfa_nb; {LEVEL}") == ("AVX2", "")


@needs_avx2
@pytest.mark.parametrize(
    ("name", "value", "found"),
    [("ATEN_CPU_CAPABILITY", "default", "DEFAULT"), ("OPENBLAS_CORETYPE", "Nehalem", "AVX2, numpy's Nehalem")],
)
def test_what_the_user_set_is_kept_and_said(name, value, found):
    out, err = python(f"import cfa_nb; {LEVEL}", **{name: value})
    assert out == found
    assert err.startswith(f"cfa_nb: this process computes with {found} and not with AVX2")
    assert len(err.splitlines()) == 1


@needs_avx2
def test_a_level_that_was_used_before_is_said_and_recorded():
    code = """
import os, torch
torch.ones(2) + 1
del os.environ["ATEN_CPU_CAPABILITY"], os.environ["OPENBLAS_CORETYPE"]
from cfa_nb.runs.provenance import Provenance
print(Provenance.now(0, 0, "cpu").cpu_level)"""
    out, err = python(code, ATEN_CPU_CAPABILITY="default", OPENBLAS_CORETYPE="Nehalem")
    assert out == "DEFAULT, numpy's Nehalem"
    assert "import cfa_nb before numpy and torch" in err


def test_a_processor_without_the_level_keeps_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    processor.CPUINFO.write_text("flags\t\t: fpu sse avx2 avx512f\n")  # no fma
    for name in processor.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    processor.fix_level()
    assert not set(processor.VARIABLES) & set(os.environ)


def test_provenance_of_before_the_level_was_recorded_is_read():
    old = json.loads(Provenance.now(1, 2, "cpu").to_json())
    del old["cpu_level"]
    assert Provenance.from_json(json.dumps(old)).cpu_level == "not recorded"
