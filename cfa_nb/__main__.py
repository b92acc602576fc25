"""`python -m cfa_nb`: see cfa_nb/cli.py."""

import sys

from cfa_nb.cli import main

if __name__ == "__main__":
    sys.exit(main())
