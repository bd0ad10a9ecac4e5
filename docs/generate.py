"""Writes the generated pages and schemas: ``make docs``. ``tests/test_docs.py`` holds them to this."""

from pathlib import Path

from gpucheck.checks import ALL_CHECKS
from gpucheck.cli import exit_codes
from gpucheck.render.manual import checks_page
from gpucheck.render.schema import FOLDER, schemas

DOCS = Path(__file__).resolve().parent


def pages() -> dict[Path, str]:
    """Return every generated file with what it should hold."""
    found = {DOCS / "checks.md": checks_page(ALL_CHECKS), DOCS / "exit-codes.md": exit_codes.page()}
    return found | {FOLDER / name: text for name, text in schemas().items()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
