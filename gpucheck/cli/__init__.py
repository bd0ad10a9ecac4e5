"""The command line: parse, wire the rooms together, choose the exit code. Nothing is judged here."""

from gpucheck.cli.app import main

__all__ = ["main"]
