"""One notebook's view of the study: its results, what it says of them, its figures and tables.

    page = Page("02_margin_study", profile)
    results = page.results("fig2")
    page.finding("A stronger attack costs the shirt {drop:.0f} points.", holds=drop > 1, drop=drop)
    page.figure(report.margin_curves(results), "fig2a", "Fig. 2(a). ...", alt="...")
    page.provenance()

In JupyterLab a run that is not finished on this machine is shown as it was published; one that never was is trained,
with progress; pictures are only shown. The runner draws from published runs alone. It names in `CFA_NB_RUNNER` a
folder in which pictures and tables are saved, too, and moves them to `outputs/<profile>/` when the page is finished.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, Image, Markdown, display
from matplotlib.figure import Figure
from torch import nn

from cfa_nb import data
from cfa_nb.config import LIVE
from cfa_nb.files import page_set_dir, runs_dir
from cfa_nb.method.model import build
from cfa_nb.runs.profiles import DEFAULT, profile_named
from cfa_nb.runs.store import RunStore, StoreError, write
from cfa_nb.runs.study import FIGURES
from cfa_nb.runs.sweep import ensure, work_of
from cfa_pages.report.header import header_text
from cfa_pages.report.style import png, styled, svg, use_style
from cfa_pages.results.published import Published
from cfa_pages.results.runs import Results, Run
from cfa_pages.results.stats import with_numbers

THEORY = "theory"  # the page set that needs no profile


class FindingError(RuntimeError):
    """A sentence of a page is no longer true; the message quotes it."""


class Page:
    """What a notebook asks for.

    Args:
        name: the notebook's file name without suffix.
        profile: name of a profile, or "theory" for the page that needs none.
    Raises:
        ValueError: if there is no such profile, or it has no pages.
    """

    def __init__(self, name: str, profile: str):
        self.name = name
        self.folder = page_set_dir(profile)
        self.saves_in = os.environ.get("CFA_NB_RUNNER")
        self.profile = None if profile == THEORY else profile_named(profile)
        if self.profile and not self.profile.has_pages:
            raise ValueError(f"{profile} has no pages of its own; it is shown on those of {DEFAULT}")
        if self.profile and self.profile.name != DEFAULT:
            display(Markdown(f"*Sentences about results are written for `{DEFAULT}` and left out here.*"))
        self.published = Published(self.folder)
        self.store = self.published if self.saves_in else RunStore(runs_dir())
        use_style()

    def finding(self, text: str, holds: bool, **numbers) -> None:
        """Shows a sentence about a result as one item of a list (`words`)."""
        if sentence := self.words(text, holds, **numbers):
            display(Markdown(f"- {sentence}"))

    def words(self, text: str, holds: bool, **numbers) -> str:
        """A sentence about a result: words by hand, `numbers` filled in from the records, and whether it is true.

        Somebody wrote it who looked at the pictures of the theory or of the default profile; on another profile's pages
        it is not said. Where it does not hold it is left out, with a note; while a page is published it is an error.

        Returns:
            The sentence, "" where it is not said.
        Raises:
            FindingError: if it does not hold and the page is to be published.
        """
        if self.profile is not None and self.profile.name != DEFAULT:
            return ""
        if holds:
            return text.format(**numbers)
        if os.environ.get("CFA_NB_FINDINGS") == "strict":
            advice = "rewrite it; on records of your own `make reproduce` leaves it out"
            raise FindingError(f'no longer true of these records: "{text.format(**numbers)}"; {advice}')
        note = "*One sentence is left out here: it does not hold on these records.*"
        display(Markdown(note), metadata={"left_out": text})
        return ""

    def provenance(self) -> None:
        """What this page rests on, folded: data, runs, seeds, measured seconds, hardware, commit."""
        figures = (figure for figure, shown_on in FIGURES.items() if shown_on == self.name)
        text = header_text(self.results(*figures))
        summary = "<summary>Data, runs, hardware and versions of this page</summary>"
        display(Markdown(f"<details>{summary}\n\n{text}\n</details>"))

    def results(self, *figures: str) -> Results:
        """The finished `Results` behind figures or tables ("fig2"), or, of none, behind all of them."""
        return self._load(self.profile.runs(*figures))

    def beside(self, name: str) -> Results:
        """What is published of another profile, shown beside this page's own results."""
        profile = profile_named(name)
        published = Published(page_set_dir(name))
        configs = [c for c in profile.runs() if published.status(c).fresh]
        return Results(profile, (Run(c, published.record(c), published.provenance(c)) for c in configs))

    def network(self, run: Run, key: str = f"{LIVE}/last") -> nn.Module:
        """The network of a run with the weights of a kept checkpoint, in eval mode.

        Large weights are not published with the records; where the run's own are not on this machine either, the
        network has its initial weights, and says so.
        """
        dataset = data.load(run.config)
        model = build(run.config, dataset.num_classes, dataset.image_shape)
        try:
            model.load_state_dict(self._weights(run, key))
        except StoreError as error:
            if self.profile.commits_weights:
                raise
            display(Markdown(f"> **Initial weights**: {key} of this run is not on this machine ({error})."))
        return model.eval()

    def _weights(self, run, key):
        store = self._store_of(run.config)
        if self.profile.commits_weights or isinstance(store, RunStore):
            return store.load_weights(run.config, key)
        return RunStore(runs_dir()).load_weights(run.config, key)

    def _store_of(self, config):
        """Where a run is read: as published, if it is not finished on this machine."""
        if self.store is self.published or self.store.status(config, **work_of(self.profile, config)).fresh:
            return self.store
        return self.published if self.published.status(config).fresh else self.store

    def _load(self, configs):
        stores = {c: self._store_of(c) for c in configs}
        if not self.saves_in:
            ensure(self.profile, [c for c in configs if isinstance(stores[c], RunStore)], self.store)
        return Results(self.profile, (Run(c, stores[c].record(c), stores[c].provenance(c)) for c in configs))

    def _save(self, name, blob):
        if self.saves_in:
            write(Path(self.saves_in, name), blob)

    def figure(self, fig: Figure, name: str, caption: str, alt: str, says: str = "") -> None:
        """Shows a figure and below it what to see (`says`, from `words`) and what is drawn; the runner saves it.

        As figures/<name>.png, two pixels for one, and figures/<name>.svg.
        """
        picture, drawing = png(fig), svg(fig)
        plt.close(fig)
        self._save(f"figures/{name}.png", picture)
        self._save(f"figures/{name}.svg", drawing)
        alt = f"{says} {alt}".strip()
        display(Image(picture, retina=True, alt=alt, metadata={"alt": alt}))
        display(Markdown(f"**{says}** *{caption}*" if says else f"*{caption}*"))

    def table(self, table: pd.DataFrame, name: str, caption: str, folded_by: str = "", head: int | None = None) -> None:
        """Shows a DataFrame with its caption; the runner saves its numbers as tables/<name>.csv.

        folded_by: a column; its rows of each value are shown as one table that a click unfolds.
        head: show that many rows; the file has all.
        """
        text = with_numbers(table).to_csv(index=False, lineterminator="\n", float_format="%.6g")
        self._save(f"tables/{name}.csv", text.encode())
        display(Markdown(f"*{caption}*"))
        if not folded_by:
            return display(styled(table.head(head) if head else table, name))
        for number, (value, rows) in enumerate(table.groupby(folded_by, sort=False)):
            html = styled(rows.drop(columns=folded_by), f"{name}_{number}").to_html()
            display(HTML(f"<details><summary>{value} ({len(rows)})</summary>{html}</details>"))
