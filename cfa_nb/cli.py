"""The command line of the training core: `python -m cfa_nb train|sweep|status|evaluate`.

Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 interrupted. Messages of failures go to stderr.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import wraps
from pathlib import Path

import click

from cfa_nb.card.command import evaluate
from cfa_nb.config import LIVE, TrainConfig
from cfa_nb.runs.profiles import DEFAULT, PROFILES, profile_named
from cfa_nb.runs.variants import MOST_SEEDS, SEEDS, VARIANTS

INTERRUPTED = "interrupted; nothing is lost: the same command goes on where it stopped"
AT_LEAST_1 = click.IntRange(min=1)

PROFILES_TEXT = "\n".join(
    [
        "\b",
        "Profiles:",
        *(f"  {p.name:<18} {p.description}" for p in PROFILES.values()),
        "Variants, after a profile's name:",
        *(f"  +{name:<17} {variant.__doc__.splitlines()[0]}" for name, variant in VARIANTS.items()),
    ]
)


def run_command(group: click.Group, argv: list[str] | None = None) -> int:
    """Runs a command line, here or of the pages; returns the exit code and never shows a traceback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return group.main(argv, prog_name=f"python -m {group.name}", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return fail(INTERRUPTED, 130)
    except BrokenPipeError:  # the reader of our output has gone: `status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RuntimeError, ValueError, OSError) as error:
        return fail(str(error), 1)


def fail(message: str, code: int) -> int:
    """Says on stderr what went wrong; returns the exit code."""
    print(f"cfa_nb: {message}", file=sys.stderr, flush=True)
    return code


def _folder(variable):
    """A callback that puts an option's folder, as an absolute path, into the environment."""

    def enter(context, option, folder):
        if folder is not None:
            os.environ[variable] = str(Path(folder).absolute())
        return folder

    return enter


def _plain(context, option, wanted):
    """Puts --plain into the environment, where the workers find it."""
    if wanted:
        os.environ["CFA_NB_PLAIN"] = "1"


def _options(*options):
    """A decorator that adds several options, shown in this order."""

    def add(command):
        for option in reversed(options):
            command = option(command)
        return command

    return add


folder_options = _options(
    click.option("--outputs", metavar="DIR", expose_value=False, callback=_folder("CFA_NB_OUTPUTS"),
                 help="Where records and pages are published (default: outputs/)."),
    click.option("--runs", metavar="DIR", expose_value=False, callback=_folder("CFA_NB_RUNS"),
                 help="Where runs are trained and kept (default: runs/)."),
)  # fmt: skip


def _seeds(context, option, number):
    """Puts --seeds into the environment, where profiles, workers and notebooks find it."""
    if number is not None:
        os.environ[SEEDS] = str(number)


seeds_option = click.option("--seeds", type=click.IntRange(1, MOST_SEEDS), metavar="N", expose_value=False,
                            is_eager=True, callback=_seeds, help=f"Seeds of the study, 1 to {MOST_SEEDS} (default: the "
                            "profile's).")  # fmt: skip

training_options = _options(
    click.option("--workers", type=AT_LEAST_1, metavar="N", help="Training processes, one thread each (default: usable "
                 "cores; 1 on a GPU)."),
    click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Default: a GPU for natural images where there "
                 "is one, else the CPU."),
    click.option("--plain", is_flag=True, expose_value=False, callback=_plain, help="On a GPU: make all steps one by "
                 "one, without graphs and compilation."),
    click.option("--keep-weights", type=click.Choice(["reported", "all"]), default="reported",
                 help="The checkpoints that tables show (default), or those of every run."),
)  # fmt: skip


def profile_options() -> Callable:
    """Adds --profile, --seeds, and --data-dir with its two details; the command is called with `profile`, a name."""
    names = f"One of {', '.join(PROFILES)} (default: {DEFAULT})."
    options = _options(
        click.option("--profile", metavar="NAME", help=names),
        click.option("--data-dir", metavar="DIR", callback=_folder("CFA_NB_DATA_DIR"), help="Train on a folder of "
                     "images (<class>/*, or train/<class>/* and test/<class>/*) instead of the profile's data."),
        click.option("--data-name", metavar="NAME", help="How records call it (default: the folder's name)."),
        click.option("--image-size", type=AT_LEAST_1, metavar="N", help="Resize its images to N x N pixels."),
        seeds_option,
    )  # fmt: skip

    def add(command):
        @wraps(command)
        def resolved(profile, data_dir, data_name, image_size, **others):
            return command(profile=_profile(profile, data_dir, data_name, image_size), **others)

        return options(resolved)

    return add


def _profile(name, data_dir, data_name, image_size):
    """The profile's full name; the folder of images, if there is one, is part of it."""
    if data_dir is None and (data_name or image_size):
        raise click.UsageError("--data-name and --image-size tell of a folder of images; give --data-dir DIR, too")
    if data_dir is not None and not name:
        raise click.UsageError("--data-dir: say what to do with the images: --profile cifar10-quick, or another one")
    if data_dir is not None:
        name += f"@{data_name or Path(data_dir).absolute().name}" + (f":{image_size}" if image_size else "")
    try:
        return profile_named(name or DEFAULT).name
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.group("cfa_nb", epilog=PROFILES_TEXT)
def core():
    """The training core of the companion of 'CFA: Class-wise Calibrated Fair Adversarial Training' (CVPR 2023)."""


core.add_command(evaluate)


@core.command()
@click.argument("method")
@folder_options
@profile_options()
@click.option("--seed", type=int, metavar="N", help="Default: the profile's first.")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", help="Another value for a field of the run, "
              "such as eps=8/255, epochs=5 or flip=false; may be repeated.")  # fmt: skip
def train(profile, method, seed, changes):
    """Train one run and say how it did; a finished one is only read.

    METHOD is a training run: at, at_ccm, trades_ccm_ccr, frl, ...; a wrong one lists all.
    """
    from cfa_nb.paths import runs_dir
    from cfa_nb.runs.store import RunStore
    from cfa_nb.runs.sweep import ensure, run_lines

    chosen, store = profile_named(profile), RunStore(runs_dir())
    try:
        config = chosen.config(method, chosen.seeds[0] if seed is None else seed, **changes_from(changes))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    # all its checkpoints are kept: a run that is asked for by name is wanted
    progress = run_lines(chosen, click.echo)
    trained = ensure(chosen, [config], store, workers=1, progress=progress, keep_weights="all")
    record = store.record(config)
    robust = record.measured(LIVE, "test", config.epochs).robust
    worst = f"worst class {record.class_names[robust.worst_class]}: {100 * robust.worst:.1f} %"
    click.echo(f"{store.path(config).name}: {'trained' if config in trained else 'was finished already'}")
    click.echo(
        f"  robust test accuracy after epoch {config.epochs} (PGD-{config.eval_steps}): {100 * robust.overall:.1f} %"
    )
    click.echo(f"  {worst}\n  {store.path(config)}")


NOT_SETTABLE = {"seed": "use --seed", "parent": "FRL and the controls take the run of their seed"}
KINDS = {
    bool: "truth value (true or false)",
    tuple: "list of whole numbers such as 10,15",
    float: "number or fraction such as 8/255",
}


def changes_from(pairs: Sequence[str]) -> dict:
    """{field: value} from texts such as "eps=8/255".

    Raises:
        ValueError: on a text that is no pair, an unknown field (all are listed), or a value of the wrong kind.
    """
    return dict(_change(pair) for pair in pairs)


def _change(pair):
    name, equals, text = pair.partition("=")
    if not equals:
        raise ValueError(f"--set takes FIELD=VALUE, not {pair!r}")
    if name in NOT_SETTABLE:
        raise ValueError(f"--set {name}: {NOT_SETTABLE[name]}")
    defaults = {f.name: f.default for f in fields(TrainConfig) if f.name not in NOT_SETTABLE}
    if name not in defaults:
        raise ValueError(f"--set: unknown field {name!r}; there are {', '.join(defaults)}")
    try:
        return name, _value(defaults[name], text)
    except (ValueError, KeyError, ZeroDivisionError) as error:
        raise ValueError(f"--set {name}: {text!r} is no {KINDS.get(type(defaults[name]), 'whole number')}") from error


def _value(default, text):
    """The value of a text, of the kind of the field's default; a field without a default takes whole numbers."""
    if isinstance(default, bool):
        return {"true": True, "false": False}[text.lower()]
    if isinstance(default, tuple):
        return tuple(int(part) for part in text.split(",") if part)
    if isinstance(default, float):
        above, slash, below = text.partition("/")
        return float(above) / float(below) if slash else float(text)
    if default is None:
        return None if text.lower() == "none" else int(text)
    return type(default)(text)


@core.command()
@folder_options
@profile_options()
@training_options
@click.option("--aa-seeds", type=AT_LEAST_1, metavar="N", help="How many seeds meet standard AutoAttack (default: 1).")
def sweep(profile, aa_seeds, **options):
    """Train all runs of a profile that are missing, without drawing pages."""
    from cfa_nb.paths import runs_dir
    from cfa_nb.runs.store import RunStore
    from cfa_nb.runs.sweep import ensure, run_lines

    chosen = profile_named(profile)
    chosen = replace(chosen, aa_seeds=aa_seeds or chosen.aa_seeds)
    trained = ensure(chosen, chosen.runs(), RunStore(runs_dir()), progress=run_lines(chosen, click.echo), **options)
    click.echo(f"{profile}: {len(trained)} runs trained, all {len(chosen.runs())} are there")


@core.command()
@folder_options
@profile_options()
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def status(profile, as_json):
    """Say which runs are finished, partial, stale or missing, and why, with the time and disk left."""
    from cfa_nb.runs.status import lines, status

    print_state(status(profile), lines, as_json)


def print_state(state, lines, as_json):
    """Prints what `status` gave, as JSON or as lines of text."""
    print(json.dumps(state, indent=1) if as_json else "\n".join(lines(state)))


@core.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1)
def reproduce(options):
    """Pages are drawn by another package."""
    raise click.UsageError(f"pages are drawn by the other package: python -m cfa_pages reproduce {' '.join(options)}")


def main(argv: list[str] | None = None) -> int:
    """The command line of the core; returns the exit code."""
    return run_command(core, argv)
