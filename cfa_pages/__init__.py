"""From records to pages: theory, results, claims, figures, the notebook runner. It may import `cfa_nb`."""

import sys
from importlib.util import find_spec

NEEDED = (
    "torch", "torchvision", "numpy", "scipy", "sklearn", "threadpoolctl", "pyautoattack", "safetensors", "filelock",
    "tqdm", "click", "pandas", "matplotlib", "seaborn", "PIL", "sympy", "mpmath", "ipywidgets", "ipykernel",
    "papermill", "nbclient", "nbconvert", "nbformat",
)  # fmt: skip

if missing := [name for name in NEEDED if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f"cfa_pages needs {', '.join(missing)}, which this Python does not have. `make lab` starts an environment that "
        f"has it all; or, in the folder of pyproject.toml: {sys.executable} -m pip install -e '.[pages]'"
    )

import cfa_nb  # noqa: E402, F401  # fixes the level of torch's CPU kernels before anything computes
