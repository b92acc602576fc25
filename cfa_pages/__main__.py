"""`python -m cfa_pages`: see cfa_pages/cli.py."""

import sys

from cfa_pages.cli import main

if __name__ == "__main__":
    sys.exit(main())
