"""Generated pages are fresh, and the README says what the program does."""

import importlib.util
import re
from pathlib import Path

import pytest

from gpucheck.cli import exit_codes
from gpucheck.cli.app import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def pages() -> dict[Path, str]:
    """What ``make docs`` would write."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[Path, str] = module.pages()
    return found


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_generated_files_are_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run `make docs`"


def test_the_readme_lists_the_commands_as_help_does() -> None:
    rows = re.findall(r"^\| `gpucheck (\w+)` \| (.+) \|$", README, re.MULTILINE)
    assert rows == [(name, text) for name, (_, text) in COMMANDS.items()]


def test_the_readme_lists_the_exit_codes() -> None:
    stated = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert stated == {code.value for code in exit_codes.ExitCode} - {130}


def test_the_example_is_simulated_and_says_so() -> None:
    example = README.partition("<!-- example")[2].partition("<!-- end of example -->")[0]
    assert example.count("SIMULATED") == 2
    assert all(len(line) <= 80 for line in example.splitlines()[2:])


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/*.md"))]
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if not link.startswith("http"):
            assert ((ROOT / page).parent / link).exists(), link
