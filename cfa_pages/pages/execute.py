"""Executes one notebook with papermill; its kernel is forked from a process that has imported what pages import.

    start_forking()                     # once; it imports while the caller goes on
    execution = execute(job)            # in a thread: several at a time
    print(execution.error or execution.page)

A kernel is a process of its own that starts in a tenth of a second, where a fresh one imports torch and matplotlib for
seconds. It knows nothing of the user's own Jupyter, IPython and matplotlib settings.
"""

import asyncio
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path

# An optional check of web addresses in notebooks: importing it compiles a grammar, for seconds.
sys.modules.setdefault("rfc3987_syntax", None)

import nbformat  # noqa: E402
import papermill  # noqa: E402
from jupyter_client import AsyncKernelManager  # noqa: E402
from jupyter_client.kernelspec import KernelSpec  # noqa: E402
from jupyter_client.provisioning import LocalProvisioner  # noqa: E402
from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: E402
from papermill.clientwrap import PapermillNotebookClient  # noqa: E402
from papermill.engines import Engine, papermill_engines  # noqa: E402

from cfa_nb.files import ROOT, notebooks_dir  # noqa: E402
from cfa_pages.pages.jobs import Job, relink  # noqa: E402
from cfa_pages.pages.scrub import KERNELSPEC, scrub  # noqa: E402

START_LIMIT_S = 120  # for a kernel to start
CELL_LIMIT_S = 900  # for one cell
PAGE_LIMIT_S = 1800  # for a whole notebook
SAVED = ("figures", "tables")

_FORKS = multiprocessing.get_context("forkserver")
_PRELOADED = ["ipykernel.kernelapp", "cfa_pages.page", "cfa_pages.report", "cfa_pages.claims", "cfa_nb.data", "sympy"]
_SETTINGS = ("JUPYTER", "IPYTHON", "MPL", "MATPLOTLIB", "JPY_")
_LEFT_OUT = {"COLUMNS", "LINES", "PYTHONWARNINGS", "PYTHONSTARTUP"}
_FIXED = {
    "MATPLOTLIBRC": os.devnull,
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # the debugger's remark on frozen modules
}


@dataclass
class Execution:
    """What came of a `Job`.

    notebook: as far as it was executed, scrubbed: the page, if there is no `error`; None if it could not be read.
    error: what failed, and in which cell, or "".
    files: {"figures/fig2a.png": bytes} of everything that the notebook saved.
    """

    job: Job
    notebook: nbformat.NotebookNode | None
    error: str
    files: dict[str, bytes]
    seconds: float


def execute(job: Job) -> Execution:
    """Executes the notebook of a `Job`; whatever fails stands in the `Execution`, so that it stops no other page."""
    started, notebook = time.monotonic(), None
    with tempfile.TemporaryDirectory(prefix="cfa-nb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        error = _run(job, folder, started + PAGE_LIMIT_S)
        with suppress(OSError, ValueError):  # not there, or cut off: papermill writes it after each cell
            notebook = relink(scrub(nbformat.read(folder / "page.ipynb", as_version=4), folder), job.links)
        saved = sorted(f for kind in SAVED for f in (folder / kind).glob("*"))
        files = {f.relative_to(folder).as_posix(): f.read_bytes() for f in saved}
    return Execution(job, notebook, error, files, time.monotonic() - started)


def _run(job, folder, end):
    """Executes the notebook into <folder>/page.ipynb; returns which cell failed and why, or ""."""
    try:
        notebook = nbformat.read(job.source, as_version=4)
        notebook.metadata["kernelspec"] = dict(KERNELSPEC)
        if unknown := set(job.parameters) - set(papermill.inspect_notebook(notebook)):
            raise ValueError(f"it has no cell tagged `parameters` that sets {', '.join(unknown)}")
        papermill.execute_notebook(
            notebook, folder / "page.ipynb", job.parameters, engine_name=_ForkedKernels.__name__,
            kernel_name="python3", language="python", progress_bar=False, folder=folder, strict=job.strict, end=end,
        )  # fmt: skip
    except papermill.PapermillExecutionError as failure:
        return f"cell {failure.exec_count} raised {failure.ename}: {failure.evalue}"
    except Exception as failure:
        return f"{type(failure).__name__}: {failure}"
    return ""


class _ForkedKernels(Engine):
    """What papermill executes the cells with: nbclient, on a forked kernel."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, folder, strict, end, **_):
        client = PapermillNotebookClient(
            nb_man,
            km=_Kernel(connection_file=str(folder / "kernel.json")),
            resources={"metadata": {"path": str(notebooks_dir())}},
            startup_timeout=START_LIMIT_S,
            timeout_func=lambda _: max(1, min(CELL_LIMIT_S, end - time.monotonic())),
            coalesce_streams=True,
            shutdown_kernel="immediate",
        )
        try:
            return client.execute(env=environment(folder, strict), cleanup_kc=True)
        except CellTimeoutError as failure:
            limits = f"{CELL_LIMIT_S:g} s for a cell, {PAGE_LIMIT_S:g} s for a page"
            raise RuntimeError(f"cell {client.code_cells_executed} was not finished in time ({limits})") from failure
        except DeadKernelError as failure:
            message = f"cell {client.code_cells_executed}: its process was killed, for lack of memory perhaps"
            raise RuntimeError(message) from failure


papermill_engines.register(_ForkedKernels.__name__, _ForkedKernels)


def environment(folder: Path, strict: bool) -> dict[str, str]:
    """Environment of a kernel: the caller's, but nothing of the user's own Jupyter or matplotlib settings.

    Args:
        folder: where it saves figures and tables, and anything of its own.
        strict: a sentence that the records contradict is an error.
    """
    env = {k: v for k, v in os.environ.items() if k not in _LEFT_OUT and not k.startswith(_SETTINGS)}
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
    own = {"IPYTHONDIR": str(folder / "ipython"), "JUPYTER_CONFIG_DIR": str(folder / "jupyter"), "PYTHONPATH": path}
    return env | own | _FIXED | {"CFA_NB_RUNNER": str(folder), "CFA_NB_FINDINGS": "strict" if strict else ""}


class _Kernel(AsyncKernelManager):
    """A kernel of this environment, whatever kernels the user has installed; it takes no network port."""

    kernel_spec = KernelSpec(argv=["{connection_file}"], language="python")

    def __init__(self, **options):
        super().__init__(transport="ipc", **options)
        self.provisioner = _Forked(parent=self, kernel_id="page", kernel_spec=self.kernel_spec)


class _Forked(LocalProvisioner):
    """Starts a kernel by a fork instead of a command."""

    async def launch_kernel(self, cmd, **kwargs):
        arguments = (cmd[0], kwargs["cwd"], kwargs["env"])
        self.process = _FORKS.Process(target=_serve, args=arguments, name=_Forked.__name__, daemon=True)
        self.process.start()
        self.pid = self.pgid = self.process.pid
        return self.connection_info

    async def poll(self):
        return self.process.exitcode if self.process else 0

    async def wait(self):
        while await self.poll() is None:
            await asyncio.sleep(0.02)
        self.process = None


def _serve(connection_file, cwd, env):
    """The kernel: runs in the forked process until it is told to end, or nobody is there to tell it."""
    from ipykernel.kernelapp import IPKernelApp

    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.setsid()
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    IPKernelApp.launch_instance(argv=["-f", connection_file])


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def start_forking() -> None:
    """Starts the process that kernels are forked from; does nothing where it runs."""
    if sys.platform == "linux":
        _FORKS.set_forkserver_preload(_PRELOADED)
    else:  # a process that has loaded the libraries of macOS had better not fork: each kernel imports for itself
        import matplotlib.font_manager  # noqa: F401  # lists the fonts once, so that no page has to say that it does
    with tempfile.TemporaryDirectory() as folder, _environ(environment(Path(folder), strict=False)):
        forkserver.ensure_running()


def end_kernels() -> None:
    """Kills all kernels: the threads that wait for them go on, with an error."""
    for process in multiprocessing.active_children():
        if process.name == _Forked.__name__:
            process.kill()


@contextmanager
def _environ(env) -> Iterator[None]:
    """The environment of this process is another one for a while."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(env)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
