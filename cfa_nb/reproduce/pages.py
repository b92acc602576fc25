"""Which notebooks make the pages of a profile: `Job` is one notebook and the page set it is executed for."""

from dataclasses import dataclass
from pathlib import Path

from cfa_nb.paths import notebooks_dir, page_set_dir
from cfa_nb.reproduce.links import targets

#: The page set that needs no profile, and its notebooks.
THEORY = "theory"
THEORY_NOTEBOOKS = ("01_toy_theory",)

FIRST_PAGE = "00_"  # the map of the others: executed after them


@dataclass(frozen=True)
class Job:
    """A notebook to execute for a page set: a profile's name, or "theory"."""

    source: Path
    page_set: str

    @property
    def name(self):
        """The notebook's file name without suffix: "02_margin_study"."""
        return self.source.stem

    @property
    def parameters(self):
        """What the notebook is told; a theory notebook keeps its own values."""
        return {} if self.page_set == THEORY else {"profile": self.page_set}

    @property
    def links(self):
        """{notebook file: relative path of its page}, where that page lies in another page set."""
        return targets(self.page_set, THEORY, THEORY_NOTEBOOKS)

    @property
    def folder(self):
        """Where the page set is published."""
        return page_set_dir(self.page_set)

    @property
    def page(self):
        """The executed notebook, relative to `folder`."""
        return f"notebooks/{self.source.name}"

    @property
    def last(self):
        """True for the page that is executed after all others."""
        return self.name.startswith(FIRST_PAGE)


def jobs(page_set):
    """The jobs of a page set, in order of their names, the first page at the end.

    Raises:
        FileNotFoundError: if there is no notebook for it.
    """
    sources = [s for s in sorted(notebooks_dir().glob("[0-9][0-9]_*.ipynb")) if _belongs(s.stem, page_set)]
    if not sources:
        raise FileNotFoundError(f"no notebook for {page_set!r} in {notebooks_dir()}; run from a complete checkout")
    return sorted((Job(s, page_set) for s in sources), key=lambda job: (job.last, job.name))


def _belongs(name, page_set):
    return (name in THEORY_NOTEBOOKS) == (page_set == THEORY)
