"""Copies records, provenance and reported checkpoints of a profile's finished runs to where pages are drawn from."""

from cfa_nb.config import ROWS
from cfa_nb.published import Published
from cfa_nb.store import run_id

TABLES = ("table1", "table2", "table3")
SELECTIONS = ("best", "last")


def publish(profile, store, folder):
    """Publishes all runs of a profile below `folder`, then removes what no run of it claims any more.

    Returns:
        Names of the removed files.
    Raises:
        StoreError: if a run is not finished or the folder cannot be written; each file is whole, old or new.
    """
    published = Published(folder)
    in_tables = {config for table in TABLES for config in profile.runs(table)}
    for config in profile.runs():
        keys = reported_keys(store.record(config)) if config in in_tables and profile.commits_weights else ()
        published.publish(store, config, keys)
    return remove_obsolete(profile, folder)


def reported_keys(record):
    """Keys of the checkpoints behind a run's table rows: best and last of the weights that its rows look at."""
    weights = {row.weights for row in ROWS.values() if row.recipe == record.config.recipe}
    return sorted({record.reported(w, s) for w in weights for s in SELECTIONS})


def remove_obsolete(profile, folder):
    """Removes records and weights that belong to no run of the profile; returns their names.

    Only files directly below `records` and `weights` of this folder that are named as records are.
    """
    names = {run_id(config) for config in profile.runs()}
    tables = {run_id(config) for table in TABLES for config in profile.runs(table)}
    kept = {f"{name}{suffix}" for name in names for suffix in (".json", ".provenance.json")}
    kept |= {f"{name}.safetensors" for name in tables}
    own = [*(folder / "records").glob("*.json"), *(folder / "weights").glob("*.safetensors")]
    obsolete = [file for file in sorted(own) if file.name not in kept]
    for file in obsolete:
        file.unlink()
    return [file.name for file in obsolete]
