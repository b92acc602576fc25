"""The command line of the pages, `python -m cfa_pages reproduce|render|publish|status`; exit codes as of `cfa_nb`."""

from collections.abc import Callable

import click

from cfa_nb.cli import (
    AT_LEAST_1,
    PROFILES_TEXT,
    folder_options,
    print_state,
    profile_options,
    run_command,
    training_options,
)


@click.group("cfa_pages", epilog=PROFILES_TEXT)
def pages() -> None:
    """Reproduces the paper 'CFA: Class-wise Calibrated Fair Adversarial Training' (CVPR 2023) end to end."""


def page_options(command: Callable) -> Callable:
    """Adds --pages and --force."""
    text = "Notebooks at a time (default: 2)."
    command = click.option("--force", is_flag=True, help="Execute notebooks whose page is up to date, too.")(command)
    return click.option("--pages", "at_once", type=AT_LEAST_1, default=2, metavar="N", help=text)(command)


@pages.command()
@folder_options
@profile_options
@training_options
@page_options
def reproduce(profile: str, **options) -> None:
    """Train what is missing, publish, and draw every page.

    Runs that are finished are not trained again, pages that are up to date are not executed again.
    """
    from cfa_pages.pages import pipeline

    pipeline.reproduce(profile, **options)


@pages.command()
@folder_options
@profile_options
@page_options
def render(profile: str, **options) -> None:
    """Draw every page from the published records; a missing record is an error, nothing is trained."""
    from cfa_pages.pages import pipeline

    pipeline.render(profile, **options)


@pages.command()
@folder_options
@profile_options
def publish(profile: str) -> None:
    """Publish the records of the runs that are finished, though others are not; no page is drawn."""
    from cfa_nb.files import page_set_dir, runs_dir
    from cfa_nb.runs.profiles import profile_named
    from cfa_nb.runs.store import RunStore
    from cfa_pages.pages.publish import publish, unpublished

    chosen, folder = profile_named(profile), page_set_dir(profile)
    publish(chosen, RunStore(runs_dir()), folder)
    missing = unpublished(chosen, folder)
    click.echo(f"{profile}: {len(chosen.runs()) - len(missing)} of {len(chosen.runs())} records are in {folder}")


@pages.command()
@folder_options
@profile_options
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def status(profile: str, as_json: bool) -> None:
    """Say which runs and pages are finished, partial, stale or missing, and why, with the time and disk left."""
    from cfa_pages.pages import pipeline

    print_state(pipeline.status(profile), pipeline.status_lines, as_json)


def main(argv: list[str] | None = None) -> int:
    """The command line of the pages; returns the exit code."""
    return run_command(pages, argv)
