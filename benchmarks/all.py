"""All benchmarks, one after the other; the full run ends by writing the results into `README.md`.

python -m benchmarks.all --authors CFA --quick
"""

import time

from benchmarks import readme
from benchmarks.options import hint, parse, parser
from benchmarks.results import RESULTS
from benchmarks.tables import seconds


def main(argv=None):
    """The command."""
    options = parse(parser("all", __doc__), argv)
    print(hint(options), flush=True)
    started = time.perf_counter()
    for module in readme.BENCHMARKS:
        module.main(arguments(options, module))
    print(f"\nall of it took {seconds(time.perf_counter() - started)}; the JSON lies in {options.out}")
    if options.out == str(RESULTS):
        readme.main()
        print("README.md of this folder holds the new results")


def arguments(options, module):
    """What one benchmark is called with."""
    given = ["--device", options.device, "--threads", str(options.threads)]
    given += ["--precision", options.precision, "--out", options.out]
    given += ["--quick"] if options.quick else []
    return given + (["--authors", options.authors] if options.authors and module.COMPARES else [])


if __name__ == "__main__":
    main()
