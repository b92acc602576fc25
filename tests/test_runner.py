"""The runner: execution, scrub, what a page depends on, comparison, publishing; with made-up notebooks and runs."""

import errno
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
import pytest

from cfa_nb.config import LIVE
from cfa_nb.files import ROOT
from cfa_nb.runs.profiles import DIGITS, SMOKE
from cfa_nb.runs.record import RecordError
from cfa_nb.runs.store import RunStore, StoreError
from cfa_nb.runs.sweep import missing
from cfa_pages import cli
from cfa_pages.page import FindingError, Page
from cfa_pages.pages import draw, execute, jobs, pipeline, publish, scrub
from cfa_pages.pages.draw import Manifest
from cfa_pages.pages.publish import DIFFERS, IDENTICAL, NEW, WITHIN, closing_lines, compare, compare_all
from cfa_pages.results.published import Published
from cfa_pages.results.runs import Results
from tests.factories import accuracy, finish, provenance, run

MACHINE_BOUND = (
    "import os, sys, tempfile, warnings\nprint(os.getcwd(), os.path.expanduser('~/x'), object())",
    "warnings.warn('look')\nprint(tempfile.gettempdir() + '/x', os.environ['CFA_NB_RUNNER'], file=sys.stderr)",
    "import pandas as pd\npd.DataFrame({'a': [1]}).style",
    "import ipywidgets\nfor i in range(3):\n    sys.stdout.write(str(i)); sys.stdout.flush()\nipywidgets.IntSlider()",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "from pathlib import Path\nout = Path(os.environ['CFA_NB_RUNNER'], 'figures')\n"
    "out.mkdir()\n(out / 'fig.png').write_bytes(b'picture')",
)
SLEEPS = "import time; time.sleep(600)"
SAYS = ("from cfa_pages.page import Page", "Page('02_says', 'fashion').finding('It is so.', holds={})")


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A folder for throw-away notebooks; all of them make up the theory pages, which need no runs."""
    folder = tmp_path / "notebooks"
    for module in (jobs, execute):
        monkeypatch.setattr(module, "notebooks_dir", lambda: folder)
    monkeypatch.setattr(jobs, "_belongs", lambda name, page_set: page_set == jobs.THEORY)
    monkeypatch.setattr(jobs.Job, "parameters", property(lambda job: {"profile": job.page_set}))
    return folder


def write_notebook(path, *sources, parameters="profile = 'fashion'  # a profile's name"):
    """Writes a notebook of code cells; the first one has the tag `parameters`, None leaves it out."""
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    if parameters is not None:
        cells.insert(0, nbformat.v4.new_code_cell(parameters, id="p", metadata={"tags": ["parameters"]}))
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def drawn(**options):
    """The lines of progress of drawing the theory pages, the last of them about what failed."""
    lines = []
    try:
        draw.draw(jobs.jobs("theory"), say=lines.append, **options)
    except draw.PagesFailed as error:
        lines.append(str(error))
    return lines


@pytest.fixture
def job(sources, folders):
    """The job of a page whose notebook is one line."""
    return jobs.Job(write_notebook(sources / "02_margin_study.ipynb", "1"), "theory")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store in which every run of the smoke profile is finished; no test writes to it."""
    return finish(RunStore(tmp_path_factory.mktemp("runs")), SMOKE)


@pytest.fixture
def published(finished, folders):
    """The folder of pages to which the finished runs were published."""
    publish.publish(SMOKE, finished, folders[0] / "smoke")
    return folders[0] / "smoke"


# --- execution


@pytest.mark.slow
def test_two_executions_are_byte_identical_whatever_the_user_s_own_settings(sources, folders, tmp_path, monkeypatch):
    write_notebook(sources / "02_bound.ipynb", *MACHINE_BOUND)
    drawn()
    page = folders[0] / "theory" / "notebooks" / "02_bound.ipynb"
    first = page.read_bytes()
    for name, text in (("profile_default/startup/own.py", "print('mine')"), ("kernels/python3/kernel.json", "{}")):
        (tmp_path / "own" / name).parent.mkdir(parents=True)
        (tmp_path / "own" / name).write_text(text)
    for name in ("IPYTHONDIR", "JUPYTER_PATH", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "own"))
    drawn(force=True)
    assert page.read_bytes() == first
    text = first.decode()
    for bound in (os.path.expanduser("~"), str(ROOT), str(tmp_path), "ipykernel_", "widget-state", "font cache"):
        assert bound not in text
    assert "image/png" in text
    assert (folders[0] / "theory" / "figures" / "fig.png").read_bytes() == b"picture"
    assert os.listdir(sources) == ["02_bound.ipynb"], "the sources stay as they are"


@pytest.mark.slow
def test_failing_notebooks_leave_their_published_pages(sources, folders, monkeypatch):
    monkeypatch.setattr(execute, "CELL_LIMIT_S", 2)
    outputs, runs = folders
    write_notebook(sources / "00_first.ipynb", "print(profile)")
    write_notebook(sources / "02_fails.ipynb", "print('so far')", "1 / 0")
    write_notebook(sources / "03_takes_nothing.ipynb", "print(1)", parameters=None)
    write_notebook(sources / "04_dies.ipynb", "import os; os.kill(os.getpid(), 9)")
    write_notebook(sources / "05_slow.ipynb", SLEEPS)
    old = outputs / "theory" / "notebooks" / "02_fails.ipynb"
    old.parent.mkdir(parents=True)
    old.write_text("the page as it was")
    *lines, failed = drawn()
    assert failed == "4 of 5 notebooks failed: 02_fails, 03_takes_nothing, 04_dies, 05_slow"
    errors, kept = "\n".join(line for line in lines if "FAILED" in line), runs / "failed" / "theory" / "02_fails.ipynb"
    for error in ("cell 4 raised ZeroDivisionError", str(kept), "no cell tagged `parameters` that sets profile",
                  "cell 3: its process was killed", "cell 3 was not finished in time"):  # fmt: skip
        assert error in errors
    assert "so far" in kept.read_text()
    assert old.read_text() == "the page as it was"
    assert {f.name for f in old.parent.iterdir()} == {"00_first.ipynb", "02_fails.ipynb"}


@pytest.mark.slow
@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_a_kernel_ends_with_its_parent(tmp_path, end):
    code = (
        "import sys; from pathlib import Path; from cfa_pages.cli import run_command, pages\n"
        "from cfa_pages.pages import draw, jobs, pipeline\n"
        "pipeline.render = lambda *_, **__: draw.draw([jobs.Job(Path(sys.argv[1]), 'theory')])\n"
        "sys.exit(run_command(pages, ['render', '--outputs', sys.argv[2]]))"
    )
    told = tmp_path / "pid"
    source = write_notebook(
        tmp_path / "02_x.ipynb", f"import os; open({str(told)!r}, 'w').write(f'{{os.getpid()}};')", SLEEPS
    )
    with subprocess.Popen([sys.executable, "-c", code, source, tmp_path], cwd=ROOT) as parent:
        until(lambda: told.exists() and told.read_text().endswith(";"))
        kernel = psutil.Process(int(told.read_text()[:-1]))
        getattr(parent, end)()
    until(lambda: not kernel.is_running())


def until(true, seconds=60):
    """Waits until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


# --- scrub


def stream(text):
    return nbformat.v4.new_output("stream", text=text, name="stdout")


def test_scrub_replaces_the_machines_folders_but_no_longer_names(monkeypatch):
    home, root = os.sep + "home" + os.sep + "ann", os.sep + "srv" + os.sep + "cfa"
    monkeypatch.setattr(scrub, "ROOT", Path(root))
    monkeypatch.setenv("CFA_NB_OUTPUTS", root + "/outputs")
    monkeypatch.setenv("HOME", home)
    printed = stream(f"{root}/x {home}/y {home}a/z https://host{home}/ {root}/outputs/fashion")
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[printed])])
    (output,) = scrub.scrub(page, Path("page")).cells[0].outputs
    assert output.text == f"./x ~/y {home}a/z https://host{home}/ outputs/fashion"
    monkeypatch.setenv("HOME", os.sep)
    assert os.sep not in dict(scrub.machine_folders(Path("page")))


# --- what a page depends on


def test_a_page_is_executed_again_for_a_reason(job):
    versions = jobs.versions() | {"numpy": "1.0"}
    reasons = (
        ({}, ""),
        ({"source": "other"}, "its notebook changed"),
        ({"package": "other"}, "the package's source changed"),
        ({"parameters": {}}, "its parameters changed"),
        ({"seeds": "3"}, "another number of seeds is asked for"),
        ({"beside": ["other"]}, "the published records of another data set changed"),
        ({"versions": versions}, f"numpy 1.0 -> {jobs.versions()['numpy']}"),
    )
    assert jobs.reason_to_execute(job, None) == "never executed"
    for changes, reason in reasons:
        assert jobs.reason_to_execute(job, {"key": jobs.key(job) | changes, "files": {}}) == reason
    entry = {"key": jobs.key(job), "files": {"figures/a.png": "0"}}
    (job.folder / "records").mkdir(parents=True)
    (job.folder / "records" / "at.json").write_text("{}")
    reason = "the published records changed; figures/a.png is missing or changed"
    assert jobs.reason_to_execute(job, entry) == reason


def test_pages_depend_on_studies_that_have_none_of_their_own(folders):
    for name in ("theory", "fashion", "digits", "cifar10-small@my-images", "notes"):
        (folders[0] / name / "records").mkdir(parents=True)
    assert [f.name for f in jobs.folders_beside()] == ["cifar10-small@my-images", "digits"]
    assert jobs.jobs("digits") == []
    assert [job.page_set for job in jobs.jobs("smoke")] == ["smoke"] * 9
    with pytest.raises(ValueError, match="digits has no pages of its own; it is shown on those of fashion"):
        pipeline.render("digits")


def test_outputs_that_jupyterlab_saved_do_not_count(job):
    before = jobs.source_hash(job.source)
    executed = nbformat.read(job.source, as_version=4)
    executed.cells[1] |= {"outputs": [stream("x")], "execution_count": 7}
    nbformat.write(executed, job.source)
    assert jobs.source_hash(job.source) == before


# --- manifest


def test_manifest_removes_what_a_page_makes_no_more_and_nothing_else(job):
    for name in ("figures/old.png", "figures/other.png", "tables/t.csv", "keep.md", "records/a.json"):
        path = job.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    manifest, never = Manifest("theory"), ("../x", "keep.md", "records/a.json", "figures/../keep.md")
    manifest.enter(job, {"source": "a"}, dict.fromkeys(("figures/old.png", "tables/t.csv", *never), "1"))
    manifest.enter(job, {"source": "b"}, {"tables/t.csv": "3"})
    files = sorted(f.relative_to(job.folder).as_posix() for f in job.folder.rglob("*") if f.is_file())
    assert files == ["figures/other.png", "keep.md", "manifest.json", "records/a.json", "tables/t.csv"]
    assert Manifest("theory").entry(job) == {"key": {"source": "b"}, "files": {"tables/t.csv": "3"}}
    (job.folder / "manifest.json").write_text('{"notebooks": [')
    assert Manifest("theory").notebooks == {}, "a damaged one counts as empty"


# --- comparison


@pytest.mark.parametrize(
    ("now", "outcome"),
    [
        ((0.7, 0.4, 0.2), IDENTICAL),
        ((0.7, 0.4, 0.1), WITHIN),
        ((0.7, 0.4, 0.095), DIFFERS),  # the worst class by more than 10 points
        ((0.75, 0.4, 0.2), WITHIN),
        ((0.755, 0.4, 0.2), DIFFERS),  # the average by more than 3 points
    ],
)
def test_a_record_agrees_as_far_as_its_last_epoch_does(now, outcome):
    new, old = (run(SMOKE, SMOKE.runs("fig3")[0]).record for _ in range(2))
    for record, shares in ((new, now), (old, (0.7, 0.4, 0.2))):
        test = record.epochs[-1].test
        test[LIVE] = replace(test[LIVE], robust=accuracy(*shares))
    assert compare("run", new, old).outcome == outcome
    assert compare("run", new, None).outcome == NEW
    assert compare("run", new, replace(new, data_hash="other")).outcome == DIFFERS


def test_the_closing_lines_name_what_differs(finished, published):
    config = SMOKE.config("at", 0)
    name = finished.path(config).name
    (published / "records" / f"{name}.json").write_text(run(SMOKE, config, lift=0.2).record.to_json())
    _, counted, differs = closing_lines(SMOKE, compare_all(SMOKE, finished, Published(published)))
    assert f"{len(SMOKE.runs()) - 1} identical, 1 differs" in counted
    assert name in differs
    assert "worst class 31.0 -> 11.0 %" in differs


# --- publishing


def test_publish_copies_records_provenance_and_reported_checkpoints(finished, published):
    copies = Published(published)
    for config in SMOKE.runs():
        assert copies.record(config) == finished.record(config)
        assert copies.provenance(config) == provenance()
    table_run = SMOKE.config("at_ccm", 0)
    for key in ("live/last", "fawa/last"):
        assert copies.load_weights(table_run, key).keys() == {"w"}
    with pytest.raises(StoreError):
        copies.load_weights(table_run, "live/best")


def test_a_published_record_that_agrees_stays_and_any_other_is_replaced(finished, published):
    """It may have been evaluated further on another machine, or been made there."""
    more, unlike, lost = (SMOKE.config(recipe, 0) for recipe in ("at", "fat", "frl"))
    file = {config: published / "records" / f"{finished.path(config).name}.json" for config in (more, unlike, lost)}
    extended = finished.record(more)
    extended.evaluations["live/last"]["aa[n=2/class]"] = accuracy(0.5, 0.3, 0.1)
    extended.attacks["aa[n=2/class]"] = {"version": "standard"}
    file[more].write_text(extended.to_json())
    elsewhere = file[more].with_suffix(".provenance.json")
    elsewhere.write_text(provenance(hardware="another machine").to_json())
    file[unlike].write_text(run(SMOKE, unlike, lift=0.2).record.to_json())
    file[lost].with_suffix(".provenance.json").unlink()
    assert [Published(published).holds(finished.record(c)) for c in file] == [True, False, False]
    publish.publish(SMOKE, finished, published)
    assert file[more].read_text() == extended.to_json()
    assert "another machine" in elsewhere.read_text()
    copies = Published(published)
    assert copies.record(unlike) == finished.record(unlike)
    assert copies.provenance(lost) == provenance()
    assert all(copies.holds(finished.record(config)) for config in SMOKE.runs())


def test_publish_takes_what_is_finished_of_a_study_and_says_what_is_not_there(folders, capsys):
    assert cli.main(["publish", "--profile", "smoke"]) == 0
    assert f"smoke: 0 of {len(SMOKE.runs())} records are in {folders[0] / 'smoke'}" in capsys.readouterr().out
    store, missing = finish(RunStore(folders[1]), SMOKE), SMOKE.config("fat", 1)
    (store.path(missing) / "record.json").unlink()
    assert cli.main(["publish", "--profile", "smoke"]) == 0
    assert f"smoke: {len(SMOKE.runs()) - 1} of {len(SMOKE.runs())} records" in capsys.readouterr().out
    assert publish.unpublished(SMOKE, folders[0] / "smoke") == [missing]
    assert not list(folders[0].glob("*/notebooks"))


def test_a_page_shows_as_much_of_another_study_as_is_published(folders):
    page = Page("07_ablations", "smoke")
    assert page.beside("digits") == Results(DIGITS) == ()
    store = RunStore(folders[1])
    some = [DIGITS.config("at", 40), DIGITS.config("at_ccm", 40)]
    for config in some:
        made = run(DIGITS, config)
        store.write_record(config, made.record, made.provenance)
    publish.publish(DIGITS, store, folders[0] / "digits")
    assert {r.config for r in page.beside("digits")} == set(some)


def test_lab_shows_a_run_as_published_until_it_is_finished_here(finished, published, folders, monkeypatch):
    trained, own = [], SMOKE.config("at", 0)
    monkeypatch.setattr("cfa_pages.page.ensure", lambda *what: trained.extend(missing(*what)))
    page = Page("06_main_results", "smoke")
    shown = next(r for r in page.results() if r.config == own)
    assert shown.record == finished.record(own)
    assert page._weights(shown, "live/last").keys() == {"w"}
    made = run(SMOKE, own, lift=0.2)
    RunStore(folders[1]).write_record(own, made.record, made.provenance)
    assert next(r for r in page.results() if r.config == own).record == made.record
    assert trained == []
    never = SMOKE.config("fat", 0)
    (published / "records" / f"{finished.path(never).name}.json").unlink()
    with pytest.raises(StoreError, match="fat, seed 0 is not trained"):
        Page("06_main_results", "smoke").results()
    assert trained == [never]


# --- findings


def test_a_finding_is_said_on_its_own_pages_where_it_holds(folders, capsys):
    for profile, holds, words in (
        ("fashion", True, "The shirt loses 17 points."),
        ("theory", True, "The shirt loses 17 points."),
        ("smoke", True, ""),
        ("smoke", False, ""),
    ):
        assert Page("02_margin_study", profile).words("The shirt loses {drop:.0f} points.", holds, drop=17.4) == words


def test_one_that_does_not_hold_is_left_out_of_a_rerun_and_stops_a_publication(folders, monkeypatch):
    shown, page = [], Page("02_margin_study", "fashion")
    monkeypatch.setattr("cfa_pages.page.display", lambda what, **options: shown.append((what.data, options)))
    page.finding("The shirt loses {drop} points.", holds=False, drop=1)
    ((note, options),) = shown
    assert "left out" in note
    assert options["metadata"] == {"left_out": "The shirt loses {drop} points."}
    monkeypatch.setenv("CFA_NB_FINDINGS", "strict")
    with pytest.raises(FindingError, match=r'"The shirt loses 1 points\."; rewrite it'):
        page.finding("The shirt loses {drop} points.", holds=False, drop=1)


@pytest.mark.slow
def test_a_page_is_held_to_its_sentences_on_the_records_it_was_drawn_from(sources, folders):
    """A rerun that goes on after an interruption is not: its pages are of other records."""
    import_page, says = SAYS
    write_notebook(sources / "02_says.ipynb", import_page, says.format(False))
    lines, (job,) = [], jobs.jobs("theory")
    assert any('cell 4 raised FindingError: no longer true of these records: "It is so."' in line for line in drawn())
    assert not pipeline.said_all_of_these_records(job)  # never drawn
    draw.draw([replace(job, strict=False)], say=lines.append)
    assert lines[-1].endswith("1 sentence left out that these records contradict")
    assert not pipeline.said_all_of_these_records(job)  # drawn without a sentence, as it will be again
    write_notebook(sources / "02_says.ipynb", import_page, says.format(True))
    drawn()
    assert pipeline.said_all_of_these_records(job)
    (job.folder / "records").mkdir()
    (job.folder / "records" / "new.json").write_text("{}")
    assert not pipeline.said_all_of_these_records(job)  # published, but interrupted before the page was drawn


def test_publish_removes_only_what_no_run_claims(finished, published):
    unclaimed = ["records/at-s0-0000000000.json", "records/at-s0-0000000000.provenance.json",
                 "weights/frl-s9-0.safetensors"]  # fmt: skip
    others = ["README.md", "records/notes.txt", "figures/at-s0-0000000000.json", "records/deep/x.json",
              "../fashion/records/x.json"]  # fmt: skip
    for name in unclaimed + others:
        (published / name).parent.mkdir(parents=True, exist_ok=True)
        (published / name).write_text(finished.record(SMOKE.runs()[0]).to_json())
    removed = publish.publish(SMOKE, finished, published)
    assert sorted(removed) == sorted(os.path.basename(name) for name in unclaimed)
    assert [name for name in unclaimed + others if (published / name).exists()] == others


# --- bad input


def test_what_stops_a_publication_is_told_before_training(folders, monkeypatch):
    folders[0].write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot make the folder"):
        pipeline.reproduce("smoke")
    folders[0].unlink()
    bad = folders[0] / "smoke" / "records" / "at-s0-0123456789.json"
    bad.parent.mkdir(parents=True)
    bad.write_text("{")
    with pytest.raises(RecordError, match=r"at-s0-0123456789\.json is not a run record.*move it away"):
        pipeline.reproduce("smoke")
    assert bad.read_text() == "{"

    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(publish.tempfile, "TemporaryFile", refuse)
    with pytest.raises(StoreError, match="Read-only file system; free some space or name another --outputs"):
        pipeline.reproduce("smoke")
    assert not folders[1].exists(), "nothing was trained"


def test_a_full_disk_leaves_every_file_whole(finished, published, monkeypatch):
    new = {f: f.read_bytes() for f in published.rglob("*") if f.is_file()}
    for file in (published / "records").glob("*.json"):  # what was published is of other data
        file.write_text(file.read_text().replace("0123456789abcdef", "fedcba9876543210"))
    old = {file: file.read_bytes() for file in new}
    written = iter(range(10_000))

    def full(_):
        if next(written) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        publish.publish(SMOKE, finished, published)
    now = {f: f.read_bytes() for f in published.rglob("*") if f.is_file()}
    assert now.keys() == new.keys()
    assert all(blob in (old[file], new[file]) for file, blob in now.items())
    assert now not in (old, new)


def test_render_needs_all_records_and_their_provenance(published):
    path = next((published / "records").glob("*.provenance.json"))
    path.unlink()
    with pytest.raises(StoreError, match=r"provenance\.json is missing"):
        pipeline.render("smoke")
    path.with_name(path.name.replace(".provenance", "")).unlink()
    with pytest.raises(StoreError, match=r"records of profile smoke are missing.*make reproduce PROFILE=smoke"):
        pipeline.render("smoke")
