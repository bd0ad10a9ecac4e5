"""The wheel works where nothing but the wheel is: built, installed in a clean environment, run in an empty folder."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.slow


def run(*call: object, cwd: Path) -> str:
    """Run a program that must succeed, and return its stdout."""
    done = subprocess.run([str(part) for part in call], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment with the wheel. Dependencies are those of this environment: no network."""
    home = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=home)
    # After the wheel's own files, so that an editable install of the checkout can never win.
    (site / "zz_dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return home / "bin"


def test_the_wheel_holds_data_and_schemas(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "gpucheck/_data/kernels/memory_walk.cu" in names
    assert "gpucheck/schema/report-v1.schema.json" in names
    assert "gpucheck/py.typed" in names
    assert {f"gpucheck/render/html/templates/{name}" for name in ("page.html", "card.html", "style.css")} <= names
    assert {f"gpucheck/web/templates/{name}" for name in ("base.html", "list.html", "item.html", "web.css")} <= names
    assert any(name.startswith("gpucheck/_data/profiles/") for name in names)
    assert any(name.startswith("gpucheck/simulation/scenarios/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests/") for name in names)


def test_a_simulated_scan_runs_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    text = run(installed / "gpucheck", "scan", "--simulate", "rtx-4090", "--format", "json", cwd=tmp_path)
    card = json.loads(text)["cards"][0]
    assert card["simulated"] == "rtx-4090"
    assert card["verdict"]["authenticity"] == "authentic"
    assert list(tmp_path.iterdir()) == []


def test_a_page_is_made_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    run(installed / "gpucheck", "scan", "--simulate", "rtx-4090", "-o", "page.html", cwd=tmp_path)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>\n")
    assert "No real card was examined. Scenario: rtx-4090." in text


def test_the_installed_code_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    place = run(installed / "python", "-c", "import gpucheck; print(gpucheck.__file__)", cwd=tmp_path)
    assert Path(place.strip()).is_relative_to(installed.parent)


def test_profiles_are_found(installed: Path, tmp_path: Path) -> None:
    assert "geforce-rtx-4090 " in run(installed / "gpucheck", "profiles", "list", cwd=tmp_path)


def test_python_m_gpucheck(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "python", "-m", "gpucheck", "--version", cwd=tmp_path).startswith("gpucheck ")


def test_an_inventory_is_made_with_the_wheels_own_migrations(installed: Path, tmp_path: Path) -> None:
    place = tmp_path / "inventory.sqlite"
    run(installed / "gpucheck", "scan", "--quick", "--simulate", "rtx-4090", "--save", "--store", place, cwd=tmp_path)
    assert "GeForce RTX 4090" in run(installed / "gpucheck", "inventory", "list", "--store", place, cwd=tmp_path)
    code = (
        "import sys\nfrom gpucheck.store.store import open_store\nfrom gpucheck.web.app import make_app\n"
        "client = make_app(open_store(sys.argv[1])).test_client()\n"
        "print(client.get('/').text, client.get('/style.css').text, client.get('/item/1/report/1').status_code)"
    )
    page = run(installed / "python", "-c", code, place, cwd=tmp_path)
    assert "GeForce RTX 4090" in page
    assert page.endswith(" 200\n")
