"""`evaluate`: attacks a file of finished weights, ours or foreign, and prints its class-wise robustness card."""

import json
import os
import re

import click


def _margin(context, option, text):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/(\d+(?:\.\d+)?))?", text or "")
    numerator, denominator = (float(match[1]), float(match[2] or 1)) if match else (0.0, 0.0)
    if text is not None and not 0 < numerator <= denominator:
        raise click.BadParameter(f"must lie above 0 and up to 1, such as 8/255 or 0.03, not {text!r}")
    return numerator / denominator if match else None


# fmt: off
@click.command()
@click.option("--weights", required=True, metavar="FILE", help=".safetensors, or a state dict written by torch.save.")
@click.option("--checkpoint", metavar="NAME", help="Which one of a file below outputs/, such as fawa/last.")
@click.option("--architecture", metavar="NAME",
              help="package.module:callable, or preactresnet18 (default: what the file says or looks like).")
@click.option("--dataset", metavar="NAME", help="Such as cifar10 or folder:NAME; a wrong one lists all (default: what "
              "our weights were trained on; cifar10 for others).")
@click.option("--data-dir", metavar="DIR", help="The folder of images, for --dataset folder.")
@click.option("--image-size", type=click.IntRange(min=1), metavar="N", help="Resize its images to N x N pixels.")
@click.option("--attacks", metavar="LIST", help="Such as pgd20,targeted20,square,aa-fast,aa (default: pgd20,aa; "
              "pgd20,square for fewer than 10 classes).")
@click.option("--eps", callback=_margin, metavar="E",
              help="In pixel units, such as 8/255 (default: our weights' own; 8/255).")
@click.option("--per-class", type=click.IntRange(min=1), metavar="N", help="Only the first N test images a class.")
@click.option("--seed", type=int, metavar="N", help="Of the attacks (default: the run's; 0).")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Default: a GPU if there is one.")
@click.option("--json", "json_file", metavar="FILE", help="Also write the card as data.")
@click.option("--runs", metavar="DIR", help="Where the journals of AutoAttack are kept (default: runs/).")
def evaluate(weights, data_dir, attacks, eps, per_class, seed, device, json_file, runs, **options):
    """Attack a file of weights and say how robust each class is.

    Our weights say themselves what they are; those of the paper's authors are recognised; any other network comes from
    a callable of yours, which is called without arguments and gives an nn.Module from pixels in [0, 1] to logits.
    Batches of AutoAttack that are done are not done again after an interruption.
    """
    # fmt: on
    import torch

    from cfa_nb.card.subject import attack_kinds, load_subject
    from cfa_nb.files import write

    for variable, folder in (("CFA_NB_DATA_DIR", data_dir), ("CFA_NB_RUNS", runs)):
        if folder is not None:
            os.environ[variable] = os.path.abspath(folder)
    if device == "cuda" and not torch.cuda.is_available():
        raise click.UsageError("--device cuda: there is no CUDA device here; leave it out")
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if attacks is not None:
        attack_kinds(attacks)  # wrong names are said before anything is read
    subject = load_subject(weights, **options)
    chosen = subject.attacks(attacks, eps, per_class)
    card = subject.card(chosen, seed, device, report=lambda line: click.echo(line, err=True))
    click.echo("\n".join(card.lines()))
    if json_file:
        write(json_file, (json.dumps(card.to_dict(), indent=1) + "\n").encode())
    for attack in chosen:
        subject.journal_file(attack).unlink(missing_ok=True)
