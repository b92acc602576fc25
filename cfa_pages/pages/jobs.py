"""Which notebooks make the pages of a profile: `Job` is one notebook and the page set it is executed for."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from cfa_nb.paths import notebooks_dir, page_set_dir, slug
from cfa_nb.runs.profiles import profile_named

#: The page set that needs no profile, and its notebooks.
THEORY = "theory"
THEORY_NOTEBOOKS = ("01_toy_theory", "08_beyond_the_paper")

FIRST_PAGE = "00_"  # the map of the others: executed after them


@dataclass(frozen=True)
class Job:
    """A notebook to execute for a page set: a profile's name, or "theory".

    strict: a sentence of the page that its records contradict is an error; else it is left out with a note.
    """

    source: Path
    page_set: str
    strict: bool = True

    @property
    def name(self) -> str:
        """The notebook's file name without suffix: "02_margin_study"."""
        return self.source.stem

    @property
    def parameters(self) -> dict[str, str]:
        """What the notebook is told; a theory notebook keeps its own values."""
        return {} if self.page_set == THEORY else {"profile": self.page_set}

    @property
    def links(self) -> dict[str, str]:
        """{notebook file: relative path of its page}, where that page lies in another page set."""
        return targets(self.page_set, THEORY, THEORY_NOTEBOOKS)

    @property
    def folder(self) -> Path:
        """Where the page set is published."""
        return page_set_dir(self.page_set)

    @property
    def page(self) -> str:
        """The executed notebook, relative to `folder`."""
        return f"notebooks/{self.source.name}"

    @property
    def last(self) -> bool:
        """True for the page that is executed after all others."""
        return self.name.startswith(FIRST_PAGE)


def jobs(page_set: str) -> list[Job]:
    """The jobs of a page set, in order of their names, the first page at the end; none for a study without pages.

    Raises:
        FileNotFoundError: if there is no notebook for it.
    """
    if page_set != THEORY and not profile_named(page_set).has_pages:
        return []
    sources = [s for s in sorted(notebooks_dir().glob("[0-9][0-9]_*.ipynb")) if _belongs(s.stem, page_set)]
    if not sources:
        raise FileNotFoundError(f"no notebook for {page_set!r} in {notebooks_dir()}; run from a complete checkout")
    return sorted((Job(s, page_set) for s in sources), key=lambda job: (job.last, job.name))


def _belongs(name, page_set):
    return (name in THEORY_NOTEBOOKS) == (page_set == THEORY)


_LINK = re.compile(r'(\]\(|href=")([0-9][0-9]_\w+\.ipynb)')

#: The page set that the theory's page, which belongs to all, leads to.
FIRST_READ = "fashion"


def targets(page_set: str, theory: str, theory_notebooks: Collection[str]) -> dict[str, str]:
    """{notebook file: its page relative to this page set's notebooks}, for those that are pages of another set."""
    pages_by_file = {}
    for file in notebooks_dir().glob("[0-9][0-9]_*.ipynb"):
        home = theory if file.stem in theory_notebooks else FIRST_READ if page_set == theory else page_set
        if home != page_set:
            pages_by_file[file.name] = f"../../{slug(home)}/notebooks/{file.name}"
    return pages_by_file


def relink(notebook: NotebookNode, links: dict[str, str]) -> NotebookNode:
    """Points Markdown and HTML links at the pages, in text cells and in outputs; in place, returns the notebook."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell["source"] = _relinked(cell.source, links)
        for output in cell.get("outputs", []):
            for kind in ("text/markdown", "text/html"):
                if kind in output.get("data", {}):
                    output["data"][kind] = _relinked(output["data"][kind], links)
    return notebook


def _relinked(text, links):
    return _LINK.sub(lambda m: m[1] + links.get(m[2], m[2]), text)
