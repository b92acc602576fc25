"""`evaluate`: judges a file of finished weights, ours or foreign, and prints its class-wise robustness card.

Here are its options and what they may say. `cfa_nb.prepare` makes a `Bench` of the file, and that a `Card`.
"""

import argparse
import json
import re
import sys

DATASETS = ("cifar10", "cifar100", "tiny-imagenet", "demo", "digits", "folder")

_MORE = """Our weights say themselves what they are; those of the paper's authors are recognised; any other network
comes from a callable of yours, which is called without arguments and gives an nn.Module from pixels in [0, 1] to
logits. Batches of AutoAttack that are done are not done again after an interruption."""


def add_command(commands, command):
    """Adds `evaluate` to the command line; command(commands, name, run, text, more) makes its parser."""
    add = command(commands, "evaluate", _evaluate, "judge a file of weights class by class", _MORE).add_argument
    add("--weights", required=True, metavar="FILE", help=".safetensors, or a state dict written by torch.save")
    text = "package.module:callable, or preactresnet18 (default: what the file says or looks like)"
    add("--architecture", metavar="NAME", help=text)
    text = f"{', '.join(DATASETS)} or folder:NAME (default: what our weights were trained on; cifar10 for others)"
    add("--dataset", type=_dataset, metavar="NAME", help=text)
    add("--data-dir", metavar="DIR", help="the folder of images, for --dataset folder")
    add("--image-size", type=_positive, metavar="N", help="resize its images to N x N pixels")
    text = "such as pgd20,pgd100,square,aa-fast,aa (default: pgd20,aa; pgd20,square for fewer than 10 classes)"
    add("--attacks", type=_attacks, metavar="LIST", help=text)
    add("--eps", type=_margin, metavar="E", help="in pixel units, such as 8/255 (default: our weights' own; 8/255)")
    add("--per-class", type=_positive, metavar="N", help="judge on the first N test images of each class only")
    add("--seed", type=int, metavar="N", help="of the attacks (default: the run's; 0)")
    add("--device", choices=("cpu", "cuda"), help="where to attack (default: a GPU if there is one)")
    add("--json", metavar="FILE", help="also write the card as data")


def _attacks(text):
    from cfa_nb.bench import UsageError, check_attack_names

    try:
        return check_attack_names(text.split(","))
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _dataset(text):
    name, colon, label = text.partition(":")
    if name not in DATASETS or (colon and (name != "folder" or not label)):
        raise argparse.ArgumentTypeError(f"unknown dataset {text!r}; there are {', '.join(DATASETS)} and folder:NAME")
    return text


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def _margin(text):
    number = r"\d+(?:\.\d+)?"
    match = re.fullmatch(rf"({number})(?:/({number}))?", text)
    below = float(match[2] or 1) if match else 0.0
    value = float(match[1]) / below if below else 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must lie above 0 and up to 1, such as 8/255 or 0.03, not {text!r}")
    return value


def _evaluate(arguments):
    from cfa_nb.bench import UsageError
    from cfa_nb.files import write
    from cfa_nb.prepare import prepare

    options = {n: getattr(arguments, n) for n in ("architecture", "dataset", "image_size", "eps", "seed", "device")}
    try:
        bench = prepare(arguments.weights, **options)
        attacks = bench.attacks(arguments.attacks, arguments.per_class)
    except UsageError as error:
        _say(f"cfa_nb: {error}")
        return 2
    card = bench.judge(attacks, _say)
    print("\n".join(card.lines()), flush=True)
    if arguments.json:
        write(arguments.json, (json.dumps(card.to_dict(), indent=1) + "\n").encode())
    bench.settle(attacks)
    return 0


def _say(line):
    print(line, file=sys.stderr, flush=True)
