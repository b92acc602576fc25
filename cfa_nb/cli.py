"""The command line of the training core: `python -m cfa_nb train|sweep|status|evaluate`.

Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 interrupted. Messages of failures go to stderr.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from functools import reduce, wraps
from pathlib import Path

import click

from cfa_nb.config import LIVE, TrainConfig
from cfa_nb.files import runs_dir, write
from cfa_nb.runs.profiles import DEFAULT, PROFILES, profile_named
from cfa_nb.runs.variants import MOST_SEEDS, SEEDS, VARIANTS

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
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        message, code = "interrupted; nothing is lost: the same command goes on where it stopped", 130
    except BrokenPipeError:  # the reader of our output has gone: `status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RuntimeError, ValueError, OSError) as error:
        message, code = str(error), 1
    print(f"cfa_nb: {message}", file=sys.stderr, flush=True)
    return code


def _into(variable):
    """A callback that puts an option's value into the environment, where workers and notebooks find it."""

    def enter(context, option, value):
        if value:
            os.environ[variable] = str(value)
        return value

    return enter


def _folder(option, variable, help, **more):
    return click.option(option, type=os.path.abspath, metavar="DIR", callback=_into(variable), help=help, **more)


def _options(*options):
    """A decorator that adds several options, shown in this order."""
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


folder_options = _options(
    _folder("--outputs", "CFA_NB_OUTPUTS", "Where records and pages are published (default: outputs/).",
            expose_value=False),
    _folder("--runs", "CFA_NB_RUNS", "Where runs are trained and kept (default: runs/).", expose_value=False),
)  # fmt: skip
training_options = _options(
    click.option("--workers", type=AT_LEAST_1, metavar="N", help="Training processes, one thread each (default: usable "
                 "cores; 1 on a GPU)."),
    click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Default: a GPU for natural images where there "
                 "is one, else the CPU."),
    click.option("--plain", is_flag=True, expose_value=False, callback=_into("CFA_NB_PLAIN"), help="On a GPU: make all "
                 "steps one by one, without graphs and compilation."),
    click.option("--keep-weights", type=click.Choice(["reported", "all"]), default="reported",
                 help="The checkpoints that tables show (default), or those of every run."),
)  # fmt: skip


def profile_options(command: Callable) -> Callable:
    """Adds --profile, --seeds, and --data-dir with its two details; the command is called with `profile`, a name."""

    @_options(
        click.option("--profile", metavar="NAME", help=f"One of {', '.join(PROFILES)} (default: {DEFAULT})."),
        _folder("--data-dir", "CFA_NB_DATA_DIR", "Train on a folder of images (<class>/*, or train/<class>/* and "
                "test/<class>/*) instead of the profile's data."),
        click.option("--data-name", metavar="NAME", help="How records call it (default: the folder's name)."),
        click.option("--image-size", type=AT_LEAST_1, metavar="N", help="Resize its images to N x N pixels."),
        click.option("--seeds", metavar="N", expose_value=False, is_eager=True, callback=_into(SEEDS), help="How many "
                     f"seeds, 1 to {MOST_SEEDS}, or which, such as 50-59 (default: the profile's)."),
    )  # fmt: skip
    @wraps(command)
    def resolved(profile, data_dir, data_name, image_size, **others):
        return command(profile=_profile(profile, data_dir, data_name, image_size), **others)

    return resolved


def _profile(name, data_dir, data_name, image_size):
    """The profile's full name; the folder of images, if there is one, is part of it."""
    if data_dir is None and (data_name or image_size):
        raise click.UsageError("--data-name and --image-size tell of a folder of images; give --data-dir DIR, too")
    if data_dir is not None and not name:
        raise click.UsageError("--data-dir: say what to do with the images: --profile cifar10-quick, or another one")
    if data_dir is not None:
        name += f"@{data_name or Path(data_dir).name}" + (f":{image_size}" if image_size else "")
    try:
        return profile_named(name or DEFAULT).name
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.group("cfa_nb", epilog=PROFILES_TEXT)
def core():
    """The training core of the companion of 'CFA: Class-wise Calibrated Fair Adversarial Training' (CVPR 2023)."""


#: How --set reads a text, by the type of its field's default.
READERS = {str: str, int: int, type(None): int, float: lambda text: float(Fraction(text)),
           bool: {"true": True, "false": False}.__getitem__,
           tuple: lambda text: tuple(map(int, text.split(",")))}  # fmt: skip


def _changes(context, option, pairs):
    """{field: value} of texts such as "eps=8/255"."""
    defaults = {f.name: f.default for f in fields(TrainConfig) if f.name not in ("seed", "parent")}
    changes = {}
    for name, _, text in (pair.partition("=") for pair in pairs):
        if name not in defaults:
            raise click.BadParameter(f"there is no field {name!r}; there are {', '.join(defaults)}")
        try:
            changes[name] = READERS[type(defaults[name])](text)
        except (ValueError, KeyError, ZeroDivisionError) as error:
            raise click.BadParameter(f"{name} takes a value such as {defaults[name]!r}, not {text!r}") from error
    return changes


@core.command()
@click.argument("method")
@folder_options
@profile_options
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Default: the profile's first.")
@click.option("--set", "changes", multiple=True, metavar="FIELD=VALUE", callback=_changes, help="Another value for a "
              "field of the run, such as eps=8/255, milestones=10,15 or flip=false; may be repeated.")  # fmt: skip
@click.option(
    "--again", is_flag=True, help="Train it anew, as after a change of its code; the old record is set aside."
)
def train(profile, method, seed, changes, again):
    """Train one run and say how it did; a finished one is only read.

    METHOD is a training run: at, at_ccm, trades_ccm_ccr, frl, ...; a wrong one lists all.
    """
    from cfa_nb.runs.store import RunStore
    from cfa_nb.runs.sweep import ensure

    chosen, store = profile_named(profile), RunStore(runs_dir())
    try:
        config = chosen.config(method, chosen.seeds[0] if seed is None else seed, **changes)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if again:
        with store.lock(config):  # whoever trains it now ends first
            store.set_aside(config)
    # all its checkpoints are kept: a run that is asked for by name is wanted
    trained = ensure(chosen, [config], store, workers=1, keep_weights="all")
    record = store.record(config)
    robust = record.measured(LIVE, "test", config.epochs).robust
    click.echo(f"{store.path(config)}: {'trained' if config in trained else 'was finished already'}")
    click.echo(f"  robust test accuracy after epoch {config.epochs} (PGD-{config.eval_steps}): {robust.overall:.1%}")
    click.echo(f"  worst class {record.class_names[robust.worst_class]}: {robust.worst:.1%}")


@core.command()
@folder_options
@profile_options
@training_options
@click.option("--aa-seeds", type=AT_LEAST_1, metavar="N", help="How many seeds meet standard AutoAttack (default: 1).")
def sweep(profile, aa_seeds, **options):
    """Train all runs of a profile that are missing, without drawing pages."""
    from cfa_nb.runs.store import RunStore
    from cfa_nb.runs.sweep import ensure

    chosen = profile_named(profile)
    chosen = replace(chosen, aa_seeds=aa_seeds or chosen.aa_seeds)
    trained = ensure(chosen, chosen.runs(), RunStore(runs_dir()), **options)
    click.echo(f"{profile}: {len(trained)} runs trained, all {len(chosen.runs())} are there")


@core.command()
@folder_options
@profile_options
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def status(profile, as_json):
    """Say which runs are finished, partial, stale or missing, and why, with the time and disk left."""
    from cfa_nb.runs.status import lines, status

    print_state(status(profile), lines, as_json)


def print_state(state: dict, lines: Callable, as_json: bool) -> None:
    """Prints what `status` gave, as JSON or as lines of text."""
    print(json.dumps(state, indent=1) if as_json else "\n".join(lines(state)))


def _margin(context, option, text):
    """The number of a text such as "8/255"."""
    try:
        margin = text and float(Fraction(text))
    except (ValueError, ZeroDivisionError):
        margin = 0.0
    if text and not 0 < margin <= 1:
        raise click.BadParameter(f"must lie above 0 and up to 1, such as 8/255 or 0.03, not {text!r}")
    return margin


# fmt: off
@core.command()
@click.option("--weights", required=True, metavar="FILE", help=".safetensors, or a state dict written by torch.save.")
@click.option("--checkpoint", metavar="NAME", help="Which one of a file below outputs/, such as fawa/last.")
@click.option("--architecture", metavar="NAME",
              help="package.module:callable, or preactresnet18 (default: what the file says or looks like).")
@click.option("--dataset", metavar="NAME", help="Such as cifar10 or folder:NAME; a wrong one lists all (default: what "
              "our weights were trained on; cifar10 for others).")
@_folder("--data-dir", "CFA_NB_DATA_DIR", "The folder of images, for --dataset folder.", expose_value=False)
@click.option("--image-size", type=AT_LEAST_1, metavar="N", help="Resize its images to N x N pixels.")
@click.option("--attacks", metavar="LIST", help="Such as pgd20,targeted20,square,aa-fast,aa (default: pgd20,aa; "
              "pgd20,square for fewer than 10 classes).")
@click.option("--eps", callback=_margin, metavar="E",
              help="In pixel units, such as 8/255 (default: our weights' own; 8/255).")
@click.option("--per-class", type=AT_LEAST_1, metavar="N", help="Only the first N test images a class.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Default: a GPU if there is one.")
@click.option("--json", "json_file", metavar="FILE", help="Also write the card as data.")
def evaluate(weights, attacks, eps, per_class, device, json_file, **options):
    """Attack a file of weights and say how robust each class is.

    Our weights say themselves what they are; those of the paper's authors are recognised; any other network comes from
    a callable of yours, which is called without arguments and gives an nn.Module from pixels in [0, 1] to logits.
    Batches of AutoAttack that are done are not done again after an interruption.
    """
    # fmt: on
    import torch

    from cfa_nb.card.card import lines
    from cfa_nb.card.subject import attack_kinds, load_subject

    kinds = attack_kinds(attacks) if attacks else None  # wrong names are said before anything is read
    subject = load_subject(weights, **options)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    chosen = subject.attacks(kinds, eps, per_class)
    card = subject.card(chosen, device)
    click.echo("\n".join(lines(card)))
    if json_file:
        write(json_file, (json.dumps(card, indent=1) + "\n").encode())


def main(argv: list[str] | None = None) -> int:
    """The command line of the core; returns the exit code."""
    return run_command(core, argv)
