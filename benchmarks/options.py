"""The options that all benchmarks share, and what they do before anything is measured."""

import argparse
import shlex
import sys

import torch

from benchmarks.authors import HOW_TO_GET, URL, load
from benchmarks.results import RESULTS


def parser(name, description, authors=True):
    """A parser with the shared options, `--authors` where the released code takes part; a benchmark adds its own."""
    found = argparse.ArgumentParser(f"python -m benchmarks.{name}", description=description)
    found.set_defaults(authors=None, compares=authors)
    if authors:
        found.add_argument("--authors", metavar="DIR", help=f"a checkout of the authors' released code ({URL})")
    found.add_argument("--device", default="cpu", help="cpu or cuda")
    found.add_argument("--threads", type=int, default=1, help="threads of PyTorch on the CPU")
    found.add_argument("--precision", default="fp32", help="of our candidates (%(default)s); the authors' is fp32")
    found.add_argument("--quick", action="store_true", help="smaller and fewer: for a look, not for publication")
    found.add_argument("--out", metavar="DIR", help="where the JSON goes (benchmarks/results; --quick: quick below it)")
    return found


def parse(found, argv=None):
    """The options, checked; threads are set and the authors' code is loaded into `options.code` (None without it).

    Prints how to get the released code where it is not named. Errors end the program with a message.
    """
    argv = sys.argv[1:] if argv is None else argv
    options = found.parse_args(argv)
    if options.threads < 1:
        found.error("--threads must be at least 1")
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        found.error("PyTorch sees no CUDA device here; leave --device out")
    options.out = options.out or str(RESULTS / "quick" if options.quick else RESULTS)
    options.command = command(found.prog, argv)
    torch.set_num_threads(options.threads)
    try:
        options.code = load(options.authors, options.device) if options.authors else None
    except FileNotFoundError as error:
        found.error(str(error))
    return options


def hint(options):
    """On the comparison that is left out, or the code that is compared with; empty where there is none to make."""
    if not options.compares:
        return ""
    if options.code is not None:
        return f"Authors' code: {options.code.version}."
    return f"The comparison with the authors' released code is left out. To make it: {HOW_TO_GET}"


def command(program, argv):
    """The command line as others can type it: folders of this machine are left out of it."""
    shown, skip = [], False
    for word, before in zip(argv, [None, *argv]):
        skip = word.startswith("--out") or before == "--out"
        private = before == "--authors" or word.startswith("--authors=")
        if not skip:
            shown.append(word if not private else word.partition("=")[0] + "=CFA" if "=" in word else "CFA")
    return shlex.join([*program.split(), *shown])


def comma_list(choices):
    """A type for argparse: "at,fat" to a tuple of known words."""

    def parse_words(text):
        words = tuple(text.split(","))
        unknown = [w for w in words if w not in choices]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(choices)}")
        return words

    return parse_words
