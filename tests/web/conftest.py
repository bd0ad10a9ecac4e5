"""A shop's inventory on SQLite and on PostgreSQL, which tests only look at, and a browser of sorts for it."""

import pytest
from flask.testing import FlaskClient

from gpucheck.store.store import Store
from tests.conftest import database
from tests.store.conftest import no_variable
from tests.web.shop import client_of, fill

__all__ = ["client", "local", "no_variable", "store"]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    if request.param == "sqlite":
        return fill(str(tmp_path_factory.mktemp("shop") / "inventory.sqlite"))
    return fill(database(request.getfixturevalue("postgres")))


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return client_of(store)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """The same on SQLite alone, for what has nothing to do with the database."""
    return client_of(fill(str(tmp_path_factory.mktemp("local") / "inventory.sqlite")), "Bench7.local")
