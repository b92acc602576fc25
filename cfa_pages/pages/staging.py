"""The folder and the environment in which one notebook is executed.

    <staging>/outputs/<page set>/records, weights    links to the published ones
    <staging>/outputs/<page set>/figures, tables     what the notebook saves
    <staging>/partial.ipynb, page.ipynb, job.json, answer.json, log.txt

A page is moved out of here only when it is finished, so a failing notebook leaves the published page as it was.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from cfa_nb.paths import ROOT, notebooks_dir, outputs_dir, runs_dir, slug
from cfa_pages.pages.jobs import Job
from cfa_pages.pages.scrub import machine_folders

START_LIMIT_S = 120  # for a kernel to start
CELL_LIMIT_S = 900  # for one cell
READ_FROM_PUBLISHED = ("records", "weights")
SAVED = ("figures", "tables")


class Staging:
    """A temporary folder for one execution of a `Job`; `close` removes it.

    Args:
        job: the `Job`.
        fonts: folder with matplotlib's list of fonts, so that no kernel has to say that it builds one.
    """

    def __init__(self, job: Job, fonts: str | Path):
        self.job, self.fonts = job, Path(fonts)
        self._temporary = tempfile.TemporaryDirectory(prefix="cfa-nb-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self.outputs = self.folder / "outputs"
        self._link_published()
        self.file("job.json").write_text(json.dumps(self._job()))

    def file(self, name: str) -> Path:
        """Path of a file in the staging folder."""
        return self.folder / name

    @property
    def command(self) -> list[str]:
        """The command line that executes the notebook."""
        return [sys.executable, "-m", "cfa_pages.pages.worker", str(self.file("job.json"))]

    def answer(self) -> tuple[str, str] | None:
        """(state, error) that the worker left, or None if it died before."""
        try:
            answer = json.loads(self.file("answer.json").read_text())
            return answer["state"], answer["error"]
        except (OSError, ValueError, KeyError):
            return None

    def saved(self) -> dict[str, bytes]:
        """{"figures/fig2a.png": bytes} of everything that the notebook saved."""
        folder = self.outputs / slug(self.job.page_set)
        files = sorted(f for kind in SAVED for f in (folder / kind).glob("*") if f.is_file())
        return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}

    def environment(self) -> dict[str, str]:
        """Environment of the worker and its kernel: nothing of the user's own Jupyter or matplotlib settings."""
        env = {k: v for k, v in os.environ.items() if k not in _LEFT_OUT and not k.startswith("PAPERMILL_")}
        own_folders = {name: str(self.file(folder)) for name, folder in _OWN_FOLDERS.items()}
        path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
        paths = {"CFA_NB_OUTPUTS": str(self.outputs), "MPLCONFIGDIR": str(self.fonts), "PYTHONPATH": path}
        paths["CFA_NB_LARGE_WEIGHTS"] = str(runs_dir().resolve())
        return env | own_folders | paths | _FIXED | {"CFA_NB_FINDINGS": "strict" if self.job.strict else ""}

    def close(self) -> None:
        """Removes the folder."""
        self._temporary.cleanup()

    def _link_published(self):
        """The published records under the page set's own folder; other page sets as a whole."""
        page_set, published = slug(self.job.page_set), outputs_dir().resolve()
        (self.outputs / page_set).mkdir(parents=True)
        for kind in READ_FROM_PUBLISHED:
            if (published / page_set / kind).is_dir():
                (self.outputs / page_set / kind).symlink_to(published / page_set / kind)
        for folder in published.glob("*/") if published.is_dir() else ():
            if folder.name != page_set:
                (self.outputs / folder.name).symlink_to(folder)

    def _job(self):
        machine = machine_folders(ROOT, outputs_dir(), runs_dir(), Path.home(), tempfile.gettempdir())
        return {
            "source": str(self.job.source),
            "parameters": self.job.parameters,
            "links": self.job.links,
            "partial": str(self.file("partial.ipynb")),
            "page": str(self.file("page.ipynb")),
            "answer": str(self.file("answer.json")),
            "cwd": str(notebooks_dir()),
            "start_limit_s": START_LIMIT_S,
            "cell_limit_s": CELL_LIMIT_S,
            "replacements": [(str(self.outputs), "outputs"), (str(self.folder), "[tmp]"), *machine],
        }


_LEFT_OUT = {"JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "MPLBACKEND", "COLUMNS", "LINES", "PYTHONWARNINGS", "PYTHONSTARTUP"}
_OWN_FOLDERS = {
    "CFA_NB_RUNS": "runs",  # pages are drawn from published records only
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter/data",
    "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
    "MATPLOTLIBRC": "matplotlibrc",
}
_FIXED = {
    "CFA_NB_RUNNER": "1",
    "CFA_NB_SOURCE": "published",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the debugger's remark on frozen modules
}
