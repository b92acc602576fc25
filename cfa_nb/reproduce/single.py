"""One run from the command line: `train at_ccm --seed 1 --set lambda_1=0.4`."""

from dataclasses import fields
from types import UnionType
from typing import get_args, get_origin, get_type_hints

from cfa_nb.config import LIVE, TrainConfig
from cfa_nb.paths import runs_dir
from cfa_nb.reproduce.draw import print_line
from cfa_nb.reproduce.progress import run_lines
from cfa_nb.store import RunStore

NOT_SETTABLE = {"seed": "use --seed", "parent": "an FRL run takes the AT run of its seed"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def train_one(profile, config, say=print_line):
    """Trains a run of a profile, and its parent, unless they are finished; says how it did and where it lies.

    All its checkpoints are kept: a run that is asked for by name is wanted.
    """
    from cfa_nb.sweep import ensure

    store = RunStore(runs_dir())
    trained = ensure(profile, [config], store, workers=1, progress=run_lines(profile, say), keep_weights="all")
    record = store.record(config)
    robust = record.measured(LIVE, "test", config.epochs).robust
    say(f"{store.path(config).name}: {'trained' if config in trained else 'was finished already'}")
    say(f"  robust test accuracy after epoch {config.epochs} (PGD-{config.eval_steps}): {100 * robust.overall:.1f} %")
    say(f"  worst class {record.class_names[robust.worst_class]}: {100 * robust.worst:.1f} %")
    say(f"  {store.path(config)}")


def changes_from(pairs):
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
    settable = [f.name for f in fields(TrainConfig) if f.name not in NOT_SETTABLE]
    if name not in settable:
        raise ValueError(f"--set: unknown field {name!r}; there are {', '.join(settable)}")
    kind = get_type_hints(TrainConfig)[name]
    try:
        return name, _value(kind, text)
    except (ValueError, KeyError, ZeroDivisionError) as error:
        raise ValueError(f"--set {name}: {text!r} is no {_kind_name(kind)}") from error


def _value(kind, text):
    if isinstance(kind, UnionType):  # such as int | None
        return None if text.lower() == "none" else _value(get_args(kind)[0], text)
    if get_origin(kind) is tuple:
        return tuple(int(part) for part in text.split(",") if part)
    if kind is bool:
        return _TRUTH[text.lower()]
    return _number(text) if kind is float else kind(text)


def _number(text):
    """A number, or a fraction such as 8/255."""
    above, slash, below = text.partition("/")
    return float(above) / float(below) if slash else float(text)


def _kind_name(kind):
    if get_origin(kind) is tuple:
        return "list of whole numbers such as 10,15"
    names = {bool: "truth value (true or false)", int: "whole number", float: "number or fraction such as 8/255"}
    return names.get(kind, str(kind))
