"""The two ways to the pages: `reproduce` trains what is missing first, `render` draws from what is published.

Both raise `StoreError`, `RecordError` or `SweepError` with a message that says what to do, and `PagesFailed` if a
notebook failed; its published page is then left as it was.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from cfa_nb.config import TrainConfig
from cfa_nb.files import StoreError, make_folder
from cfa_nb.paths import page_set_dir, runs_dir
from cfa_nb.runs.profiles import DEFAULT, profile_named
from cfa_nb.runs.store import RunStore, run_id
from cfa_nb.runs.study import Profile
from cfa_nb.runs.sweep import ensure, run_lines
from cfa_pages.pages import cache
from cfa_pages.pages.compare import closing_lines, compare_all
from cfa_pages.pages.draw import LEFT_OUT, PAGES_AT_ONCE, draw
from cfa_pages.pages.jobs import THEORY, Job, jobs
from cfa_pages.pages.manifest import Manifest
from cfa_pages.results.published import Published


def reproduce(
    name: str,
    *,
    workers: int | None = None,
    at_once: int = PAGES_AT_ONCE,
    force: bool = False,
    say: Callable[[str], None] = click.echo,
    device: str | None = None,
    keep_weights: str = "reported",
) -> None:
    """Trains the missing runs of a profile, publishes its records and draws its pages and the theory pages.

    On other records than those it was published with a page leaves out the sentences that they contradict.

    Args:
        name: of the profile.
        workers: processes that train, one thread each (default: usable cores).
        at_once: notebooks executed at a time.
        force: execute notebooks whose page is up to date, too.
        say: takes the lines of progress.
        device, keep_weights: as `cfa_nb.runs.sweep.ensure` takes them.
    """
    profile, store = profile_named(name), RunStore(runs_dir())
    folder, page_jobs = page_set_dir(name), [*jobs(THEORY), *jobs(name)]
    require_writable(folder)
    before = Published(folder)
    before.names  # noqa: B018  # a published record that does not parse is told before the training, not after
    options = dict(workers=workers, device=device, keep_weights=keep_weights)
    trained = ensure(profile, profile.runs(), store, progress=run_lines(profile, say), **options)
    say(f"{name}: {len(trained)} runs trained, all {len(profile.runs())} are there")
    agreements = compare_all(profile, store, before)
    for removed in publish(profile, store, folder):
        say(f"{name}: removed {removed}, which belongs to no run any more")
    if not profile.has_pages:
        say(f"{name}: has no pages of its own; `make render` shows it on those of {DEFAULT}")
    page_jobs = [replace(job, strict=said_all_of_these_records(job)) for job in page_jobs]
    try:
        draw(page_jobs, at_once=at_once, force=force, say=say)
    finally:  # the records that were compared with are replaced by now
        for line in closing_lines(profile, agreements):
            say(line)


def said_all_of_these_records(job: Job) -> bool:
    """Whether the published page was drawn from the records that are there now, and left out no sentence."""
    entry, page = Manifest(job.page_set).entry(job), job.folder / job.page
    if not entry or not page.is_file() or LEFT_OUT in page.read_text(encoding="utf-8"):
        return False
    now = cache.key(job)
    return all(entry["key"].get(part) == now[part] for part in ("records", "beside"))


def render(
    name: str, *, at_once: int = PAGES_AT_ONCE, force: bool = False, say: Callable[[str], None] = click.echo
) -> None:
    """Draws the pages of a profile and the theory page from the published records, without training."""
    profile = profile_named(name)
    if not profile.has_pages:
        raise ValueError(f"{name} has no pages of its own; it is shown on those of {DEFAULT}")
    require_published(profile, Published(page_set_dir(name)))
    require_writable(page_set_dir(name))
    draw([*jobs(THEORY), *jobs(name)], at_once=at_once, force=force, say=say)


def require_writable(folder: Path) -> None:
    """Raises `StoreError` at the door if nothing can be written into this folder; it is made if it is not there."""
    make_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0" * 65536)
    except OSError as error:
        advice = "free some space or name another --outputs"
        raise StoreError(f"cannot write into {folder}: {error.strerror}; {advice}") from error


def require_published(profile: Profile, published: Published) -> None:
    """Raises `StoreError` that names the first missing record, if the profile's records are not complete."""
    missing = unpublished(profile, published.folder)
    if missing:
        example = f"{missing[0].recipe}, seed {missing[0].seed}"
        raise StoreError(
            f"{len(missing)} of {len(profile.runs())} records of profile {profile.name} are missing in "
            f"{published.folder} (the first: {example}); `make reproduce PROFILE={profile.name}` makes them"
        )
    for config in profile.runs():
        _require_provenance(published, config)


def unpublished(profile: Profile, folder: Path) -> list[TrainConfig]:
    """The runs of a profile that have no record below `folder`."""
    published = Published(folder)
    return [c for c in profile.runs() if not published.status(c).fresh]


def _require_provenance(published, config):
    try:
        published.provenance(config)
    except FileNotFoundError as error:
        raise StoreError(f"{error.filename} is missing; restore it, or `reproduce` publishes it again") from error


def publish(profile: Profile, store: RunStore, folder: Path) -> list[str]:
    """Publishes the finished runs of a profile below `folder`, then removes what no run of it claims any more.

    Returns:
        Names of the removed files.
    Raises:
        StoreError: if the folder cannot be written; each file is whole, old or new.
    """
    published = Published(folder)
    for config in (c for c in profile.runs() if store.status(c).fresh):
        wanted = profile.published_weights(config)
        published.publish(store, config, [key for key in wanted if key in store.record(config).checkpoints])
    return remove_obsolete(profile, folder)


def remove_obsolete(profile: Profile, folder: Path) -> list[str]:
    """Removes records and weights that belong to no run of the profile; returns their names.

    Only files directly below `records` and `weights` of this folder that are named as records are.
    """
    names = {run_id(config) for config in profile.runs()}
    file_names = {f"{name}{suffix}" for name in names for suffix in (".json", ".provenance.json")}
    file_names |= {f"{run_id(config)}.safetensors" for config in profile.runs() if profile.published_weights(config)}
    present_files = [*(folder / "records").glob("*.json"), *(folder / "weights").glob("*.safetensors")]
    obsolete = [file for file in sorted(present_files) if file.name not in file_names]
    for file in obsolete:
        file.unlink()
    return [file.name for file in obsolete]
