"""The command line of the pages: `python -m cfa_pages reproduce|render|status`; exit codes as of `cfa_nb.cli`."""

from collections.abc import Callable

import click

from cfa_nb.cli import (
    AT_LEAST_1,
    DEFAULT_PROFILES,
    PROFILES_TEXT,
    fail,
    folder_options,
    print_states,
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
@profile_options()
@training_options
@page_options
@click.option("--no-train", is_flag=True, help="Draw from the published records only: `render`.")
def reproduce(profile: str | None, no_train: bool, at_once: int, force: bool, **training) -> int:
    """Train what is missing, publish, and draw every page.

    Runs that are finished are not trained again, pages that are up to date are not executed again.
    """
    from cfa_pages.pages import pipeline

    if no_train:
        return _for_each(profile, lambda name: pipeline.render(name, at_once=at_once, force=force))
    return _for_each(profile, lambda name: pipeline.reproduce(name, at_once=at_once, force=force, **training))


@pages.command()
@folder_options
@profile_options()
@page_options
def render(profile: str | None, at_once: int, force: bool) -> int:
    """Draw every page from the published records; a missing record is an error, nothing is trained."""
    from cfa_pages.pages import pipeline

    return _for_each(profile, lambda name: pipeline.render(name, at_once=at_once, force=force))


def _for_each(profile, act):
    """Does it for one profile after the other; a failed page of one does not keep the next from being made."""
    from cfa_pages.pages.draw import PagesFailed

    code = 0
    for name in [profile] if profile else DEFAULT_PROFILES:
        try:
            act(name)
        except PagesFailed as error:
            code = fail(f"{name}: {error}", 1)
    return code


@pages.command()
@folder_options
@profile_options()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON: a list with one object a profile.")
def status(profile: str | None, as_json: bool) -> None:
    """Say which runs and pages are finished, partial, stale or missing, and why, with the time and disk left."""
    from cfa_pages.pages.status import lines, status

    print_states([status(name) for name in ([profile] if profile else DEFAULT_PROFILES)], lines, as_json)


def main(argv: list[str] | None = None) -> int:
    """The command line of the pages; returns the exit code."""
    return run_command(pages, argv)
