"""The command line: `python -m cfa_nb reproduce|render|train|evaluate|status`.

Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 interrupted. Messages of failures go to stderr.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from cfa_nb import judge
from cfa_nb.profiles import PROFILES, VARIANTS, profile_named

DEFAULT_PROFILES = ("demo", "digits")
INTERRUPTED = "interrupted; nothing is lost: the same command goes on where it stopped"

_DESCRIPTION = "Reproduces the paper 'CFA: Class-wise Calibrated Fair Adversarial Training' (CVPR 2023) end to end."
_EPILOG = f"""profiles:
{chr(10).join(f"  {p.name:<18} {p.description}" for p in PROFILES.values())}

variants, after a profile's name:
{chr(10).join(f"  +{name:<17} {variant.__doc__.splitlines()[0]}" for name, variant in VARIANTS.items())}

`python -m cfa_nb COMMAND --help` tells of a command."""


def main(argv=None):
    """Runs the command line; returns the exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    parser = _parser()
    arguments = parser.parse_args(argv)
    _set_folders(arguments)
    try:
        _set_data(arguments)
    except ValueError as error:
        parser.error(str(error))
    try:
        return arguments.run(arguments) or 0
    except KeyboardInterrupt:
        return _fail(INTERRUPTED, 130)
    except BrokenPipeError:  # the reader of our output has gone: `status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RuntimeError, ValueError, OSError) as error:
        return _fail(str(error), 1)


def _terminated(*_):
    sys.exit(143)


def _fail(message, code):
    print(f"cfa_nb: {message}", file=sys.stderr, flush=True)
    return code


def _set_folders(arguments):
    for name in ("outputs", "runs"):
        if (folder := getattr(arguments, name)) is not None:
            os.environ[f"CFA_NB_{name.upper()}"] = str(Path(folder).absolute())


def _set_data(arguments):
    """--data-dir: the folder of images, whose name becomes part of the profile's; `ValueError` if it cannot be."""
    folder = getattr(arguments, "data_dir", None)
    if folder is None:
        if getattr(arguments, "data_name", None) or getattr(arguments, "image_size", None):
            raise ValueError("--data-name and --image-size tell of a folder of images; give --data-dir DIR, too")
        return
    os.environ["CFA_NB_DATA_DIR"] = str(Path(folder).absolute())
    if "profile" in arguments:
        if not arguments.profile:
            raise ValueError(
                "--data-dir: say what to do with the images: --profile cifar10-quick, or cifar10-rehearsal"
            )
        name = arguments.data_name or Path(folder).absolute().name
        size = f":{arguments.image_size}" if arguments.image_size else ""
        arguments.profile = profile_named(f"{arguments.profile}@{name}{size}").name


def _parser():
    parser = argparse.ArgumentParser(
        "python -m cfa_nb",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_reproduce(commands)
    _add_render(commands)
    _add_train(commands)
    judge.add_command(commands, _command)
    _add_status(commands)
    return parser


def _command(commands, name, run, text, more=""):
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}. {more}")
    command.set_defaults(run=run)
    command.add_argument("--outputs", metavar="DIR", help="where records and pages are published (default: outputs/)")
    command.add_argument("--runs", metavar="DIR", help="where runs are trained and kept (default: runs/)")
    return command


def _profile_option(command, default, text):
    command.add_argument("--profile", type=_profile, default=default, metavar="NAME", help=text)
    text = (
        "train on a folder of images (<class>/*, or train/<class>/* and test/<class>/*) instead of the profile's data"
    )
    command.add_argument("--data-dir", metavar="DIR", help=text)
    command.add_argument(
        "--data-name", metavar="NAME", help="how records and pages call it (default: the folder's name)"
    )
    command.add_argument("--image-size", type=_positive, metavar="N", help="resize its images to N x N pixels")


def _add_reproduce(commands):
    more = "Runs that are finished are not trained again, pages that are up to date are not executed again."
    command = _command(commands, "reproduce", _reproduce, "train what is missing, publish, and draw every page", more)
    _profile_option(command, None, f"one of {', '.join(PROFILES)} (default: {', then '.join(DEFAULT_PROFILES)})")
    _add_training_options(command)
    _add_page_options(command)
    command.add_argument("--no-train", action="store_true", help="draw from the published records only: `render`")


def _add_render(commands):
    more = "A missing record is an error; nothing is trained."
    command = _command(commands, "render", _render, "draw every page from the published records", more)
    _profile_option(command, None, f"one of {', '.join(PROFILES)} (default: {', then '.join(DEFAULT_PROFILES)})")
    _add_page_options(command)


def _add_page_options(command):
    command.add_argument("--pages", type=_positive, default=2, metavar="N", help="notebooks at a time (default: 2)")
    command.add_argument("--force", action="store_true", help="execute notebooks whose page is up to date, too")


def _add_train(commands):
    more = "A finished run is only read. METHOD is a training run of the paper's tables: at, trades_ccm_ccr, frl, ..."
    command = _command(commands, "train", _train, "train one run and say how it did", more)
    command.add_argument("method", metavar="METHOD", help="such as at, at_ccm, trades_ccm_ccr; a wrong one lists all")
    _profile_option(command, "demo", "the run's size and data (default: demo)")
    command.add_argument("--seed", type=int, metavar="N", help="default: the profile's first")
    text = "another value for a field of the run, such as eps=8/255, epochs=5 or flip=false; may be repeated"
    command.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", dest="changes", help=text)


def _add_status(commands):
    text = "say what is finished, partial, stale or missing, and why, with the time and disk left"
    command = _command(commands, "status", _status, text, "Also which pages would be executed again, and why.")
    _profile_option(command, None, f"one of {', '.join(PROFILES)} (default: {' and '.join(DEFAULT_PROFILES)})")
    command.add_argument("--json", action="store_true", help="the same as JSON: a list with one object a profile")


def _add_training_options(command):
    text = "training processes, one thread each (default: usable cores; 1 on a GPU)"
    command.add_argument("--workers", type=_positive, default=None, metavar="N", help=text)
    text = "default: a GPU for natural images where there is one, else the CPU"
    command.add_argument("--device", choices=("cpu", "cuda"), help=text)
    text = "reported: the checkpoints that tables show (default); all: those of every run"
    command.add_argument("--keep-weights", choices=("reported", "all"), default="reported", help=text)


def _profile(name):
    try:
        return profile_named(name).name
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def _profiles(arguments):
    return [arguments.profile] if arguments.profile else DEFAULT_PROFILES


def _reproduce(arguments):
    from cfa_nb.reproduce.pipeline import reproduce

    if arguments.no_train:
        return _render(arguments)
    options = dict(workers=arguments.workers, at_once=arguments.pages, force=arguments.force)
    options |= dict(device=arguments.device, keep_weights=arguments.keep_weights)
    return _for_each_profile(arguments, lambda name: reproduce(name, **options))


def _render(arguments):
    from cfa_nb.reproduce.pipeline import render

    options = dict(at_once=arguments.pages, force=arguments.force)
    return _for_each_profile(arguments, lambda name: render(name, **options))


def _for_each_profile(arguments, act):
    """Does it for one profile after the other; a failed page of one does not keep the next from being made."""
    from cfa_nb.reproduce.draw import PagesFailed

    code = 0
    for name in _profiles(arguments):
        try:
            act(name)
        except PagesFailed as error:
            code = _fail(f"{name}: {error}", 1)
    return code


def _status(arguments):
    import json

    from cfa_nb.reproduce.status import lines, status

    states = [status(name) for name in _profiles(arguments)]
    if arguments.json:
        print(json.dumps(states, indent=1))
    else:
        print("\n".join(line for state in states for line in lines(state)))


def _train(arguments):
    from cfa_nb.reproduce.single import train_one

    try:
        config = _config(arguments)
    except ValueError as error:
        return _fail(str(error), 2)
    train_one(profile_named(arguments.profile), config)


def _config(arguments):
    """The config that `train` asks for; `ValueError` on an unknown method, field or value."""
    from cfa_nb.reproduce.single import changes_from

    profile = profile_named(arguments.profile)
    seed = profile.seeds[0] if arguments.seed is None else arguments.seed
    return profile.config(arguments.method, seed, **changes_from(arguments.changes))
