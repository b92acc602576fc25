"""Links between notebooks: side by side in `notebooks/`, in folders of their page sets once they are pages."""

import re

from cfa_nb.paths import notebooks_dir, slug

_LINK = re.compile(r'(\]\(|href=")([0-9][0-9]_\w+\.ipynb)')

#: The page set that the theory's page, which belongs to all, leads to.
FIRST_READ = "demo"


def targets(page_set, theory, theory_notebooks):
    """{notebook file: its page relative to this page set's notebooks}, for those that are pages of another set."""
    out = {}
    for file in notebooks_dir().glob("[0-9][0-9]_*.ipynb"):
        home = theory if file.stem in theory_notebooks else FIRST_READ if page_set == theory else page_set
        if home != page_set:
            out[file.name] = f"../../{slug(home)}/notebooks/{file.name}"
    return out


def relink(notebook, links):
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
