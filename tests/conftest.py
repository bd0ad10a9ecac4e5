"""What many tests need: an empty inventory on SQLite and on PostgreSQL (``place`` runs on both), and a browser."""

import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests import browser
from tests.store.server import CannotServeError, server

_numbers = count()
_FOR_A_CARD = Path(__file__).parent / "gpu"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control starts what runs in its background so; programs under test would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``-m gpu`` look at ``tests/gpu`` alone: other tests want packages that a machine with a card may lack."""
    if config.option.markexpr.strip() != "gpu":
        return None
    alike = collection_path.is_relative_to(_FOR_A_CARD) or _FOR_A_CARD.is_relative_to(collection_path)
    return None if alike else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: begun last, it would keep one of two workers waiting for the other."""
    items.sort(key=lambda item: item.get_closest_marker("longest") is None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The folder of a running server's socket."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    try:
        with server() as folder:
            yield folder
    except CannotServeError as error:
        pytest.skip(str(error))


def database(folder: str) -> str:
    """The URL of a new, empty database."""
    import psycopg

    name = f"inventory{next(_numbers)}"
    with psycopg.connect(host=folder, user="gpucheck", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload, unused-ignore]
    return f"postgresql://gpucheck@/{name}?host={folder}"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an inventory can be made."""
    if request.param == "sqlite":
        return str(tmp_path / "inventory.sqlite")
    return database(request.getfixturevalue("postgres"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[browser.Browser]:
    """A browser without a window; who takes it is skipped where none is installed."""
    program = browser.find()
    if program is None:
        pytest.skip("no Chromium is installed; on Debian: apt install chromium")
    with browser.browser(program) as opened:
        yield opened
