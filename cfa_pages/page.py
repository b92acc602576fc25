"""One notebook's view of the study: its runs, its header, its figures and tables.

    page = Page("02_margin_study", profile)
    page.header()
    runs = page.runs("fig2")
    page.figure(report.margin_curves(runs, page.profile), "fig2a", "Fig. 2(a). ...", alt="...")

In JupyterLab a run that is not finished on this machine is shown as it was published; one that never was is trained,
with progress; pictures are only shown. Under the runner (`CFA_NB_RUNNER`) a missing run is an error, and pictures and
tables are saved below `outputs/<profile>/` as well.
"""

import os

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Image, Markdown, display
from matplotlib.figure import Figure
from torch import nn

from cfa_nb import data
from cfa_nb.config import LIVE
from cfa_nb.method.model import build
from cfa_nb.paths import page_set_dir, runs_dir
from cfa_nb.runs.profiles import profile_named
from cfa_nb.runs.store import RunStore, StoreError, write
from cfa_nb.runs.study import Profile
from cfa_nb.runs.sweep import ensure, work_of
from cfa_pages.report.header import header_text, theory_header_text
from cfa_pages.report.style import png, styled, use_style
from cfa_pages.results.published import Published
from cfa_pages.results.runs import Run, Runs

THEORY = "theory"  # the page set that needs no profile


class Page:
    """What a notebook asks for.

    Args:
        name: the notebook's file name without suffix.
        profile: name of a profile, or "theory" for the page that needs none.
    Raises:
        ValueError: if there is no such profile.
    """

    def __init__(self, name: str, profile: str):
        self.name = name
        self.folder = page_set_dir(profile)
        self.saves = os.environ.get("CFA_NB_RUNNER") == "1"
        self.profile = None if profile == THEORY else profile_named(profile)
        self.published = Published(self.folder)
        self.store = self.published if os.environ.get("CFA_NB_SOURCE") == "published" else RunStore(runs_dir())
        use_style()

    def header(self) -> None:
        """Shows what this page rests on: data, runs, seeds, measured seconds, hardware, commit."""
        if self.profile is None:
            return display(Markdown(theory_header_text()))
        configs = self.profile.page_runs(self.name) or self.profile.runs()
        return display(Markdown(header_text(self.profile, self._load(configs))))

    def note(self) -> None:
        """Says what this page's data can show, and what it cannot."""
        text = f"{self.profile.data_label}: {self.profile.description}"
        if not self.profile.paper_protocol:
            text += " The paper's numbers stand in columns of their own, and no difference to them is computed."
        return display(Markdown(f"> **What this data can show.** {text}"))

    def runs(self, figure: str | None = None) -> Runs:
        """The finished `Runs` behind a figure or table ("fig2"), or behind all of them."""
        return self._load(self.profile.runs(figure))

    def beside(self, name: str) -> tuple[Profile, Runs]:
        """Another profile and its published runs, all that there are: shown in a section beside this page's own."""
        profile = profile_named(name)
        published = Published(page_set_dir(name))
        configs = [c for c in profile.runs() if published.status(c).fresh]
        return profile, Runs(Run(c, published.record(c), published.provenance(c)) for c in configs)

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
        return RunStore(os.environ.get("CFA_NB_LARGE_WEIGHTS", runs_dir())).load_weights(run.config, key)

    def _store_of(self, config):
        """Where a run is read: as published, if it is not finished on this machine."""
        if self.store is self.published or self.store.status(config, **work_of(self.profile, config)).fresh:
            return self.store
        return self.published if self.published.status(config).fresh else self.store

    def _load(self, configs):
        stores = {c: self._store_of(c) for c in configs}
        if not self.saves:
            ensure(self.profile, [c for c in configs if isinstance(stores[c], RunStore)], self.store)
        return Runs(Run(c, stores[c].record(c), stores[c].provenance(c)) for c in configs)

    def figure(self, fig: Figure, name: str, caption: str, alt: str | None = None) -> None:
        """Shows a figure with its caption; saves it as figures/<name>.png under the runner."""
        picture = png(fig)
        plt.close(fig)
        if self.saves:
            write(self.folder / "figures" / f"{name}.png", picture)
        display(Image(picture, alt=alt or caption, metadata={"alt": alt or caption}))
        display(Markdown(f"*{caption}*"))

    def table(self, table: pd.DataFrame, name: str, caption: str) -> None:
        """Shows a DataFrame with its caption; saves it as tables/<name>.csv under the runner."""
        if self.saves:
            write(self.folder / "tables" / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
        display(Markdown(f"*{caption}*"))
        display(styled(table, name))
