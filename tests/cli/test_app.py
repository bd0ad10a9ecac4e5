"""The root command: quick start, one line for every failure, the right exit code."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from gpucheck import __version__
from gpucheck.cli import app, exit_codes, main
from gpucheck.cli.app import COMMANDS, cli
from gpucheck.cli.errors import CallError
from gpucheck.model.base import GpucheckError
from gpucheck.render.document import render_evidence
from tests.builders import make_evidence

HEAVY = ("numpy", "cupy", "pynvml", "pydantic")


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_start_imports_nothing_heavy(argument: str) -> None:
    code = (
        "import sys; sys.argv = ['gpucheck', sys.argv[1]]\n"
        "from gpucheck.cli import main\n"
        "try: main()\n"
        f"except SystemExit: print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_assess_touches_neither_hardware_nor_numpy(tmp_path: Path) -> None:
    file = tmp_path / "evidence.json"
    file.write_text(render_evidence([make_evidence()]))
    forbidden = ("numpy", "cupy", "pynvml", "rich", "gpucheck.simulation", "gpucheck.device", "gpucheck.watchdog")
    code = "import sys\nfrom gpucheck.cli import main\n"
    code += f"try: main()\nexcept SystemExit: print([m for m in {forbidden} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, "assess", str(file)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("GeForce RTX 4090: AUTHENTIC")
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_scan_leaves_numpy_to_the_child_that_needs_it() -> None:
    code = "import sys\nfrom gpucheck.cli import main\ntry: main()\nexcept SystemExit: print('numpy' in sys.modules)"
    scan = ("scan", "--simulate", "rtx-4090", "--quick")
    done = subprocess.run([sys.executable, "-c", code, *scan], capture_output=True, text=True, check=True)
    assert "AUTHENTIC" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


def test_a_sellers_text_loads_nothing_that_it_has_no_use_for(tmp_path: Path) -> None:
    file = tmp_path / "seller.txt"
    file.write_text("GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-11112222-3333-4444-5555-666677778888)\n")
    forbidden = ["numpy", "gpucheck.catalog.lint", "gpucheck.catalog.silicon", "gpucheck.model.capability",
                 "gpucheck.model.profile_files", "gpucheck.render.document", "gpucheck.render.schema"]  # fmt: skip
    # From 3.13 on Python itself loads json, with importlib.metadata.
    forbidden += ["json"] if sys.version_info < (3, 13) else []
    code = "import sys\nfrom gpucheck.cli import main\n"
    code += f"try: main()\nexcept SystemExit: print([m for m in {forbidden} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, "assess", str(file)], capture_output=True, text=True, check=True)
    assert "GeForce RTX 4090" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[-1] == "[]"


def test_at_the_exit_the_last_words_of_others_are_still_heard() -> None:
    code = (
        "import atexit, weakref\n"
        "class Held: pass\n"
        "held = Held()\n"
        "weakref.finalize(held, print, 'finalised')\n"
        "atexit.register(print, 'at exit')\n"
        "from gpucheck.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"gpucheck {__version__}", "at exit", "finalised"]


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).output == f"gpucheck {__version__}\n"


def test_help_holds_every_command_and_every_exit_code() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    assert all(f"  {name}" in text for name in COMMANDS)
    assert all(f"{code.value:>3}  {meaning}" in text for code, meaning in exit_codes.MEANINGS.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    subcommands = result.output.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert not [line for line in subcommands if line.endswith("...")], "each says in one line what it does"


@pytest.mark.parametrize("arguments", [["nonsense"], ["scan", "--nonsense"], ["scan", "--jobs", "0"], ["assess"]])
def test_a_wrong_call_is_usage(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == exit_codes.ExitCode.USAGE
    assert "Usage: gpucheck" in result.stderr


def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> "click.testing.Result":
    """Run a command that raises ``error``."""

    @click.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(app.Root, "get_command", lambda *_: fail)
    return CliRunner().invoke(cli, ["fail"])


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (GpucheckError("no card.", "buy one"), 3, "gpucheck: no card.\n  buy one\n"),
        (CallError("no such claim"), 2, "gpucheck: no such claim\n"),
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_every_failure_has_its_code_and_its_line(
    error: BaseException, code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = failing(error, monkeypatch)
    assert (result.exit_code, result.stderr) == (code, says)


def test_an_internal_error_is_one_line_and_how_to_report_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = failing(ZeroDivisionError("by \x1b[2J zero"), monkeypatch)
    assert result.exit_code == 1
    first, second = result.stderr.splitlines()
    assert first == "gpucheck: internal error: ZeroDivisionError: by  [2J zero"
    assert "report" in second
    assert "Traceback" not in result.stderr


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUCHECK_DEBUG", "1")
    assert "Traceback" in failing(ZeroDivisionError("x"), monkeypatch).stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    pipe = f"{sys.executable} -m gpucheck explain | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m gpucheck explain > /dev/full"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.startswith("gpucheck: the result cannot be written to stdout: No space left")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", ["scenarios list", "scenarios show rtx-4090", "profiles list", "--help"])
def test_a_full_stdout_is_told_by_every_command(arguments: str) -> None:
    call = f"{sys.executable} -m gpucheck {arguments} > /dev/full"
    done = subprocess.run(["bash", "-c", call], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == "gpucheck: the result cannot be written to stdout: No space left on device.\n"


def test_a_closed_stderr_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    call = f"{sys.executable} -m gpucheck scan --quick --simulate rtx-4090 -v -o {target} <&- >&- 2>&-"
    done = subprocess.run(["bash", "-c", call], check=False)
    assert done.returncode == 0
    assert json.loads(target.read_text())["cards"][0]["simulated"] == "rtx-4090"


def test_ctrl_c_while_the_program_is_being_loaded_leaves_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(ModuleType):
        def __getattr__(self, name: str) -> object:
            raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "gpucheck.cli.app", Interrupted("gpucheck.cli.app"))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
