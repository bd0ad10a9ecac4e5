"""The command line: parse, wire the rooms together, choose the exit code. Nothing is judged here."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and exit; also where Ctrl-C comes while it is still being loaded."""
    try:
        from gpucheck.cli.app import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()


__all__ = ["main"]
