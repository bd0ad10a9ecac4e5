"""Writes the generated pages and schemas: ``make docs``. ``tests/test_docs.py`` holds them to this."""

import subprocess
import sys
from pathlib import Path

from gpucheck.catalog.files import schemas as profile_schemas
from gpucheck.checks import ALL_CHECKS
from gpucheck.cli import exit_codes
from gpucheck.render.manual import checks_page
from gpucheck.render.schema import FOLDER, schemas

DOCS = Path(__file__).resolve().parent
START, END = "<!-- example: ", "<!-- end of example -->"


def pages() -> dict[Path, str]:
    """Return every generated file with what it should hold."""
    found = {DOCS / "checks.md": checks_page(ALL_CHECKS), DOCS / "exit-codes.md": exit_codes.page()}
    found |= {DOCS.parent / "profiles" / name: text for name, text in profile_schemas().items()}
    return found | {FOLDER / name: text for name, text in schemas().items()}


def example(text: str) -> str:
    """Return the README with its example run anew. Only ``make docs`` does this: digests in it change often."""
    call, rest = text.split(START, 1)[1].split(" -->", 1)
    done = subprocess.run([sys.executable, "-m", *call.split()], capture_output=True, text=True, check=False)  # noqa: S603
    return f"{text.split(START, 1)[0]}{START}{call} -->\n```text\n{done.stdout}```\n{END}{rest.split(END, 1)[1]}"


if __name__ == "__main__":
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")
    readme = DOCS.parent / "README.md"
    readme.write_text(example(readme.read_text(encoding="utf-8")), encoding="utf-8")
