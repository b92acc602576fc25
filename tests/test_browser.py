"""`make lab` in a real browser, as a visitor meets it who has trained nothing: Run All of every notebook.

`make test-browser` runs this, and nothing else does. It wants Chromium (Debian's package, or CHROMIUM=...), and leaves
pictures of each page in .browser/.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from urllib.request import urlopen

import nbformat
import pytest

from cfa_nb.files import ROOT, notebooks_dir

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SOURCES = sorted(notebooks_dir().glob("[0-9][0-9]_*.ipynb"))
PICTURES = ROOT / ".browser"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SETTINGS = {  # of JupyterLab: when each cell ran; all cells in the picture, and no white space below; no news
    "notebook-extension/tracker": {"recordTiming": True, "windowingMode": "none", "scrollPastEnd": False},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
START_LIMIT_S, RUN_LIMIT_S = 60, 240
FIRST_RESULT_S, SILENT_S = 20, 10  # what a visitor may be asked to wait
RUN_ALL = """async () => {
    await jupyterapp.shell.currentWidget.sessionContext.ready;
    jupyterapp.commands.execute('notebook:run-all-cells').finally(() => { window.ran = true; });
}"""
CELLS = "document.querySelector('.jp-NotebookPanel .jp-WindowedPanel-outer')"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """`make lab` over a copy of the notebooks, without runs and without anybody's settings: (folder, its address)."""
    folder, port = tmp_path_factory.mktemp("lab"), free_port()
    shutil.copytree(notebooks_dir(), folder / "notebooks")
    for name, settings in SETTINGS.items():
        file = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTERLAB_{name}_DIR": str(folder / name.lower()) for name in ("SETTINGS", "WORKSPACES")}
    own |= {"CFA_NB_RUNS": str(folder / "runs"), "PYTHONPATH": str(ROOT)}
    options = f"--no-browser --ServerApp.root_dir={folder} --IdentityProvider.token= --expose-app-in-browser"
    built = ["-o", f"{sys.prefix}/.ready", f"VENV={sys.prefix}"]  # this environment, as it is
    command = ["make", "-C", str(ROOT), *built, "lab", f"PORT={port}", f"LAB={options}"]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log, start_new_session=True)
    try:
        until_it_answers(f"http://127.0.0.1:{port}/api", server, folder / "log")
        yield folder, f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def until_it_answers(address, server, log):
    end = time.monotonic() + START_LIMIT_S
    while server.poll() is None and time.monotonic() < end:
        try:
            return urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab does not answer:\n{log.read_text()}")


@pytest.fixture(scope="module")
def chromium():
    """A browser without a window; skips where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -e '.[browser]'")
    if not CHROMIUM:
        pytest.skip("no Chromium: install the package chromium, or name one with CHROMIUM=...")
    with playwright.sync_playwright() as driver:
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--disable-gpu", *sandbox])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium):
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * START_LIMIT_S)
    yield page
    page.evaluate("() => window.jupyterapp?.serviceManager.sessions.shutdownAll()")
    page.close()


def test_lab_opens_at_the_first_page(lab, tab):
    tab.goto(lab[1])
    tab.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    assert tab.url.endswith("/lab/tree/notebooks/00_start_here.ipynb")


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_run_all(lab, tab, source):
    folder, address = lab
    opened = time.time()
    tab.goto(f"{address}/lab/tree/notebooks/{source.name}?reset")
    tab.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
    tab.evaluate(RUN_ALL)
    tab.wait_for_function("window.ran", timeout=1000 * RUN_LIMIT_S)
    tab.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    pictures(tab, source.stem)
    saved = nbformat.read(folder / "notebooks" / source.name, as_version=4)
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert not [o.evalue for cell in code for o in cell.outputs if o.output_type == "error"]
    assert all(cell.execution_count for cell in code)
    assert not list(folder.glob("runs/**/record.json")), "a visitor trains nothing"
    first = min(ended(cell) for cell in code if cell.outputs) - opened
    longest = max(code, key=seconds)
    print(f"{source.stem}: first result {first:.1f} s, longest cell {seconds(longest):.1f} s ({longest.id})")
    assert first < FIRST_RESULT_S
    assert seconds(longest) < SILENT_S


def pictures(tab, name):
    """The whole page, in tall pictures one below the other."""
    PICTURES.mkdir(exist_ok=True)
    tab.set_viewport_size({"width": 1400, "height": 4000})
    tab.wait_for_timeout(1000)  # until it is laid out anew
    whole, shown = tab.evaluate(f"[{CELLS}.scrollHeight, {CELLS}.clientHeight]")
    for part, top in enumerate(range(0, whole, shown)):
        tab.evaluate(f"{CELLS}.scrollTo(0, {top})")
        tab.wait_for_timeout(500)
        tab.screenshot(path=PICTURES / f"{name}-{part + 1}.png")


def ended(cell):
    return datetime.fromisoformat(cell.metadata.execution["shell.execute_reply"]).timestamp()


def seconds(cell):
    return ended(cell) - datetime.fromisoformat(cell.metadata.execution["iopub.execute_input"]).timestamp()
