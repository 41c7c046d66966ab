"""`python -m paddock.worker.cli`: the same as the `paddock` script, for debuggers that start modules."""

import sys

from paddock.worker.cli import main

__all__: list[str] = []

if __name__ == "__main__":  # child processes of the engine import this module again
    sys.exit(main())
