"""The set-up holds together: torch and torchvision fit, and no list of packages can drift from pyproject.toml."""

import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import cfa_pages
from cfa_nb.files import ROOT

yaml = pytest.importorskip("yaml")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = PROJECT["dependencies"] + EXTRAS["pages"] + EXTRAS["dev"]
LINES = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
PINS = dict(line.split("==") for line in LINES)
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())


def name(requirement):
    """The normalised name of a requirement such as "PyYAML>=6"."""
    return re.sub(r"[-_.]+", "-", re.match(r"[A-Za-z0-9._-]+", requirement)[0]).lower()


def test_constraints_are_exact_pins_that_satisfy_the_lower_bounds_of_what_the_project_needs():
    for line in LINES:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line), line
    pins = {name(pin): version for pin, version in PINS.items()}
    for text in NEEDED:
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[name(requirement.name)]), text


def test_environment_is_a_thin_shell_with_a_python_that_the_project_takes():
    *conda, pip = ENVIRONMENT["dependencies"]
    assert conda == ["python=3.11", "pip"], "packages belong to pyproject.toml"
    assert SpecifierSet(PROJECT["requires-python"]).contains(conda[0].split("=")[1])
    constraints, project = pip["pip"]
    assert constraints == "-c constraints.txt"
    extras = re.fullmatch(r"-e \.\[([a-z,]+)\]", project)[1].split(",")
    assert set(extras) <= set(EXTRAS)


def make(*arguments):
    return subprocess.run(["make", "-C", str(ROOT), *arguments], capture_output=True, text=True)


def test_make_refuses_an_old_or_missing_python_and_another_value_of_torch(tmp_path):
    failed = make("status", f"VENV={tmp_path / 'venv'}", "PYTHON=false")
    assert failed.returncode != 0
    assert "Python 3.11 or newer" in failed.stderr
    assert not (tmp_path / "venv").exists()
    assert "TORCH=keep" in make("status", "TORCH=cpu").stderr


def test_make_takes_no_half_built_venv_for_a_whole_one(tmp_path):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / ".building").touch()
    planned = make("-n", "status", f"VENV={venv}").stdout
    assert "pip install" in planned
    assert "-m cfa_pages status" in planned


def test_make_keeps_ones_own_torch(tmp_path):
    venv = tmp_path / "venv"
    planned = make("-n", "status", f"VENV={venv}", "TORCH=keep").stdout
    assert "--system-site-packages" in planned
    pattern = re.search(r"grep -vE '(\S+)'", planned)[1]
    left = [pin for pin in PINS if not re.match(pattern, f"{pin}==")]
    assert not [pin for pin in left if pin.startswith(("torch", "nvidia", "triton", "cuda"))]
    assert len(left) > 100


def test_lab_opens_the_first_page_as_any_user_with_our_kernel_alone_on_the_port_that_is_asked_for():
    planned = make("-n", "lab").stdout
    for option in ("00_start_here.ipynb", "--allow-root", "allowed_kernelspecs=python3"):
        assert option in planned
    assert "--port" not in planned
    assert "--port=8890" in make("-n", "lab", "PORT=8890").stdout


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    code = "import sys; sys.modules.update(seaborn=None, nbclient=None); import cfa_pages"
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    last = failed.stderr.splitlines()[-1]
    assert "seaborn, nbclient" in last
    assert f"{sys.executable} -m pip install -e '.[pages]'" in last


def test_every_package_that_the_pages_need_is_looked_for():
    """But JupyterLab itself: the notebooks run in other programs, too."""
    modules = {"scikit-learn": "sklearn", "pillow": "PIL", "jupyterlab": None}
    packages = (name(requirement) for requirement in PROJECT["dependencies"] + EXTRAS["pages"])
    assert set(cfa_pages.NEEDED) == {modules.get(package, package) for package in packages} - {None}
