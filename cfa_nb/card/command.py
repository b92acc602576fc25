"""`evaluate`: attacks a file of finished weights, ours or foreign, and prints its class-wise robustness card."""

import json
import re
import sys

import click

DATASETS = ("cifar10", "cifar100", "tiny-imagenet", "demo", "digits", "folder")


class _Checked(click.ParamType):
    """An option's text turned into its value by a function whose `ValueError` says what there is."""

    def __init__(self, name, check):
        self.name, self.check = name, check

    def convert(self, value, param, ctx):
        try:
            return self.check(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _attacks(text):
    from cfa_nb.card.bench import check_attack_names

    return check_attack_names(text.split(","))


def _dataset(text):
    name, colon, label = text.partition(":")
    if name not in DATASETS or (colon and (name != "folder" or not label)):
        raise ValueError(f"unknown dataset {text!r}; there are {', '.join(DATASETS)} and folder:NAME")
    return text


def _margin(text):
    number = r"\d+(?:\.\d+)?"
    match = re.fullmatch(rf"({number})(?:/({number}))?", text)
    below = float(match[2] or 1) if match else 0.0
    value = float(match[1]) / below if below else 0.0
    if not 0 < value <= 1:
        raise ValueError(f"must lie above 0 and up to 1, such as 8/255 or 0.03, not {text!r}")
    return value


@click.command()
@click.option("--weights", required=True, metavar="FILE", help=".safetensors, or a state dict written by torch.save.")
@click.option(
    "--architecture",
    metavar="NAME",
    help="package.module:callable, or preactresnet18 (default: what the file says or looks like).",
)
@click.option(
    "--dataset",
    type=_Checked("dataset", _dataset),
    metavar="NAME",
    help=f"{', '.join(DATASETS)} or folder:NAME (default: what our weights were trained on; cifar10 for others).",
)
@click.option("--data-dir", metavar="DIR", help="The folder of images, for --dataset folder.")
@click.option("--image-size", type=click.IntRange(min=1), metavar="N", help="Resize its images to N x N pixels.")
@click.option(
    "--attacks",
    type=_Checked("attacks", _attacks),
    metavar="LIST",
    help="Such as pgd20,pgd100,square,aa-fast,aa (default: pgd20,aa; pgd20,square for fewer than 10 classes).",
)
@click.option(
    "--eps",
    type=_Checked("margin", _margin),
    metavar="E",
    help="In pixel units, such as 8/255 (default: our weights' own; 8/255).",
)
@click.option("--per-class", type=click.IntRange(min=1), metavar="N", help="Only the first N test images a class.")
@click.option("--seed", type=int, metavar="N", help="Of the attacks (default: the run's; 0).")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Default: a GPU if there is one.")
@click.option("--json", "json_file", metavar="FILE", help="Also write the card as data.")
@click.option("--runs", metavar="DIR", help="Where the journals of AutoAttack are kept (default: runs/).")
def evaluate(weights, data_dir, attacks, per_class, json_file, runs, **options):
    """Attack a file of weights and say how robust each class is.

    Our weights say themselves what they are; those of the paper's authors are recognised; any other network comes from
    a callable of yours, which is called without arguments and gives an nn.Module from pixels in [0, 1] to logits.
    Batches of AutoAttack that are done are not done again after an interruption.
    """  # fmt: skip
    import os
    from pathlib import Path

    from cfa_nb.card.bench import UsageError
    from cfa_nb.card.prepare import prepare
    from cfa_nb.files import write

    for variable, folder in (("CFA_NB_DATA_DIR", data_dir), ("CFA_NB_RUNS", runs)):
        if folder is not None:
            os.environ[variable] = str(Path(folder).absolute())
    try:
        bench = prepare(weights, **options)
        chosen = bench.attacks(attacks, per_class)
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    card = bench.judge(chosen, _say)
    print("\n".join(card.lines()), flush=True)
    if json_file:
        write(json_file, (json.dumps(card.to_dict(), indent=1) + "\n").encode())
    bench.settle(chosen)


def _say(line):
    print(line, file=sys.stderr, flush=True)
