"""How failures reach a person: one line that says what happened, one that says what to do. Never a bare traceback."""

import os
import sys

from gpucheck.cli.exit_codes import ExitCode

ISSUES = "https://github.com/gpucheck/gpucheck/issues"
DEBUG_VARIABLE = "GPUCHECK_DEBUG"
_LONGEST = 1500
_FAULTS = {"store": ExitCode.STORE, "call": ExitCode.USAGE}


class CliError(Exception):
    """A failure with the exit code that it ends in, for what has no ``GpucheckError`` of its own."""

    def __init__(self, message: str, hint: str = "", code: ExitCode = ExitCode.NOTHING) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class CallError(CliError):
    """The call itself is wrong: it names something that does not exist."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint, ExitCode.USAGE)


def tell(message: str, hint: str = "") -> None:
    """Print an error line and its hint on stderr."""
    print(f"gpucheck: {_clean(message)}", file=sys.stderr)  # noqa: T201
    if hint:
        print(f"  {_clean(hint)}", file=sys.stderr)  # noqa: T201


def say(message: str) -> None:
    """Print a remark on stderr."""
    print(_clean(message), file=sys.stderr)  # noqa: T201


def report(error: Exception) -> ExitCode:
    """Tell of an error on stderr and return the exit code that it deserves."""
    code = _code_of(error)
    if code is not ExitCode.INTERNAL:
        tell(getattr(error, "message", str(error)), getattr(error, "hint", ""))
        return code
    tell(
        f"internal error: {type(error).__name__}: {error}",
        f"This is a fault of gpucheck. Please report it with the call that led here: {ISSUES}; "
        f"{DEBUG_VARIABLE}=1 shows where it happened.",
    )
    if os.environ.get(DEBUG_VARIABLE) == "1":
        import traceback

        traceback.print_exception(error)
    return code


def _code_of(error: Exception) -> ExitCode:
    if isinstance(error, CliError):
        return error.code
    from gpucheck.model.base import GpucheckError

    if not isinstance(error, GpucheckError):
        return ExitCode.INTERNAL
    return _FAULTS.get(getattr(error, "fault", ""), ExitCode.NOTHING)


def _clean(text: str) -> str:
    from gpucheck.model.text import sanitise

    encoding = getattr(sys.stderr, "encoding", None) or "ascii"
    return sanitise(text, _LONGEST).encode(encoding, "replace").decode(encoding)
