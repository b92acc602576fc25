"""What long reading says meanwhile, on stderr: `say` a line, `bar` a progress bar; neither in a saved page."""

import os
import sys

MANY = 2_000  # files, from which a bar is worth drawing


def say(text):
    """One line on stderr."""
    if not _in_a_page():
        print(text, file=sys.stderr, flush=True)


def bar(items, label):
    """The items of a list, under a progress bar where there are more than `MANY`."""
    from tqdm.std import tqdm

    quiet = len(items) <= MANY or _in_a_page()
    return tqdm(items, desc=label, unit="file", file=sys.stderr, mininterval=0.5, disable=quiet)


def _in_a_page():
    return os.environ.get("CFA_NB_RUNNER") == "1"  # a bar's speed would make the page another one each time
