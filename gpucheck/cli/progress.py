"""Progress on stderr: one line that overwrites itself on a terminal, plain lines with ``--verbose``, else nothing."""

import sys
from typing import TYPE_CHECKING

import click

from gpucheck.model.text import sanitise

if TYPE_CHECKING:
    from gpucheck.watchdog import Event

_CLEAR = "\r\x1b[K"
_WIDTH = 78


class Progress:
    """Takes the watchdog's events, or counts. As a context manager it leaves a clean line behind."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.verbose = verbose
        self.live = sys.stderr.isatty() and not verbose
        self._shown = ""

    def __enter__(self) -> "Progress":
        """Start."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe the status line."""
        if self._shown:
            click.echo(_CLEAR, nl=False, err=True, color=True)

    def __call__(self, event: "Event") -> None:
        """Show news of a card."""
        if self.verbose:
            self._tell(event)
        elif self.live:
            self._overwrite(event)

    def count(self, what: str, number: int, of: int) -> None:
        """Show on a terminal how far a job is that has no stages."""
        if self.live:
            self._show(f"{what}: {number:,} of {of:,}")

    def _tell(self, event: "Event") -> None:
        if event.section is None and event.share > 0:
            return
        outcome = "" if event.section is None else f": {_outcome(event.section)}"
        click.echo(sanitise(f"{event.card}: {_place(event)}{event.stage}{outcome or ' ...'}", 300), err=True)

    def _overwrite(self, event: "Event") -> None:
        from gpucheck.model.units import percent
        from gpucheck.render.words import section

        share = f" {percent(event.share)}" if 0 < event.share < 1 else ""
        self._show(sanitise(f"{event.card}: {_place(event)}{section(event.stage)}{share}", 200))

    def _show(self, text: str) -> None:
        import shutil

        line = text[: min(_WIDTH, shutil.get_terminal_size((80, 24)).columns - 1)]
        if line != self._shown:
            self._shown = line
            click.echo(_CLEAR + line, nl=False, err=True, color=True)


def _place(event: "Event") -> str:
    return f"{event.number} of {event.of}, " if event.of else ""


def _outcome(section: object) -> str:
    reason = getattr(section, "unavailable", None)
    detail = getattr(section, "detail", "")
    return "done" if reason is None else f"{str(reason).replace('_', ' ')}{f' ({detail})' if detail else ''}"
