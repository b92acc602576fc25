"""Executes one notebook in a process of its own: `python -m cfa_pages.pages.worker job.json`.

The job names the notebook, its parameters and limits; the answer is written beside it, as JSON: `state` is "executed",
"failed" or "no kernel", `error` says why. The page is there, scrubbed, only if the state is "executed".
"""

import json
import os
import re
import signal
import sys
import threading
from pathlib import Path

# An optional check of web addresses in notebooks: importing it compiles a grammar, for seconds.
sys.modules.setdefault("rfc3987_syntax", None)

import nbformat  # noqa: E402
import papermill  # noqa: E402

from cfa_pages.pages.jobs import relink  # noqa: E402
from cfa_pages.pages.scrub import KERNELSPEC, refuse_errors, scrub, serialise  # noqa: E402

_NO_KERNEL = re.compile(r"Kernel (didn't respond|died before replying)|Address already in use")


def run(job: dict) -> tuple[str, str]:
    """Executes the notebook and writes the scrubbed page; returns (state, error)."""
    try:
        text = Path(job["source"]).read_text(encoding="utf-8")
        ids = [cell.get("id") for cell in json.loads(text)["cells"]]
        notebook = nbformat.reads(text, as_version=4)
        notebook.metadata["kernelspec"] = dict(KERNELSPEC)
        refuse_unknown(notebook, job["parameters"], Path(job["source"]).name)
        executed = _execute(notebook, job)
        refuse_errors(executed, Path(job["source"]).name)
        page = relink(scrub(executed, ids, job["replacements"]), job["links"])
        Path(job["page"]).write_text(serialise(page), encoding="utf-8")
    except papermill.PapermillExecutionError as error:
        return "failed", f"cell {error.exec_count} raised {error.ename}: {error.evalue}"
    except Exception as error:
        return "no kernel" if _NO_KERNEL.search(str(error)) else "failed", f"{type(error).__name__}: {error}"
    return "executed", ""


def _execute(notebook, job):
    return papermill.execute_notebook(
        notebook,
        job["partial"],
        job["parameters"],
        kernel_name="python3",
        language="python",
        cwd=job["cwd"],
        progress_bar=False,
        start_timeout=job["start_limit_s"],
        execution_timeout=job["cell_limit_s"],
    )


def refuse_unknown(notebook: nbformat.NotebookNode, parameters: dict, name: str) -> None:
    """Raises `ValueError` for a parameter that the notebook's `parameters` cell does not have."""
    names = papermill.inspect_notebook(notebook)
    if unknown := sorted(set(parameters) - set(names)):
        takes = ", ".join(names) or "none: it has no cell tagged `parameters`"
        raise ValueError(f"{name} has no parameter {', '.join(unknown)}; it takes {takes}")


def _end_with_parent():
    """Ends this process when its parent is gone, killed perhaps: the pipe that it holds is closed then."""
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def main(path: str) -> None:
    """Reads the job, runs it and writes the answer."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that papermill ends its kernel
    threading.Thread(target=_end_with_parent, daemon=True).start()
    job = json.loads(Path(path).read_text())
    state, error = run(job)
    Path(job["answer"]).write_text(json.dumps({"state": state, "error": error}))


if __name__ == "__main__":
    main(sys.argv[1])
